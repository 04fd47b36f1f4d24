package org.libpeft;

/** Why a generation ended. */
public enum FinishReason {
  /** It goes on. */
  NONE,
  /** The model ended the sequence. */
  EOS,
  /** A stop string was made. */
  STOP,
  /** Max_new_tokens were made. */
  LENGTH,
  /** The session is full. */
  CONTEXT;

  static FinishReason of(int value) {
    return values()[value];
  }
}
