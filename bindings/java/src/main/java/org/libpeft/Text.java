package org.libpeft;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Strings cross as UTF-8. What UTF-8 cannot hold, a surrogate without its other half, is refused, never replaced. */
final class Text {
  private Text() {}

  static byte[] utf8(String text) {
    if (text == null) return null;
    try {
      ByteBuffer bytes =
          StandardCharsets.UTF_8
              .newEncoder()
              .onMalformedInput(CodingErrorAction.REPORT)
              .onUnmappableCharacter(CodingErrorAction.REPORT)
              .encode(CharBuffer.wrap(text));
      byte[] copy = new byte[bytes.remaining()];
      bytes.get(copy);
      return copy;
    } catch (CharacterCodingException e) {
      throw new PeftException(Status.INVALID_ARGUMENT, "the text holds a surrogate without its other half");
    }
  }

  /** A name, path or setting: the native side refuses NUL in it. */
  static byte[] name(String text) {
    return utf8(text);
  }

  static String string(byte[] utf8) {
    return utf8 == null ? null : new String(utf8, StandardCharsets.UTF_8);
  }
}
