package org.libpeft;

import java.util.List;
import org.libpeft.swig.peft_merge_result;

/**
 * Outcome of a merge. The share of an update dW that survived is &lt;dW effective, dW&gt; / |dW|^2.
 *
 * @param merged 1: the weights were changed
 * @param tensorCount tensors that the adapter changes
 * @param belowMinimum of which below minimum_retained
 * @param minimumRetained smallest share over the tensors
 * @param meanRetained mean share over the tensors
 * @param originalBytes memory of the originals that are kept
 * @param tensors the report, a tensor each
 */
public record MergeResult(
    boolean merged,
    long tensorCount,
    long belowMinimum,
    double minimumRetained,
    double meanRetained,
    long originalBytes,
    List<MergeTensor> tensors) {

  static MergeResult of(peft_merge_result from, List<MergeTensor> tensors) {
    return new MergeResult(
        from.getMerged() != 0,
        from.getTensor_count(),
        from.getBelow_minimum(),
        from.getMinimum_retained(),
        from.getMean_retained(),
        from.getOriginal_bytes(),
        tensors);
  }
}
