package org.libpeft;

/** What the labels of a row mean. */
public enum LabelKind {
  /** No labels given: each token predicts the next one. */
  NEXT_TOKEN,
  /** Labels[i] is ids[i], or PEFT_LABEL_IGNORED: no loss on predicting it. */
  TOKENS,
  /** Labels[0] is the class of the row (classification models). */
  CLASS,
  /** Labels[0], labels[1]: first and last token of the answer (question answering). */
  SPAN,
  /** Values[0] is the number to predict (regression). */
  VALUE;

  static LabelKind of(int value) {
    return values()[value];
  }
}
