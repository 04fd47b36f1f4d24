package org.libpeft;

import org.libpeft.swig.peft_estimate_options;

/** The job. What is not set keeps its default. */
public final class EstimateOptions extends Options<peft_estimate_options, EstimateOptions> {
  public EstimateOptions() {}

  /** Default PEFT_JOB_TRAIN. */
  public EstimateOptions job(Job job) {
    return set(to -> to.setJob(job.ordinal()));
  }

  /** Type and device of the weights; default NULL = as stored, CPU. */
  public EstimateOptions modelOptions(ModelOptions options) {
    return nest(options, (to, made) -> to.setModel_options(made));
  }

  /** 1: the model is quantized after loading; default 0. */
  public EstimateOptions quantizeNf4(boolean quantizeNf4) {
    return set(to -> to.setQuantize_nf4(quantizeNf4 ? 1 : 0));
  }

  /** GENERATE: sessions at once; default 1. */
  public EstimateOptions sessions(int sessions) {
    return set(to -> to.setSessions(sessions));
  }

  /**
   * TRAIN: default NULL = peft_lora_config_init's; GENERATE: default NULL = no adapter, unless
   * adapter_config.
   */
  public EstimateOptions loraConfig(LoraConfig options) {
    return nest(options, (to, made) -> to.setLora_config(made));
  }

  /** Text of an adapter_config.json instead of lora_config; default NULL. */
  public EstimateOptions adapterConfig(String adapterConfig) {
    return set(to -> to.setAdapter_config(Text.name(adapterConfig)));
  }

  /** TRAIN; default NULL = peft_trainer_options_init's. */
  public EstimateOptions trainerOptions(TrainerOptions options) {
    return nest(options, (to, made) -> to.setTrainer_options(made));
  }

  /** GENERATE; default NULL = peft_session_options_init's; its adapters are not read. */
  public EstimateOptions sessionOptions(SessionOptions options) {
    return nest(options, (to, made) -> to.setSession_options(made));
  }

  /** TRAIN: its longest batch is what counts; default NULL. */
  public EstimateOptions dataset(Dataset dataset) {
    holding(dataset);
    return set(to -> to.setDataset(dataset.handle()));
  }

  /** Without a dataset: tokens of a row; GENERATE: of a session; default 2048. */
  public EstimateOptions sequenceLength(long sequenceLength) {
    return set(to -> to.setSequence_length(sequenceLength));
  }

  @Override
  peft_estimate_options create() {
    return new peft_estimate_options();
  }
}
