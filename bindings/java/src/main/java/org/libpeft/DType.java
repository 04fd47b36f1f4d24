package org.libpeft;

/**
 * Element types of tensors. Block layouts are storage only; arithmetic is in float32 unless asked otherwise.
 */
public enum DType {
  /** As the file has it, or as the model holds it. */
  AS_STORED,
  FLOAT32,
  FLOAT16,
  BFLOAT16,
  INT32,
  INT64,
  UINT8,
  /** Bitsandbytes' NormalFloat4, one float32 maximum a block. */
  NF4,
  /** The same with the maxima quantized to 8 bits. */
  NF4_DOUBLE,
  /** GGUF block types from here on. */
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K;

  static DType of(int value) {
    return values()[value];
  }
}
