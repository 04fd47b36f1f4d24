package org.libpeft;

/** How activations enter products of up to 8 rows with GGUF's quantized blocks. Other products are exact. */
public enum Activations {
  /** As they are. */
  EXACT,
  /** Rounded to 8 bits in blocks of 32, as llama.cpp does: faster, not exact. */
  INT8;

  static Activations of(int value) {
    return values()[value];
  }
}
