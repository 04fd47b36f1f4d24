package org.libpeft;

/** File formats for saving. */
public enum FileFormat {
  /** GGUF where the path ends in ".gguf", else a safetensors folder. */
  AUTO,
  SAFETENSORS,
  GGUF;

  static FileFormat of(int value) {
    return values()[value];
  }
}
