package org.libpeft;

/** A choice that the library makes unless told. */
public enum Choice {
  NO,
  YES,
  AUTO;

  static Choice of(int value) {
    return values()[value];
  }
}
