package org.libpeft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The tokenizer of these tests has a token for each byte, in the order of the bytes. */
class UnicodeTest {
  private static Context context;
  private static Tokenizer tokenizer;

  @BeforeAll
  static void open() {
    context = new Context();
    tokenizer = context.loadTokenizer(Fixtures.TOKENIZER);
  }

  @AfterAll
  static void close() {
    tokenizer.close();
    context.close();
  }

  private static int[] bytesOf(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = new int[bytes.length];
    for (int i = 0; i < ids.length; i++) ids[i] = bytes[i] & 255;
    return ids;
  }

  @Test
  void textCrossesAsUtf8() {
    for (String text :
        List.of("", "a", "\0", "a\0b\0", "한국어 😀", "👩🏽‍💻", "\uffff", "\u0085\u2028", "é")) {
      int[] ids = tokenizer.encode(text, false);
      assertArrayEquals(bytesOf(text), ids, text);
      assertEquals(text, tokenizer.decode(ids, false));
    }
  }

  @Test
  void loneSurrogatesAreRefused() {
    for (String text : List.of("\ud83d", "\ude00", "a\ud83db", "\ude00\ud83d", "\ud83d\ud83d\ude00")) {
      PeftException e = assertThrows(PeftException.class, () -> tokenizer.encode(text, false));
      assertEquals(Status.INVALID_ARGUMENT, e.code());
      assertThrows(PeftException.class, () -> Dataset.fromText(context, tokenizer, text, null));
      assertThrows(PeftException.class, () -> tokenizer.applyChat(text, null));
    }
  }

  @Test
  void invalidBytesAreRefused() {
    for (String hex : List.of("ff", "c0af", "e29c", "eda080", "f4908080")) {
      byte[] bytes = HexFormat.of().parseHex(hex);
      PeftException e = assertThrows(PeftException.class, () -> tokenizer.encode(bytes, false));
      assertEquals(Status.INVALID_ARGUMENT, e.code());
    }
  }

  @Test
  void tenMegabytesOfOneLetter() {
    String text = "a".repeat(10 << 20);
    int[] ids = tokenizer.encode(text, false);
    assertEquals(text.length(), ids.length);
    assertEquals('a', ids[ids.length - 1]);
    assertEquals(text, tokenizer.decode(ids, false));
  }

  @Test
  void streamedTextComesInWholeCodePoints() {
    String text = "x한😀é";
    StringBuilder all = new StringBuilder();
    try (StreamDecoder decoder = tokenizer.streamDecoder(false)) {
      for (int id : tokenizer.encode(text, false)) {
        String piece = decoder.push(id);
        assertEquals(piece, new String(piece.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8));
        all.append(piece);
      }
      assertEquals("", decoder.finish());
      decoder.push(0xe2);
      assertEquals("\ufffd", decoder.finish());
    }
    assertEquals(text, all.toString());
  }
}
