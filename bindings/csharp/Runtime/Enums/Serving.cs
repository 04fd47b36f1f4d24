namespace Libpeft {
  /// <summary>How activations enter products of up to 8 rows with GGUF's quantized blocks. Other
  /// products are exact.</summary>
  public enum Activations {
    /// <summary>As they are.</summary>
    Exact = 0,
    /// <summary>Rounded to 8 bits in blocks of 32, as llama.cpp does: faster, not exact.</summary>
    Int8 = 1,
  }

  /// <summary>Why a generation ended.</summary>
  public enum FinishReason {
    /// <summary>It goes on.</summary>
    None = 0,
    /// <summary>The model ended the sequence.</summary>
    Eos = 1,
    /// <summary>A stop string was made.</summary>
    Stop = 2,
    /// <summary>MaxNewTokens were made.</summary>
    Length = 3,
    /// <summary>The session is full.</summary>
    Context = 4,
  }
}
