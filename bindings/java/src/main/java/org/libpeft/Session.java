package org.libpeft;

import java.lang.ref.Reference;
import java.nio.FloatBuffer;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.libpeft.swig.Peft;
import org.libpeft.swig.peft_piece;
import org.libpeft.swig.peft_prefill_options;
import org.libpeft.swig.peft_sampling_options;
import org.libpeft.swig.peft_session_info;

/** A sequence of tokens that grows; for one thread at a time. Iterating makes pieces until the generation ends. */
public final class Session extends Handle implements Iterable<Piece> {
  private final boolean hasText;

  Session(long handle, boolean hasText) {
    super(handle, Peft::peft_session_free);
    this.hasText = hasText;
  }

  public SessionInfo info() {
    try (peft_session_info info = new peft_session_info()) {
      Peft.peft_session_get_info(handle(), info);
      return SessionInfo.of(info);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Appends tokens and begins a new generation. */
  public void prefill(int[] ids, PrefillOptions options) {
    try (Options.Made<peft_prefill_options> made = Options.of(options)) {
      Peft.peft_session_prefill(handle(), ids, made.struct);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** Encodes text, appends it and begins a new generation. */
  public void prefillText(String text, PrefillOptions options) {
    try (Options.Made<peft_prefill_options> made = Options.of(options)) {
      Peft.peft_session_prefill_text(handle(), Text.utf8(text), made.struct);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** Renders a whole conversation, a JSON array of {"role", "content"} objects, keeping what the session has of it. */
  public void prefillChat(String messagesJson, PrefillOptions options) {
    try (Options.Made<peft_prefill_options> made = Options.of(options)) {
      Peft.peft_session_prefill_chat(handle(), Text.utf8(messagesJson), made.struct);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** How tokens are chosen from now on; begins a new generation. Without it: greedy, 256 new tokens. */
  public void setSampling(SamplingOptions options) {
    try (Options.Made<peft_sampling_options> made = Options.of(options)) {
      Peft.peft_session_set_sampling(handle(), made.struct);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** Makes one token; empty at the end, whose reason {@link #info} tells. */
  public Optional<Piece> next() {
    byte[][] text = hasText ? new byte[1][] : null;
    try (peft_piece piece = new peft_piece()) {
      if (Peft.peft_session_next(handle(), piece, text) == Status.END) return Optional.empty();
      return Optional.of(Piece.of(piece, hasText ? Text.string(text[0]) : ""));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  @Override
  public Iterator<Piece> iterator() {
    return new Iterator<>() {
      private Piece ahead;
      private boolean ended;

      @Override
      public boolean hasNext() {
        if (ahead == null && !ended) {
          ahead = Session.this.next().orElse(null);
          ended = ahead == null;
        }
        return ahead != null;
      }

      @Override
      public Piece next() {
        if (!hasNext()) throw new NoSuchElementException();
        Piece piece = ahead;
        ahead = null;
        return piece;
      }
    };
  }

  /** The pieces as a stream, made as they are pulled. */
  public Stream<Piece> stream() {
    int traits = Spliterator.ORDERED | Spliterator.NONNULL;
    return StreamSupport.stream(Spliterators.spliteratorUnknownSize(iterator(), traits), false);
  }

  /** A second session with the same tokens, sampling and adapters; the cache is shared until one changes it. */
  public Session fork() {
    try {
      return make(out -> Peft.peft_session_fork(handle(), out), handle -> new Session(handle, hasText));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Drops the tokens from a position on. */
  public void rewind(long position) {
    try {
      Peft.peft_session_rewind(handle(), position);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** The tokens, prompt and new ones. */
  public int[] tokens() {
    int[][] ids = new int[1][];
    try {
      Peft.peft_session_tokens(handle(), ids);
    } finally {
      Reference.reachabilityFence(this);
    }
    return ids[0];
  }

  /** Logits for the token that comes next. */
  public float[] logits() {
    float[][] values = new float[1][];
    try {
      Peft.peft_session_logits(handle(), values);
    } finally {
      Reference.reachabilityFence(this);
    }
    return values[0];
  }

  /** The same into a direct buffer of native order, without a copy; its limit becomes the end of the numbers. */
  public void logits(FloatBuffer into) {
    try {
      Buffers.fill(into, slice -> Peft.peft_session_logits(handle(), slice));
    } finally {
      Reference.reachabilityFence(this);
    }
  }
}
