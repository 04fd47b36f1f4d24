package org.libpeft;

/**
 * How the learning rate goes after the warm-up. Warm-up rises linearly from 0, so that its first step is at
 * 0, as Transformers has it.
 */
public enum Schedule {
  /**
   * As Transformers' constant_with_warmup; its plain "constant" has no warm-up: set warmup_ratio and
   * warmup_steps to 0 for that.
   */
  CONSTANT,
  /** Down to 0 at the last step. */
  LINEAR,
  /** Half a cosine down to 0 at the last step. */
  COSINE;

  static Schedule of(int value) {
    return values()[value];
  }
}
