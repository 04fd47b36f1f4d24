package org.libpeft;

import java.util.List;
import org.libpeft.swig.peft_parameter_info;

/**
 * One tensor of a model or an adapter.
 *
 * @param name its name in the checkpoint
 * @param dtype as held in memory
 * @param shape outermost first
 * @param dimensions used places of shape
 * @param trainable 1: training changes it (adapters only)
 */
public record ParameterInfo(
    String name,
    DType dtype,
    List<Long> shape,
    int dimensions,
    boolean trainable,
    long elements,
    long bytes) {

  static ParameterInfo of(String name, peft_parameter_info from) {
    return new ParameterInfo(
        name,
        DType.of(from.getDtype()),
        shapeOf(from),
        from.getDimensions(),
        from.getTrainable() != 0,
        from.getElements(),
        from.getBytes());
  }

  private static List<Long> shapeOf(peft_parameter_info from) {
    Long[] shape = new Long[from.getDimensions()];
    for (int i = 0; i < shape.length; i++) shape[i] = from.extent(i);
    return List.of(shape);
  }
}
