using System.Collections.Generic;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>The job. What is not set keeps its default.</summary>
  public sealed class EstimateOptions {
    /// <summary>Default Job.Train.</summary>
    public Job? Job { get; set; }

    /// <summary>Type and device of the weights; default null = as stored, CPU.</summary>
    public ModelOptions ModelOptions { get; set; }

    /// <summary>True: the model is quantized after loading; default false.</summary>
    public bool? QuantizeNf4 { get; set; }

    /// <summary>GENERATE: sessions at once; default 1.</summary>
    public int? Sessions { get; set; }

    /// <summary>TRAIN: default null = LoraConfig's; GENERATE: default null = no adapter, unless
    /// AdapterConfig.</summary>
    public LoraConfig LoraConfig { get; set; }

    /// <summary>Text of an adapter_config.json instead of LoraConfig; default null.</summary>
    public string AdapterConfig { get; set; }

    /// <summary>TRAIN; default null = TrainerOptions's.</summary>
    public TrainerOptions TrainerOptions { get; set; }

    /// <summary>GENERATE; default null = SessionOptions's; its adapters are not read.</summary>
    public SessionOptions SessionOptions { get; set; }

    /// <summary>TRAIN: its longest batch is what counts; default null.</summary>
    public Dataset Dataset { get; set; }

    /// <summary>Without a dataset: tokens of a row; GENERATE: of a session; default 2048.</summary>
    public long? SequenceLength { get; set; }

    /// <summary>The structure with those that it points to.</summary>
    internal sealed class Made : System.IDisposable {
      internal readonly peft_estimate_options Struct;
      readonly List<System.IDisposable> nested = new List<System.IDisposable>();

      internal Made(EstimateOptions options) {
        if (options == null) return;
        Struct = new peft_estimate_options { Held = options };
        if (options.ModelOptions != null)
          Struct.model_options = Keep(new ModelOptions.Made(options.ModelOptions, null)).Struct;
        if (options.LoraConfig != null) Struct.lora_config = Keep(LoraConfig.Make(options.LoraConfig));
        if (options.TrainerOptions != null) Struct.trainer_options = Keep(TrainerOptions.Make(options.TrainerOptions));
        if (options.SessionOptions != null) Struct.session_options = Keep(SessionOptions.Make(options.SessionOptions));
        if (options.Job.HasValue) Struct.job = (int)options.Job.Value;
        if (options.QuantizeNf4.HasValue) Struct.quantize_nf4 = options.QuantizeNf4.Value ? 1 : 0;
        if (options.Sessions.HasValue) Struct.sessions = options.Sessions.Value;
        if (options.AdapterConfig != null) Struct.adapter_config = options.AdapterConfig;
        if (options.Dataset != null) Struct.dataset = options.Dataset.Handle;
        if (options.SequenceLength.HasValue) Struct.sequence_length = options.SequenceLength.Value;
      }

      T Keep<T>(T structure) where T : System.IDisposable {
        nested.Add(structure);
        return structure;
      }

      public void Dispose() {
        foreach (System.IDisposable structure in nested) structure.Dispose();
        if (Struct != null) Struct.Dispose();
      }
    }
  }
}
