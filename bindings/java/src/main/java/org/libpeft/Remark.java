package org.libpeft;

/** Remarks of calls that succeeded with PEFT_NOTE, kept with the Java thread: virtual threads change native ones. */
final class Remark {
  private static final ThreadLocal<String> LAST = new ThreadLocal<>();

  private Remark() {}

  /** Called by the native side, inside the call. */
  static void keep(byte[] message) {
    LAST.set(Text.string(message));
  }

  /** The remark of the call that just returned status, or null. */
  static String of(int status) {
    if (status != Status.NOTE) return null;
    String text = LAST.get();
    LAST.remove();
    return text;
  }
}
