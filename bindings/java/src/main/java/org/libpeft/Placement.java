package org.libpeft;

/**
 * Which memory holds what a GPU touches seldom. Host memory is pinned, and read and written by the GPU over the
 * bus; it is UNSUPPORTED on the CPU, whose memory is the host's.
 */
public enum Placement {
  DEVICE,
  HOST,
  /** The host's where the memory estimate does not fit the device otherwise. */
  AUTO;

  static Placement of(int value) {
    return values()[value];
  }
}
