package org.libpeft;

import java.nio.file.Path;
import org.libpeft.swig.peft_trainer_options;

/**
 * How to train. "HF" marks defaults of Transformers' TrainingArguments, "torch" of torch.optim.AdamW. What is
 * not set keeps its default.
 */
public final class TrainerOptions extends Options<peft_trainer_options, TrainerOptions> {
  public TrainerOptions() {}

  /** Rows of a micro-batch; default 2. */
  public TrainerOptions batchSize(int batchSize) {
    return set(to -> to.setBatch_size(batchSize));
  }

  /** Micro-batches of a step; default 4. A last partial one is stepped too. */
  public TrainerOptions gradientAccumulationSteps(int gradientAccumulationSteps) {
    return set(to -> to.setGradient_accumulation_steps(gradientAccumulationSteps));
  }

  /** Default PEFT_SCHEDULE_COSINE. */
  public TrainerOptions schedule(Schedule schedule) {
    return set(to -> to.setSchedule(schedule.ordinal()));
  }

  /** Passes over the data; default 3 (HF). */
  public TrainerOptions epochs(double epochs) {
    return set(to -> to.setEpochs(epochs));
  }

  /** &gt; 0: train so many steps whatever epochs says; default 0. */
  public TrainerOptions maxSteps(long maxSteps) {
    return set(to -> to.setMax_steps(maxSteps));
  }

  /** Default 2e-4 (QLoRA). */
  public TrainerOptions learningRate(double learningRate) {
    return set(to -> to.setLearning_rate(learningRate));
  }

  /** Share of the steps; default 0.03 (QLoRA). */
  public TrainerOptions warmupRatio(double warmupRatio) {
    return set(to -> to.setWarmup_ratio(warmupRatio));
  }

  /** &gt; 0 goes before warmup_ratio; default 0. */
  public TrainerOptions warmupSteps(long warmupSteps) {
    return set(to -> to.setWarmup_steps(warmupSteps));
  }

  /** Decoupled; default 0 (HF). */
  public TrainerOptions weightDecay(double weightDecay) {
    return set(to -> to.setWeight_decay(weightDecay));
  }

  /** Default 0.9 (torch). */
  public TrainerOptions beta1(double beta1) {
    return set(to -> to.setBeta1(beta1));
  }

  /** Default 0.999 (torch). */
  public TrainerOptions beta2(double beta2) {
    return set(to -> to.setBeta2(beta2));
  }

  /** Default 1e-8 (torch). */
  public TrainerOptions epsilon(double epsilon) {
    return set(to -> to.setEpsilon(epsilon));
  }

  /** Gradients are scaled down to this norm; default 1 (HF); 0 = never. */
  public TrainerOptions maxGradNorm(double maxGradNorm) {
    return set(to -> to.setMax_grad_norm(maxGradNorm));
  }

  /** Of order and dropout; &gt;= 0; default 42 (HF). */
  public TrainerOptions seed(long seed) {
    return set(to -> to.setSeed(seed));
  }

  /** 1 (default): a new order of rows in each epoch. */
  public TrainerOptions shuffle(boolean shuffle) {
    return set(to -> to.setShuffle(shuffle ? 1 : 0));
  }

  /** 1: short rows share a sequence, attention stays apart; default 0. */
  public TrainerOptions packing(boolean packing) {
    return set(to -> to.setPacking(packing ? 1 : 0));
  }

  /** Tokens of a packed sequence; default 0 = the data set's longest row. */
  public TrainerOptions packingLength(long packingLength) {
    return set(to -> to.setPacking_length(packingLength));
  }

  /** Default KEEP. CHECKPOINT: less memory, about a third more time. */
  public TrainerOptions activationCheckpointing(ActivationPolicy activationCheckpointing) {
    return set(to -> to.setActivation_checkpointing(activationCheckpointing.ordinal()));
  }

  /** FLOAT32 (default: exact) or _BFLOAT16: activations are rounded for matrix products. */
  public TrainerOptions computeDtype(DType computeDtype) {
    return set(to -> to.setCompute_dtype(computeDtype.ordinal()));
  }

  /** Evaluated by plan; default NULL. */
  public TrainerOptions evalDataset(Dataset dataset) {
    holding(dataset);
    return set(to -> to.setEval_dataset(dataset.handle()));
  }

  /**
   * Evaluate every so many steps, before the first and after the last; default 0 = only after the last, where
   * there is an eval_dataset.
   */
  public TrainerOptions evalSteps(long evalSteps) {
    return set(to -> to.setEval_steps(evalSteps));
  }

  /** Checkpoint every so many steps; needs output_dir; default 0 = never. */
  public TrainerOptions saveSteps(long saveSteps) {
    return set(to -> to.setSave_steps(saveSteps));
  }

  /** Newest complete checkpoints that are kept, the best one apart; default 2; 0 = all. */
  public TrainerOptions saveTotalLimit(int saveTotalLimit) {
    return set(to -> to.setSave_total_limit(saveTotalLimit));
  }

  /** 1 (default): with an eval_dataset, the adapter ends with the values of the lowest evaluation loss. */
  public TrainerOptions keepBest(boolean keepBest) {
    return set(to -> to.setKeep_best(keepBest ? 1 : 0));
  }

  /** Stop after so many evaluations without a lower loss; default 0 = never. */
  public TrainerOptions earlyStoppingPatience(int earlyStoppingPatience) {
    return set(to -> to.setEarly_stopping_patience(earlyStoppingPatience));
  }

  /** Stop with PEFT_E_NUMERIC after so many steps in a row with a non-finite loss or gradient; default 5. */
  public TrainerOptions maxSkippedInRow(int maxSkippedInRow) {
    return set(to -> to.setMax_skipped_in_row(maxSkippedInRow));
  }

  /** Folder of the checkpoints, checkpoint-&lt;step&gt;; default NULL. */
  public TrainerOptions outputDir(Path folder) {
    return set(to -> to.setOutput_dir(Text.name(folder.toString())));
  }

  /**
   * Of AdamW's two moments, 8 bytes a trained number; default DEVICE. On the HOST an update moves 16 bytes a
   * trained number over the bus and gives the same bits; AUTO needs a data set.
   */
  public TrainerOptions optimizerPlacement(Placement optimizerPlacement) {
    return set(to -> to.setOptimizer_placement(optimizerPlacement.ordinal()));
  }

  @Override
  peft_trainer_options create() {
    return new peft_trainer_options();
  }
}
