package org.libpeft;

import org.libpeft.swig.peft_score_result;

/**
 * Outcome of a score.
 *
 * @param count tokens of the row, the first included
 * @param nll negative log-likelihood of all tokens after the first, natural logarithm, summed
 * @param logprobs natural logarithm of the probability of each token after the first
 */
public record Score(
    long count,
    double nll,
    float[] logprobs) {

  static Score of(peft_score_result from, float[] logprobs) {
    return new Score(
        from.getCount(),
        from.getNll(),
        logprobs);
  }
}
