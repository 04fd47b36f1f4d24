package org.libpeft;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;
import java.util.function.ToIntFunction;

/**
 * An object of the library. Close it; one that was forgotten is freed after the garbage collector found it. Objects
 * keep alive what they need, so they may be closed in any order and by any thread.
 */
public abstract class Handle implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();

  /** What the cleaner holds, which must not refer to the object itself. */
  private static final class Owned implements Runnable {
    private final AtomicLong value;
    private final LongConsumer free;

    Owned(long value, LongConsumer free) {
      this.value = new AtomicLong(value);
      this.free = free;
    }

    @Override
    public void run() {
      long last = value.getAndSet(0);
      if (last != 0) free.accept(last);
    }
  }

  private final Owned owned;
  private final Cleaner.Cleanable cleanable;

  Handle(long value, LongConsumer free) {
    owned = new Owned(value, free);
    cleanable = CLEANER.register(this, owned);
  }

  /** The library's handle; fails with BAD_HANDLE after close. Keep the object reachable while it is used. */
  final long handle() {
    long value = owned.value.get();
    if (value == 0) throw new PeftException(Status.BAD_HANDLE, getClass().getSimpleName() + " is closed");
    return value;
  }

  /** Frees the object; a second time does nothing. */
  @Override
  public final void close() {
    cleanable.clean();
  }

  public final boolean isClosed() {
    return owned.value.get() == 0;
  }

  /** 0 for null. */
  static long of(Handle handle) {
    return handle == null ? 0 : handle.handle();
  }

  /** A call that puts a new handle into the array it is given. */
  static <T> T make(ToIntFunction<long[]> call, LongFunction<T> wrap) {
    long[] out = new long[1];
    call.applyAsInt(out);
    return wrap.apply(out[0]);
  }

  /** The text that a call puts into the array it is given. */
  static String text(ToIntFunction<byte[][]> call) {
    byte[][] out = new byte[1][];
    call.applyAsInt(out);
    return Text.string(out[0]);
  }
}
