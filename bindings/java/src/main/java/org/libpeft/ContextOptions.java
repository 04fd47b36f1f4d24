package org.libpeft;

import org.libpeft.swig.peft_context_options;

/**
 * What a context may use. 0 in a bound means the library's own default, which fits real models. What is not
 * set keeps its default.
 */
public final class ContextOptions extends Options<peft_context_options, ContextOptions> {
  public ContextOptions() {}

  /**
   * Threads of one computation; default 0 = as many as the process may run on. The process has one pool:
   * later contexts share it. No result depends on it.
   */
  public ContextOptions threads(int threads) {
    return set(to -> to.setThreads(threads));
  }

  /**
   * Bytes of weights, adapters and work held by all objects of the context; default 0 = no bound. Beyond it
   * calls fail with PEFT_E_OUT_OF_MEMORY.
   */
  public ContextOptions maxMemoryBytes(long maxMemoryBytes) {
    return set(to -> to.setMax_memory_bytes(maxMemoryBytes));
  }

  /** One JSON file; default 0 = 256 MiB (tokenizers of 256k words have 30 MB). */
  public ContextOptions maxJsonBytes(long maxJsonBytes) {
    return set(to -> to.setMax_json_bytes(maxJsonBytes));
  }

  /** One text to encode; default 0 = 64 MiB. */
  public ContextOptions maxTextBytes(long maxTextBytes) {
    return set(to -> to.setMax_text_bytes(maxTextBytes));
  }

  /** One row of a data set; default 0 = 64 MiB. */
  public ContextOptions maxDataRowBytes(long maxDataRowBytes) {
    return set(to -> to.setMax_data_row_bytes(maxDataRowBytes));
  }

  /** Tokens of one row or session; default 0 = 1048576. */
  public ContextOptions maxTokens(long maxTokens) {
    return set(to -> to.setMax_tokens(maxTokens));
  }

  /** Work of one chat template; default 0 = 10 million steps of its interpreter. */
  public ContextOptions maxTemplateSteps(long maxTemplateSteps) {
    return set(to -> to.setMax_template_steps(maxTemplateSteps));
  }

  @Override
  peft_context_options create() {
    return new peft_context_options();
  }
}
