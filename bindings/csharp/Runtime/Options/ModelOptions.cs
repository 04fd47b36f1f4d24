using Libpeft.Native;

namespace Libpeft {
  /// <summary>How to load a model. What is not set keeps its default.</summary>
  public sealed class ModelOptions {
    /// <summary>DType.AsStored (default: nothing is lost or grown), Float32 or BFloat16. Quantized
    /// blocks stay as stored unless a plain type is asked for.</summary>
    public DType? Dtype { get; set; }

    /// <summary>"cpu" (default), "cuda:0" and so on, or "auto": the first GPU where there is one,
    /// else the CPU. No silent fallback otherwise. null = the default.</summary>
    public string Device { get; set; }

    /// <summary>True: do not look for a tokenizer; default false.</summary>
    public bool? WithoutTokenizer { get; set; }

    /// <summary>True: files may be symbolic links that lead out of the folder, as in Hugging Face's
    /// cache; default false.</summary>
    public bool? FollowLinks { get; set; }

    /// <summary>Of the token embedding, of which a step reads a few rows; default Placement.Device;
    /// Auto is not offered. Host is Status.Unsupported where the head is the embedding
    /// (TiedHead).</summary>
    public Placement? EmbeddingPlacement { get; set; }

    /// <summary>Linear layers become NF4 as they are read, with the bits of Model.QuantizeNf4: one at
    /// a time is held as stored, so that a model fits whose stored weights do not. What is NF4 already
    /// stays. Its Cancel is not read. Default null = nothing is quantized.</summary>
    public QuantizeOptions QuantizeNf4 { get; set; }

    /// <summary>Told how far the load has come, from 0 to 1, on the thread that loads.</summary>
    public System.Action<double> OnProgress { get; set; }

    /// <summary>Stops the call, and tells how far it has come; a CancellationToken does the former too.</summary>
    public CancelToken Cancel { get; set; }

    /// <summary>The structure with the one that it points to.</summary>
    internal sealed class Made : System.IDisposable {
      internal readonly peft_model_options Struct;
      readonly peft_quantize_options nested;

      internal Made(ModelOptions options, Handles.peft_cancel cancel) {
        if (options == null && cancel == null) return;
        Struct = new peft_model_options { Held = options };
        if (options != null) {
          nested = QuantizeOptions.Make(options.QuantizeNf4, null);
          options.Fill(Struct);
          if (nested != null) Struct.quantize_nf4 = nested;
        }
        if (cancel != null) Struct.cancel = cancel;
      }

      public void Dispose() {
        if (Struct != null) Struct.Dispose();
        if (nested != null) nested.Dispose();
      }
    }

    void Fill(peft_model_options made) {
      if (Dtype.HasValue) made.dtype = (int)Dtype.Value;
      if (Device != null) made.device = Device;
      if (WithoutTokenizer.HasValue) made.without_tokenizer = WithoutTokenizer.Value ? 1 : 0;
      if (FollowLinks.HasValue) made.follow_links = FollowLinks.Value ? 1 : 0;
      if (EmbeddingPlacement.HasValue) made.embedding_placement = (int)EmbeddingPlacement.Value;
    }
  }
}
