package org.libpeft;

import java.lang.ref.Reference;
import org.libpeft.swig.Peft;

/** Turns tokens into text as they arrive, whole code points only. For one thread at a time. */
public final class StreamDecoder extends Handle {
  StreamDecoder(long handle) {
    super(handle, Peft::peft_stream_decoder_free);
  }

  /** The text that is complete with this token, perhaps none. */
  public String push(int id) {
    if (id < 0) throw new PeftException(Status.INVALID_ARGUMENT, "token id " + id);
    return pushAny(id);
  }

  /** What is left at the end of the sequence; the decoder is new then. */
  public String finish() {
    return pushAny(-1);
  }

  private String pushAny(int id) {
    try {
      return text(out -> Peft.peft_stream_decoder_push(handle(), id, out));
    } finally {
      Reference.reachabilityFence(this);
    }
  }
}
