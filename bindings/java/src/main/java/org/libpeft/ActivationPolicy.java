package org.libpeft;

/** What a step keeps of its forward pass for the gradients. */
public enum ActivationPolicy {
  /** All that they need. */
  KEEP,
  /** The inputs of layers; the layers are run again: about a third more time. */
  CHECKPOINT,
  /**
   * Those, in pinned host memory, copied beside the computation; bit for bit the same as CHECKPOINT. UNSUPPORTED
   * on the CPU, whose memory is the host's.
   */
  OFFLOAD,
  /**
   * The first of these whose estimate fits what the device has free when the trainer is made; needs a data
   * set.
   */
  AUTO;

  static ActivationPolicy of(int value) {
    return values()[value];
  }
}
