package org.libpeft;

import org.libpeft.swig.peft_step_result;

/**
 * Figures of a step or another event. What does not belong to the event is 0.
 *
 * @param step the step that all figures belong to; the first is 1
 * @param totalSteps of the whole training; 0 without a data set and max_steps
 * @param epoch passes over the data up to the end of this step
 * @param loss mean over the loss-bearing tokens of this step; not finite if it was skipped
 * @param learningRate that was applied
 * @param gradNorm before clipping
 * @param tokens of this step
 * @param lossTokens of which bear a loss
 * @param seconds that the step, evaluation or save took
 * @param tokensPerSecond of this step or evaluation
 * @param peakMemoryBytes largest resident set of the process; on a GPU the driver's figure
 * @param skippedSteps steps skipped so far for a non-finite loss or gradient
 * @param evalLoss EVALUATION: mean loss over the tokens of the eval_dataset
 * @param bestEvalLoss lowest so far
 * @param bestStep the step after which it was measured
 * @param skipped 1: this step changed nothing
 * @param isBest EVALUATION: 1 if this is the lowest so far
 * @param stoppedEarly END: 1 if early_stopping_patience ended the training
 */
public record TrainingEvent(
    EventKind kind,
    long step,
    long totalSteps,
    double epoch,
    double loss,
    double learningRate,
    double gradNorm,
    long tokens,
    long lossTokens,
    double seconds,
    double tokensPerSecond,
    long peakMemoryBytes,
    long skippedSteps,
    double evalLoss,
    double bestEvalLoss,
    long bestStep,
    boolean skipped,
    boolean isBest,
    boolean stoppedEarly) {

  static TrainingEvent of(peft_step_result from) {
    return new TrainingEvent(
        EventKind.of(from.getKind()),
        from.getStep(),
        from.getTotal_steps(),
        from.getEpoch(),
        from.getLoss(),
        from.getLearning_rate(),
        from.getGrad_norm(),
        from.getTokens(),
        from.getLoss_tokens(),
        from.getSeconds(),
        from.getTokens_per_second(),
        from.getPeak_memory_bytes(),
        from.getSkipped_steps(),
        from.getEval_loss(),
        from.getBest_eval_loss(),
        from.getBest_step(),
        from.getSkipped() != 0,
        from.getIs_best() != 0,
        from.getStopped_early() != 0);
  }
}
