package org.libpeft;

import org.libpeft.swig.peft_sampling_options;

/**
 * How the next token is chosen. Filters apply in this order: repetition penalty, temperature, top-k, top-p,
 * min-p. What is not set keeps its default.
 */
public final class SamplingOptions extends Options<peft_sampling_options, SamplingOptions> {
  public SamplingOptions() {}

  /** Only the k most probable; default 0 = all. */
  public SamplingOptions topK(int topK) {
    return set(to -> to.setTop_k(topK));
  }

  /** Default 0 = greedy: always the most probable token. */
  public SamplingOptions temperature(double temperature) {
    return set(to -> to.setTemperature(temperature));
  }

  /** Smallest set of the most probable with this sum; default 1 = all. */
  public SamplingOptions topP(double topP) {
    return set(to -> to.setTop_p(topP));
  }

  /** Only those with this share of the most probable one's; default 0 = all. */
  public SamplingOptions minP(double minP) {
    return set(to -> to.setMin_p(minP));
  }

  /**
   * Divides (positive) or multiplies (negative) the logits of tokens in the session, as Transformers does;
   * default 1 = none.
   */
  public SamplingOptions repetitionPenalty(double repetitionPenalty) {
    return set(to -> to.setRepetition_penalty(repetitionPenalty));
  }

  /** Equal seeds give equal draws; &gt;= 0; default 0. */
  public SamplingOptions seed(long seed) {
    return set(to -> to.setSeed(seed));
  }

  /** Default 256; 0 = until the end or the session is full. */
  public SamplingOptions maxNewTokens(long maxNewTokens) {
    return set(to -> to.setMax_new_tokens(maxNewTokens));
  }

  /** JSON array of strings that end the text and are left out of it; default NULL. */
  public SamplingOptions stopJson(String stopJson) {
    return set(to -> to.setStop_json(Text.name(stopJson)));
  }

  /** 1: the model's end of sequence does not end the generation; default 0. */
  public SamplingOptions ignoreEos(boolean ignoreEos) {
    return set(to -> to.setIgnore_eos(ignoreEos ? 1 : 0));
  }

  /** 1: special tokens appear in the text; default 0. */
  public SamplingOptions includeSpecial(boolean includeSpecial) {
    return set(to -> to.setInclude_special(includeSpecial ? 1 : 0));
  }

  /** For every peft_session_next that follows; may be NULL. */
  public SamplingOptions cancel(Cancel cancel) {
    holding(cancel);
    return set(to -> to.setCancel(cancel.handle()));
  }

  @Override
  peft_sampling_options create() {
    return new peft_sampling_options();
  }
}
