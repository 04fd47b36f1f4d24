package org.libpeft;

import org.libpeft.swig.peft_module_info;

/**
 * One module that adapters can target.
 *
 * @param name its name in the checkpoint
 * @param layer number of its layer, -1 outside the layers
 * @param kind "linear", "conv1d" (stored transposed), "embedding", "norm"
 * @param dtype type of its weight
 * @param isOutputHead 1: "all-linear" leaves it out
 */
public record ModuleInfo(
    String name,
    int layer,
    String kind,
    long inFeatures,
    long outFeatures,
    DType dtype,
    boolean isOutputHead) {

  static ModuleInfo of(String name, peft_module_info from) {
    return new ModuleInfo(
        name,
        from.getLayer(),
        Text.string(from.getKind()),
        from.getIn_features(),
        from.getOut_features(),
        DType.of(from.getDtype()),
        from.getIs_output_head() != 0);
  }
}
