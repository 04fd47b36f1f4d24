package org.libpeft;

/** Columns of a row. */
public enum RowPart {
  IDS,
  /** As many as ids for token labels, PEFT_LABEL_IGNORED where there is no loss. */
  LABELS,
  /** None if the row has none. */
  TYPE_IDS,
  /** None if the row has none. */
  DECODER_IDS;

  static RowPart of(int value) {
    return values()[value];
  }
}
