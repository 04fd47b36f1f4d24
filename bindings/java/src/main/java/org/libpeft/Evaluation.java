package org.libpeft;

import org.libpeft.swig.peft_evaluate_result;

/**
 * Outcome of an evaluation.
 *
 * @param loss nll / loss_tokens
 * @param perplexity exp(loss)
 * @param nll negative log-likelihood, natural logarithm, summed over the loss-bearing tokens
 * @param tokenAccuracy share of loss-bearing tokens that are the most probable one
 */
public record Evaluation(
    double loss,
    double perplexity,
    double nll,
    double tokenAccuracy,
    long rows,
    long tokens,
    long lossTokens,
    double seconds,
    double tokensPerSecond) {

  static Evaluation of(peft_evaluate_result from) {
    return new Evaluation(
        from.getLoss(),
        from.getPerplexity(),
        from.getNll(),
        from.getToken_accuracy(),
        from.getRows(),
        from.getTokens(),
        from.getLoss_tokens(),
        from.getSeconds(),
        from.getTokens_per_second());
  }
}
