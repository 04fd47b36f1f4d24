package org.libpeft;

/** A call that failed: the library's status code, one of {@link Status}, and its message. */
public final class PeftException extends RuntimeException {
  private static final long serialVersionUID = 1;
  private final int code;

  public PeftException(int code, String message) {
    super(message);
    this.code = code;
  }

  /** One of {@link Status}, below 0. */
  public int code() {
    return code;
  }

  /** Called by the native side, inside the call that failed. */
  static PeftException of(int code, byte[] message) {
    return new PeftException(code, Text.string(message));
  }
}
