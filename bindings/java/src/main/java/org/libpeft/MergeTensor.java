package org.libpeft;

import org.libpeft.swig.peft_merge_tensor;

/**
 * One tensor in the report of a merge.
 *
 * @param name its name in the checkpoint
 * @param dtype type that the update was rounded to
 * @param retained share of the update that survived; 1 = all
 * @param updateNorm |dW|, Frobenius
 * @param weightNorm |W| before, Frobenius
 */
public record MergeTensor(
    String name,
    DType dtype,
    double retained,
    double updateNorm,
    double weightNorm) {

  static MergeTensor of(String name, peft_merge_tensor from) {
    return new MergeTensor(
        name,
        DType.of(from.getDtype()),
        from.getRetained(),
        from.getUpdate_norm(),
        from.getWeight_norm());
  }
}
