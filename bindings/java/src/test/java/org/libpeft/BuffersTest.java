package org.libpeft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

class BuffersTest {
  @Test
  void directBuffersTakeNumbersBetweenPositionAndLimit() {
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA);
        Session session = model.session(null)) {
      session.prefill(Fixtures.IDS, null);
      float[] logits = session.logits();
      FloatBuffer buffer = Buffers.floats(logits.length + 20);
      buffer.put(0, 7).put(9, 7).put(logits.length + 10, 7).position(10).limit(logits.length + 15);
      session.logits(buffer);
      assertEquals(10, buffer.position());
      assertEquals(10 + logits.length, buffer.limit());
      float[] found = new float[logits.length];
      buffer.get(10, found);
      assertArrayEquals(logits, found);
      buffer.clear();
      assertEquals(7, buffer.get(9));
      assertEquals(7, buffer.get(logits.length + 10));
      FloatBuffer all = Buffers.floats(Fixtures.IDS.length * logits.length);
      model.logits(Fixtures.IDS, null, all);
      all.get((Fixtures.IDS.length - 1) * logits.length, found);
      assertArrayEquals(logits, found, 1e-4f);
    }
  }

  @Test
  void tooSmallIsALimit() {
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA)) {
      PeftException e = assertThrows(PeftException.class, () -> model.logits(Fixtures.IDS, null, Buffers.floats(5)));
      assertEquals(Status.LIMIT, e.code());
    }
  }

  @Test
  void otherBuffersAreRefused() {
    FloatBuffer swapped =
        ByteBuffer.allocateDirect(4096)
            .order(ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN)
            .asFloatBuffer();
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA)) {
      for (FloatBuffer buffer :
          List.of(FloatBuffer.allocate(2000), swapped, Buffers.floats(9).asReadOnlyBuffer(), Buffers.floats(0)))
        assertEquals(
            Status.INVALID_ARGUMENT,
            assertThrows(PeftException.class, () -> model.logits(Fixtures.IDS, null, buffer)).code());
    }
  }

  @Test
  void parametersAreReadBothWays() {
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA)) {
      for (ParameterInfo info : model.parameters()) {
        float[] copied = model.parameter(info.name());
        assertEquals(info.elements(), copied.length);
        FloatBuffer buffer = Buffers.floats(copied.length);
        model.parameter(info.name(), buffer);
        float[] found = new float[copied.length];
        buffer.get(found);
        assertArrayEquals(copied, found);
        assertEquals(info.elements(), info.shape().stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b));
      }
    }
  }
}
