package org.libpeft;

import org.libpeft.swig.peft_estimate_result;

/**
 * Where the memory goes, in bytes.
 *
 * @param fits 1: peak_bytes is within what the device has free now
 * @param peakBytes the most at once; what the process or GPU will show at its peak
 * @param weightBytes base weights, without those in host_bytes
 * @param loadingBytes more while loading and quantizing, gone before the job's own peak
 * @param adapterBytes adapter weights
 * @param gradientBytes adapter gradients
 * @param optimizerBytes AdamW's two moments; 0 where they are in host_bytes
 * @param activationBytes kept for the backward pass
 * @param cacheBytes key/value caches of all sessions
 * @param workspaceBytes scratch and what is short-lived, at the peak
 * @param baselineBytes the library, its tables, the tokenizer, the data set
 * @param availableBytes free on the device now
 * @param trainableElements numbers that would be trained
 * @param parameterElements numbers in the base weights
 * @param tokensPerStep TRAIN: tokens of one step at most
 * @param flopsPerStep TRAIN: floating point operations of one step; GENERATE: of one token
 * @param hostBytes pinned host memory beside a GPU's own, at the peak: what ActivationPolicy.OFFLOAD and
 *     Placement.HOST put there. Not in peak_bytes
 */
public record Estimate(
    boolean fits,
    long peakBytes,
    long weightBytes,
    long loadingBytes,
    long adapterBytes,
    long gradientBytes,
    long optimizerBytes,
    long activationBytes,
    long cacheBytes,
    long workspaceBytes,
    long baselineBytes,
    long availableBytes,
    long trainableElements,
    long parameterElements,
    long tokensPerStep,
    double flopsPerStep,
    long hostBytes) {

  static Estimate of(peft_estimate_result from) {
    return new Estimate(
        from.getFits() != 0,
        from.getPeak_bytes(),
        from.getWeight_bytes(),
        from.getLoading_bytes(),
        from.getAdapter_bytes(),
        from.getGradient_bytes(),
        from.getOptimizer_bytes(),
        from.getActivation_bytes(),
        from.getCache_bytes(),
        from.getWorkspace_bytes(),
        from.getBaseline_bytes(),
        from.getAvailable_bytes(),
        from.getTrainable_elements(),
        from.getParameter_elements(),
        from.getTokens_per_step(),
        from.getFlops_per_step(),
        from.getHost_bytes());
  }
}
