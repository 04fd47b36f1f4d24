package org.libpeft;

import org.libpeft.swig.peft_model_options;

/** How to load a model. What is not set keeps its default. */
public final class ModelOptions extends Options<peft_model_options, ModelOptions> {
  public ModelOptions() {}

  /**
   * AS_STORED (default: nothing is lost or grown), _FLOAT32 or _BFLOAT16. Quantized blocks stay as stored
   * unless a plain type is asked for.
   */
  public ModelOptions dtype(DType dtype) {
    return set(to -> to.setDtype(dtype.ordinal()));
  }

  /**
   * "cpu" (default), "cuda:0" and so on, or "auto": the first GPU where there is one, else the CPU. No silent
   * fallback otherwise. NULL = the default.
   */
  public ModelOptions device(String device) {
    return set(to -> to.setDevice(Text.name(device)));
  }

  /** 1: do not look for a tokenizer; default 0. */
  public ModelOptions withoutTokenizer(boolean withoutTokenizer) {
    return set(to -> to.setWithout_tokenizer(withoutTokenizer ? 1 : 0));
  }

  /** 1: files may be symbolic links that lead out of the folder, as in Hugging Face's cache; default 0. */
  public ModelOptions followLinks(boolean followLinks) {
    return set(to -> to.setFollow_links(followLinks ? 1 : 0));
  }

  /** Stops the call. */
  public ModelOptions cancel(Cancel cancel) {
    holding(cancel);
    return set(to -> to.setCancel(cancel.handle()));
  }

  /**
   * Of the token embedding, of which a step reads a few rows; default DEVICE; AUTO is not offered. HOST is
   * UNSUPPORTED where the head is the embedding (tied_head).
   */
  public ModelOptions embeddingPlacement(Placement embeddingPlacement) {
    return set(to -> to.setEmbedding_placement(embeddingPlacement.ordinal()));
  }

  /**
   * Linear layers become NF4 as they are read, with the bits of {@link Model#quantizeNf4}: one at a time is held
   * as stored, so that a model fits whose stored weights do not. What is NF4 already stays. Its cancel is not
   * read. Default NULL = nothing is quantized.
   */
  public ModelOptions quantizeNf4(QuantizeOptions options) {
    return nest(options, (to, made) -> to.setQuantize_nf4(made));
  }

  @Override
  peft_model_options create() {
    return new peft_model_options();
  }
}
