using Libpeft.Native;

namespace Libpeft {
  /// <summary>What an adapter is.</summary>
  public sealed class AdapterInfo {
    /// <summary>Rank, or number of virtual tokens; 0 where the method has neither.</summary>
    public int R { get; }

    /// <summary>PEFT's peft_type: "LORA", "IA3", "PROMPT_TUNING".</summary>
    public string Method { get; }

    /// <summary>0 where the method has none.</summary>
    public double LoraAlpha { get; }

    /// <summary>Factor on its effect; 1 unless set.</summary>
    public double Scale { get; }

    /// <summary>Its numbers.</summary>
    public long ParameterElements { get; }

    /// <summary>Their memory.</summary>
    public long ParameterBytes { get; }

    /// <summary>Tensors; see Adapter.Parameters.</summary>
    public long ParameterCount { get; }

    /// <summary>Modules that it changes.</summary>
    public long ModuleCount { get; }

    /// <summary>Optimizer steps applied since it was attached or loaded.</summary>
    public long TrainedSteps { get; }

    public bool Trainable { get; }

    /// <summary>0 after Adapter.Detach.</summary>
    public bool Attached { get; }

    /// <summary>True: part of the base weights now.</summary>
    public bool Merged { get; }

    internal AdapterInfo(peft_adapter_info from) {
      R = from.r;
      Method = from.method;
      LoraAlpha = from.lora_alpha;
      Scale = from.scale;
      ParameterElements = from.parameter_elements;
      ParameterBytes = from.parameter_bytes;
      ParameterCount = from.parameter_count;
      ModuleCount = from.module_count;
      TrainedSteps = from.trained_steps;
      Trainable = from.trainable != 0;
      Attached = from.attached != 0;
      Merged = from.merged != 0;
    }
  }
}
