package org.libpeft;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Settings in the making: each call sets one and gives the same object back. They are read when they are used, so one
 * object may serve many calls; null for options means all defaults everywhere.
 */
public abstract class Options<S extends AutoCloseable, B extends Options<S, B>> {
  private final List<Consumer<Made<S>>> settings = new ArrayList<>();
  private final List<Object> held = new ArrayList<>(); // objects whose handles the settings name

  /** A structure of the library with the nested ones it points to. */
  static final class Made<S extends AutoCloseable> implements AutoCloseable {
    final S struct;
    private final List<AutoCloseable> nested = new ArrayList<>();

    Made(S struct) {
      this.struct = struct;
    }

    @Override
    public void close() {
      nested.forEach(Options::closeQuietly);
      if (struct != null) closeQuietly(struct);
    }
  }

  Options() {}

  abstract S create();

  @SuppressWarnings("unchecked")
  final B set(Consumer<S> setting) {
    settings.add(made -> setting.accept(made.struct));
    return (B) this;
  }

  @SuppressWarnings("unchecked")
  final <N extends AutoCloseable> B nest(Options<N, ?> options, BiConsumer<S, N> setting) {
    held.add(options);
    settings.add(
        made -> {
          Made<N> inner = options.make();
          made.nested.add(inner);
          setting.accept(made.struct, inner.struct);
        });
    return (B) this;
  }

  final void holding(Object object) {
    held.add(object);
  }

  final Made<S> make() {
    Made<S> made = new Made<>(create());
    try {
      settings.forEach(setting -> setting.accept(made));
      return made;
    } catch (RuntimeException e) {
      made.close();
      throw e;
    }
  }

  /** The structure of options that may be null. */
  static <S extends AutoCloseable> Made<S> of(Options<S, ?> options) {
    return options == null ? new Made<>(null) : options.make();
  }

  private static void closeQuietly(AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception e) {
      throw new IllegalStateException(e); // the generated classes throw nothing
    }
  }
}
