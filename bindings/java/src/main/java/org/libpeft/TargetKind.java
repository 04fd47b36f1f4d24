package org.libpeft;

/** How target_modules is read, after Hugging Face PEFT. */
public enum TargetKind {
  /** NULL: the family's defaults; "all-linear": that; else a list. */
  AUTO,
  /** Comma list; each a whole module name or its end after a dot. */
  LIST,
  /** One pattern that matches the whole module name, as Python's re.fullmatch. */
  REGEX,
  /** PEFT's defaults of the model family; target_modules is not read. */
  DEFAULTS;

  static TargetKind of(int value) {
    return values()[value];
  }
}
