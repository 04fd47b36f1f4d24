package org.libpeft;

import org.libpeft.swig.peft_evaluate_options;

/** How to evaluate. What is not set keeps its default. */
public final class EvaluateOptions extends Options<peft_evaluate_options, EvaluateOptions> {
  public EvaluateOptions() {}

  /** Rows at a time; default 2. */
  public EvaluateOptions batchSize(int batchSize) {
    return set(to -> to.setBatch_size(batchSize));
  }

  /** Active ones; default NULL = none: the base model. */
  public EvaluateOptions adapters(Adapter... adapters) {
    for (Adapter adapter : adapters) {
      holding(adapter);
      set(to -> to.add_adapter(adapter.handle()));
    }
    return this;
  }

  /** FLOAT32 (default) or _BFLOAT16. */
  public EvaluateOptions computeDtype(DType computeDtype) {
    return set(to -> to.setCompute_dtype(computeDtype.ordinal()));
  }

  /** Stops the call. */
  public EvaluateOptions cancel(Cancel cancel) {
    holding(cancel);
    return set(to -> to.setCancel(cancel.handle()));
  }

  @Override
  peft_evaluate_options create() {
    return new peft_evaluate_options();
  }
}
