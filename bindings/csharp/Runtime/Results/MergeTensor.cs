using Libpeft.Native;

namespace Libpeft {
  /// <summary>One tensor in the report of a merge.</summary>
  public sealed class MergeTensor {
    /// <summary>Name, as the checkpoint spells it.</summary>
    public string Name { get; }

    /// <summary>Type that the update was rounded to.</summary>
    public DType Dtype { get; }

    /// <summary>Share of the update that survived; 1 = all.</summary>
    public double Retained { get; }

    /// <summary>|dW|, Frobenius.</summary>
    public double UpdateNorm { get; }

    /// <summary>|W| before, Frobenius.</summary>
    public double WeightNorm { get; }

    internal MergeTensor(peft_merge_tensor from, string name) {
      Name = name;
      Dtype = (DType)from.dtype;
      Retained = from.retained;
      UpdateNorm = from.update_norm;
      WeightNorm = from.weight_norm;
    }
  }
}
