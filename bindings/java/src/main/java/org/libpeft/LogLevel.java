package org.libpeft;

/** How much is logged; each level includes the ones below it. */
public enum LogLevel {
  OFF,
  ERROR,
  WARNING,
  INFO,
  DEBUG;

  static LogLevel of(int value) {
    return values()[value];
  }
}
