using Libpeft.Native;

namespace Libpeft {
  /// <summary>One tensor of a model or an adapter.</summary>
  public sealed class ParameterInfo {
    /// <summary>Name, as the checkpoint spells it.</summary>
    public string Name { get; }

    /// <summary>As held in memory.</summary>
    public DType Dtype { get; }

    /// <summary>Outermost first; unused places are 0.</summary>
    public long[] Shape { get; }

    /// <summary>True: training changes it (adapters only).</summary>
    public bool Trainable { get; }

    public long Elements { get; }

    public long Bytes { get; }

    internal ParameterInfo(peft_parameter_info from, string name) {
      Name = name;
      Dtype = (DType)from.dtype;
      Shape = new long[from.dimensions];
      for (int i = 0; i < Shape.Length; i++) Shape[i] = from.extent(i);
      Trainable = from.trainable != 0;
      Elements = from.elements;
      Bytes = from.bytes;
    }
  }
}
