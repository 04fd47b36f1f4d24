package org.libpeft;

/** Jobs that can be estimated. */
public enum Job {
  TRAIN,
  GENERATE;

  static Job of(int value) {
    return values()[value];
  }
}
