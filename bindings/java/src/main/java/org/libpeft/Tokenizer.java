package org.libpeft;

import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.libpeft.swig.Peft;
import org.libpeft.swig.peft_chat_options;
import org.libpeft.swig.peft_tokenizer_info;

/** Text to token ids and back, with the chat template. Never changes; may be used by many threads at once. */
public final class Tokenizer extends Handle {
  Tokenizer(long handle) {
    super(handle, Peft::peft_tokenizer_free);
  }

  public TokenizerInfo info() {
    try (peft_tokenizer_info info = new peft_tokenizer_info()) {
      Peft.peft_tokenizer_get_info(handle(), info);
      return TokenizerInfo.of(info);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Saves tokenizer and chat template into a folder, as Transformers reads them. */
  public void save(Path folder) {
    try {
      Peft.peft_tokenizer_save(handle(), Text.name(folder.toString()));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** @param addSpecial put the tokens around that the tokenizer has for a sequence; false after a chat template */
  public int[] encode(String text, boolean addSpecial) {
    return encode(Text.utf8(text), addSpecial);
  }

  /** The same of UTF-8 bytes, which are checked. */
  public int[] encode(byte[] utf8, boolean addSpecial) {
    int[][] ids = new int[1][];
    try {
      Peft.peft_tokenizer_encode(handle(), utf8, addSpecial ? 1 : 0, ids);
    } finally {
      Reference.reachabilityFence(this);
    }
    return ids[0];
  }

  public String decode(int[] ids, boolean skipSpecial) {
    try {
      return text(out -> Peft.peft_tokenizer_decode(handle(), ids, skipSpecial ? 1 : 0, out));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Spelling of a token in the vocabulary. */
  public String tokenText(int id) {
    try {
      return text(out -> Peft.peft_tokenizer_token_text(handle(), id, out));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Id of a token by its spelling. */
  public OptionalInt tokenId(String spelling) {
    int[] id = new int[1];
    try {
      Peft.peft_tokenizer_token_id(handle(), Text.utf8(spelling), id);
      return OptionalInt.of(id[0]);
    } catch (PeftException e) {
      if (e.code() == Status.NOT_FOUND) return OptionalInt.empty();
      throw e;
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Renders a JSON array of {"role", "content"} objects. Encode the result without special tokens. */
  public String applyChat(String messagesJson, ChatOptions options) {
    try (Options.Made<peft_chat_options> made = Options.of(options)) {
      return text(out -> Peft.peft_chat_apply(handle(), Text.utf8(messagesJson), made.struct, out));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** A decoder for tokens that arrive one by one. */
  public StreamDecoder streamDecoder(boolean skipSpecial) {
    try {
      return make(out -> Peft.peft_stream_decoder_create(handle(), skipSpecial ? 1 : 0, out), StreamDecoder::new);
    } finally {
      Reference.reachabilityFence(this);
    }
  }
}
