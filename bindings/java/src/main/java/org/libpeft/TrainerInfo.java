package org.libpeft;

import org.libpeft.swig.peft_trainer_info;

/**
 * Where a trainer stands.
 *
 * @param finished 1: the next pull gives PEFT_END
 * @param step steps made, skipped ones included
 * @param totalSteps of the whole training; 0 without a data set and max_steps
 * @param epoch passes over the data so far
 * @param learningRate that the next step will apply
 * @param tokens trained on so far
 * @param skippedSteps for a non-finite loss or gradient
 * @param lastLoss of the last step that was applied
 * @param bestEvalLoss lowest so far; 0 if best_step is -1
 * @param bestStep the step after which it was measured; -1 = not yet
 * @param trainableElements numbers that are trained
 * @param memoryBytes held by the trainer: gradients, optimizer, activations
 * @param checkpointStep of the last complete checkpoint that was written or read; -1 = none
 */
public record TrainerInfo(
    boolean finished,
    long step,
    long totalSteps,
    double epoch,
    double learningRate,
    long tokens,
    long skippedSteps,
    double lastLoss,
    double bestEvalLoss,
    long bestStep,
    long trainableElements,
    long memoryBytes,
    long checkpointStep) {

  static TrainerInfo of(peft_trainer_info from) {
    return new TrainerInfo(
        from.getFinished() != 0,
        from.getStep(),
        from.getTotal_steps(),
        from.getEpoch(),
        from.getLearning_rate(),
        from.getTokens(),
        from.getSkipped_steps(),
        from.getLast_loss(),
        from.getBest_eval_loss(),
        from.getBest_step(),
        from.getTrainable_elements(),
        from.getMemory_bytes(),
        from.getCheckpoint_step());
  }
}
