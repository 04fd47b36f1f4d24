package org.libpeft;

import org.libpeft.swig.peft_save_options;

/** How to save a model or an adapter. What is not set keeps its default. */
public final class SaveOptions extends Options<peft_save_options, SaveOptions> {
  public SaveOptions() {}

  /** Default PEFT_FILE_AUTO. */
  public SaveOptions format(FileFormat format) {
    return set(to -> to.setFormat(format.ordinal()));
  }

  /** AS_STORED (default), _FLOAT32, _FLOAT16, _BFLOAT16; _Q8_0 in GGUF. */
  public SaveOptions dtype(DType dtype) {
    return set(to -> to.setDtype(dtype.ordinal()));
  }

  /** Models: 1 leaves tokenizer and chat template out; default 0. */
  public SaveOptions withoutTokenizer(boolean withoutTokenizer) {
    return set(to -> to.setWithout_tokenizer(withoutTokenizer ? 1 : 0));
  }

  /** Models: size of one shard; default 0 = 5 GB, as Transformers has it. */
  public SaveOptions maxFileBytes(long maxFileBytes) {
    return set(to -> to.setMax_file_bytes(maxFileBytes));
  }

  /**
   * Adapters: what base_model_name_or_path shall say; default NULL = the path or name that the model was
   * loaded from.
   */
  public SaveOptions baseModelName(String baseModelName) {
    return set(to -> to.setBase_model_name(Text.name(baseModelName)));
  }

  /** Stops the call. */
  public SaveOptions cancel(Cancel cancel) {
    holding(cancel);
    return set(to -> to.setCancel(cancel.handle()));
  }

  @Override
  peft_save_options create() {
    return new peft_save_options();
  }
}
