package org.libpeft;

/** First values of LoRA's factors, after PEFT's init_lora_weights. */
public enum LoraInit {
  /** True: A uniform in +-1/sqrt(in_features), B zero. */
  DEFAULT,
  /** "gaussian": A normal with deviation 1/r, B zero. */
  GAUSSIAN,
  /** False: A and B random, the adapter changes the model from the start. */
  NONE;

  static LoraInit of(int value) {
    return values()[value];
  }
}
