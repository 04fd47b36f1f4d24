package org.libpeft;

import org.libpeft.swig.peft_merge_options;

/** How to merge. What is not set keeps its default. */
public final class MergeOptions extends Options<peft_merge_options, MergeOptions> {
  public MergeOptions() {}

  /** Refuse if a tensor would keep less of its update than this share; default 0.99. */
  public MergeOptions minimumRetained(double minimumRetained) {
    return set(to -> to.setMinimum_retained(minimumRetained));
  }

  /** 1: merge all the same, the report tells what was lost; default 0. */
  public MergeOptions force(boolean force) {
    return set(to -> to.setForce(force ? 1 : 0));
  }

  /** 1: only make the report and change nothing; default 0. */
  public MergeOptions dryRun(boolean dryRun) {
    return set(to -> to.setDry_run(dryRun ? 1 : 0));
  }

  /** 1: do not keep what peft_unmerge needs; default 0. */
  public MergeOptions discardOriginals(boolean discardOriginals) {
    return set(to -> to.setDiscard_originals(discardOriginals ? 1 : 0));
  }

  /** A cancelled call leaves the model as it was. */
  public MergeOptions cancel(Cancel cancel) {
    holding(cancel);
    return set(to -> to.setCancel(cancel.handle()));
  }

  /**
   * Type that the merged model will be saved as: the report counts its rounding too, the model in memory does
   * not have it. Default AS_STORED = as in memory; _FLOAT32, _FLOAT16, _BFLOAT16, _Q8_0.
   */
  public MergeOptions saveDtype(DType saveDtype) {
    return set(to -> to.setSave_dtype(saveDtype.ordinal()));
  }

  @Override
  peft_merge_options create() {
    return new peft_merge_options();
  }
}
