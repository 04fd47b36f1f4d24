package org.libpeft;

import org.libpeft.swig.peft_score_options;

/** How to score. What is not set keeps its default. */
public final class ScoreOptions extends Options<peft_score_options, ScoreOptions> {
  public ScoreOptions() {}

  /** Active ones. */
  public ScoreOptions adapters(Adapter... adapters) {
    for (Adapter adapter : adapters) {
      holding(adapter);
      set(to -> to.add_adapter(adapter.handle()));
    }
    return this;
  }

  /** FLOAT32 (default: exact) or _BFLOAT16. */
  public ScoreOptions computeDtype(DType computeDtype) {
    return set(to -> to.setCompute_dtype(computeDtype.ordinal()));
  }

  /** Default PEFT_ACTIVATIONS_EXACT. INT8 scores as a session decodes, 8 tokens a pass: slower than exact. */
  public ScoreOptions activations(Activations activations) {
    return set(to -> to.setActivations(activations.ordinal()));
  }

  /** Peft_logits: first token to give a row for; default 0. */
  public ScoreOptions firstPosition(long firstPosition) {
    return set(to -> to.setFirst_position(firstPosition));
  }

  /** Peft_logits: rows; default 0 = up to the last token. */
  public ScoreOptions positionCount(long positionCount) {
    return set(to -> to.setPosition_count(positionCount));
  }

  /** Stops the call. */
  public ScoreOptions cancel(Cancel cancel) {
    holding(cancel);
    return set(to -> to.setCancel(cancel.handle()));
  }

  @Override
  peft_score_options create() {
    return new peft_score_options();
  }
}
