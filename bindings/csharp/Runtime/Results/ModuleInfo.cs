using Libpeft.Native;

namespace Libpeft {
  /// <summary>One module that adapters can target.</summary>
  public sealed class ModuleInfo {
    /// <summary>Name, as the checkpoint spells it.</summary>
    public string Name { get; }

    /// <summary>Number of its layer, -1 outside the layers.</summary>
    public int Layer { get; }

    /// <summary>"linear", "conv1d" (stored transposed), "embedding", "norm".</summary>
    public string Kind { get; }

    public long InFeatures { get; }

    public long OutFeatures { get; }

    /// <summary>Type of its weight.</summary>
    public DType Dtype { get; }

    /// <summary>True: "all-linear" leaves it out.</summary>
    public bool IsOutputHead { get; }

    internal ModuleInfo(peft_module_info from, string name) {
      Name = name;
      Layer = from.layer;
      Kind = from.kind;
      InFeatures = from.in_features;
      OutFeatures = from.out_features;
      Dtype = (DType)from.dtype;
      IsOutputHead = from.is_output_head != 0;
    }
  }
}
