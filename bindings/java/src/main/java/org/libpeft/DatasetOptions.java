package org.libpeft;

import org.libpeft.swig.peft_dataset_options;

/** How rows become tokens. What is not set keeps its default. */
public final class DatasetOptions extends Options<peft_dataset_options, DatasetOptions> {
  public DatasetOptions() {}

  /** Default PEFT_DATA_AUTO. */
  public DatasetOptions format(DataFormat format) {
    return set(to -> to.setFormat(format.ordinal()));
  }

  /** Longer rows are cut at the right and counted; default 2048 (common practice); 0 = never. */
  public DatasetOptions maxSeqLen(long maxSeqLen) {
    return set(to -> to.setMax_seq_len(maxSeqLen));
  }

  /**
   * Loss on answers alone; default AUTO: yes for chat, instruction and prompt/completion rows, no for text.
   */
  public DatasetOptions completionOnly(Choice completionOnly) {
    return set(to -> to.setCompletion_only(completionOnly.ordinal()));
  }

  /**
   * 1 (default): text, instruction and completion rows end with the tokenizer's EOS; chat rows end as the
   * template has it.
   */
  public DatasetOptions appendEos(boolean appendEos) {
    return set(to -> to.setAppend_eos(appendEos ? 1 : 0));
  }

  /**
   * Special tokens around a row; default AUTO: as the tokenizer has them, none where a chat template made the
   * text.
   */
  public DatasetOptions addSpecial(Choice addSpecial) {
    return set(to -> to.setAdd_special(addSpecial.ordinal()));
  }

  /** A Jinja template instead of the tokenizer's own; default NULL. */
  public DatasetOptions chatTemplate(String chatTemplate) {
    return set(to -> to.setChat_template(Text.name(chatTemplate)));
  }

  /** Rows before this one are left out; default 0. */
  public DatasetOptions firstRow(long firstRow) {
    return set(to -> to.setFirst_row(firstRow));
  }

  /** Rows to take; default 0 = all. */
  public DatasetOptions rowCount(long rowCount) {
    return set(to -> to.setRow_count(rowCount));
  }

  /** Stops the call. */
  public DatasetOptions cancel(Cancel cancel) {
    holding(cancel);
    return set(to -> to.setCancel(cancel.handle()));
  }

  @Override
  peft_dataset_options create() {
    return new peft_dataset_options();
  }
}
