package org.libpeft;

import org.libpeft.swig.peft_session_options;

/** What a session is made of. What is not set keeps its default. */
public final class SessionOptions extends Options<peft_session_options, SessionOptions> {
  public SessionOptions() {}

  /** Active for the life of the session, with their values of now. */
  public SessionOptions adapters(Adapter... adapters) {
    for (Adapter adapter : adapters) {
      holding(adapter);
      set(to -> to.add_adapter(adapter.handle()));
    }
    return this;
  }

  /** Most tokens it can hold; default 0 = the model's own. Memory is taken as the sequence grows. */
  public SessionOptions contextLength(long contextLength) {
    return set(to -> to.setContext_length(contextLength));
  }

  /** FLOAT32 (default: exact) or _BFLOAT16. */
  public SessionOptions computeDtype(DType computeDtype) {
    return set(to -> to.setCompute_dtype(computeDtype.ordinal()));
  }

  /** Default PEFT_ACTIVATIONS_EXACT. */
  public SessionOptions activations(Activations activations) {
    return set(to -> to.setActivations(activations.ordinal()));
  }

  @Override
  peft_session_options create() {
    return new peft_session_options();
  }
}
