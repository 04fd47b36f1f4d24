package org.libpeft;

/** Shapes of rows in files and text. */
public enum DataFormat {
  /** Found by the file's name and first row, and reported. */
  AUTO,
  /** JSONL, {"messages": [...]} or {"conversations": [...]}. */
  CHAT,
  /** JSONL, {"instruction", "input"?, "output"}. */
  INSTRUCTION,
  /** JSONL, {"prompt", "completion"}. */
  PROMPT_COMPLETION,
  /** JSONL, {"text"}. */
  TEXT,
  /** Plain text, cut into rows of max_seq_len tokens. */
  PLAIN,
  /** JSONL, {"token_ids", "labels"?}; needs no tokenizer. */
  TOKENS;

  static DataFormat of(int value) {
    return values()[value];
  }
}
