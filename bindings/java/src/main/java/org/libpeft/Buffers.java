package org.libpeft;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.function.Consumer;

/** Direct buffers, the memory that crosses without a copy. */
public final class Buffers {
  private Buffers() {}

  /** A direct buffer of native order. */
  public static FloatBuffer floats(int count) {
    return ByteBuffer.allocateDirect(Math.multiplyExact(count, 4)).order(ByteOrder.nativeOrder()).asFloatBuffer();
  }

  /** Has the room between position and limit filled; the limit becomes the end of what was written. */
  static void fill(FloatBuffer into, Consumer<FloatBuffer> call) {
    if (!into.isDirect() || into.order() != ByteOrder.nativeOrder() || into.isReadOnly() || !into.hasRemaining())
      throw new PeftException(
          Status.INVALID_ARGUMENT, "expected a direct buffer of native order that can be written and has room");
    FloatBuffer slice = into.slice();
    call.accept(slice);
    into.limit(into.position() + slice.limit());
  }
}
