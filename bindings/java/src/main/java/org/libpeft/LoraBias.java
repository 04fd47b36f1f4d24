package org.libpeft;

/** Which biases train with LoRA. */
public enum LoraBias {
  NONE,
  /** Every bias of the model. */
  ALL,
  /** The biases of the targeted modules. */
  LORA_ONLY;

  static LoraBias of(int value) {
    return values()[value];
  }
}
