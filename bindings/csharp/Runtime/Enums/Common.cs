namespace Libpeft {
  /// <summary>Element types of tensors. Block layouts are storage only; arithmetic is in float32
  /// unless asked otherwise.</summary>
  public enum DType {
    /// <summary>As the file has it, or as the model holds it.</summary>
    AsStored = 0,
    Float32 = 1,
    Float16 = 2,
    BFloat16 = 3,
    Int32 = 4,
    Int64 = 5,
    Uint8 = 6,
    /// <summary>Bitsandbytes' NormalFloat4, one float32 maximum a block.</summary>
    NF4 = 7,
    /// <summary>The same with the maxima quantized to 8 bits.</summary>
    NF4Double = 8,
    /// <summary>GGUF block types from here on.</summary>
    Q4_0 = 9,
    Q4_1 = 10,
    Q5_0 = 11,
    Q5_1 = 12,
    Q8_0 = 13,
    Q2_K = 14,
    Q3_K = 15,
    Q4_K = 16,
    Q5_K = 17,
    Q6_K = 18,
  }

  /// <summary>Which memory holds what a GPU touches seldom. Host memory is pinned, and read and
  /// written by the GPU over the bus; it is Status.Unsupported on the CPU, whose memory is the
  /// host's.</summary>
  public enum Placement {
    Device = 0,
    Host = 1,
    /// <summary>The host's where the memory estimate does not fit the device otherwise.</summary>
    Auto = 2,
  }

  /// <summary>A choice that the library makes unless told.</summary>
  public enum Choice {
    No = 0,
    Yes = 1,
    Auto = 2,
  }

  /// <summary>How much is logged; each level includes the ones below it.</summary>
  public enum LogLevel {
    Off = 0,
    Error = 1,
    Warning = 2,
    Info = 3,
    Debug = 4,
  }

  /// <summary>File formats for saving.</summary>
  public enum FileFormat {
    /// <summary>GGUF where the path ends in ".gguf", else a safetensors folder.</summary>
    Auto = 0,
    Safetensors = 1,
    Gguf = 2,
  }
}
