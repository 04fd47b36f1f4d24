package org.libpeft;

/** What happened. */
public enum EventKind {
  /** A step was made, or skipped. */
  STEP,
  /** The eval_dataset was evaluated. */
  EVALUATION,
  /** Output_dir/checkpoint-&lt;step&gt; is complete. */
  CHECKPOINT,
  /** Training is over; keep_best has been done. */
  END;

  static EventKind of(int value) {
    return values()[value];
  }
}
