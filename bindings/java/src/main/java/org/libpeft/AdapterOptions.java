package org.libpeft;

import org.libpeft.swig.peft_adapter_options;

/** How to attach or load an adapter of any method. What is not set keeps its default. */
public final class AdapterOptions extends Options<peft_adapter_options, AdapterOptions> {
  public AdapterOptions() {}

  /** 1 (default): a trainer may change it; 0: frozen. */
  public AdapterOptions trainable(boolean trainable) {
    return set(to -> to.setTrainable(trainable ? 1 : 0));
  }

  /** Of first values; &gt;= 0; default 42. */
  public AdapterOptions seed(long seed) {
    return set(to -> to.setSeed(seed));
  }

  /** Stops the call. */
  public AdapterOptions cancel(Cancel cancel) {
    holding(cancel);
    return set(to -> to.setCancel(cancel.handle()));
  }

  @Override
  peft_adapter_options create() {
    return new peft_adapter_options();
  }
}
