package org.libpeft;

import org.libpeft.swig.peft_quantize_options;

/** How to quantize a model to NF4. What is not set keeps its default. */
public final class QuantizeOptions extends Options<peft_quantize_options, QuantizeOptions> {
  public QuantizeOptions() {}

  /** Weights per maximum: 64 (default, as bitsandbytes); this version has no other. */
  public QuantizeOptions blockSize(int blockSize) {
    return set(to -> to.setBlock_size(blockSize));
  }

  /** 1 (default, as QLoRA): the maxima are quantized to 8 bits in blocks of 256. */
  public QuantizeOptions doubleQuantize(boolean doubleQuantize) {
    return set(to -> to.setDouble_quantize(doubleQuantize ? 1 : 0));
  }

  /**
   * Comma list of module names or suffixes that stay as they are; default NULL = the output head, as
   * bitsandbytes' integration in Transformers. "" = none.
   */
  public QuantizeOptions skipModules(String skipModules) {
    return set(to -> to.setSkip_modules(Text.name(skipModules)));
  }

  /** A cancelled call leaves the model as it was. */
  public QuantizeOptions cancel(Cancel cancel) {
    holding(cancel);
    return set(to -> to.setCancel(cancel.handle()));
  }

  @Override
  peft_quantize_options create() {
    return new peft_quantize_options();
  }
}
