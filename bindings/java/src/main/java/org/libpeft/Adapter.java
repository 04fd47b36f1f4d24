package org.libpeft;

import java.lang.ref.Reference;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.libpeft.swig.Peft;
import org.libpeft.swig.peft_adapter_info;
import org.libpeft.swig.peft_parameter_info;
import org.libpeft.swig.peft_save_options;

/**
 * A set of small weights on one model. Closing gives up this object alone: the adapter stays attached until {@link
 * #detach}.
 */
public final class Adapter extends Handle {
  private final String remark;

  Adapter(long handle) {
    this(handle, null);
  }

  Adapter(long handle, String remark) {
    super(handle, Peft::peft_adapter_free);
    this.remark = remark;
  }

  /** What loading had to say though it succeeded, such as that the files name another base model. */
  public Optional<String> remark() {
    return Optional.ofNullable(remark);
  }

  public AdapterInfo info() {
    try (peft_adapter_info info = new peft_adapter_info()) {
      Peft.peft_adapter_get_info(handle(), info);
      return AdapterInfo.of(info);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public String name() {
    try {
      return text(out -> Peft.peft_adapter_get_name(handle(), out));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Its settings as the text of PEFT's adapter_config.json. */
  public String config() {
    try {
      return text(out -> Peft.peft_adapter_get_config(handle(), out));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public List<ParameterInfo> parameters() {
    List<ParameterInfo> list = new ArrayList<>();
    long count = info().parameterCount();
    try (peft_parameter_info info = new peft_parameter_info()) {
      for (long i = 0; i < count; i++) {
        long index = i;
        String name = text(out -> Peft.peft_adapter_parameter_at(handle(), index, info, out));
        list.add(ParameterInfo.of(name, info));
      }
    } finally {
      Reference.reachabilityFence(this);
    }
    return list;
  }

  /** One parameter as float32, row by row. */
  public float[] parameter(String name) {
    float[][] data = new float[1][];
    try {
      Peft.peft_adapter_parameter_read(handle(), Text.name(name), data);
    } finally {
      Reference.reachabilityFence(this);
    }
    return data[0];
  }

  /** The same into a direct buffer of native order, without a copy; its limit becomes the end of the numbers. */
  public void parameter(String name, FloatBuffer into) {
    try {
      Buffers.fill(into, slice -> Peft.peft_adapter_parameter_read(handle(), Text.name(name), slice));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public void save(Path path) {
    save(path, null);
  }

  /** Saves as PEFT does, or as GGUF. */
  public void save(Path path, SaveOptions options) {
    try (Options.Made<peft_save_options> made = Options.of(options)) {
      Peft.peft_adapter_save(handle(), Text.name(path.toString()), made.struct);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** Sets a factor on its effect, for trainers, sessions and scores that begin later. */
  public void setScale(double scale) {
    try {
      Peft.peft_adapter_set_scale(handle(), scale);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Takes it off its model; what holds it keeps it. */
  public void detach() {
    try {
      Peft.peft_adapter_detach(handle());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** A second object for the same adapter, to be closed by itself. */
  public Adapter share() {
    try {
      Peft.peft_adapter_retain(handle());
      return new Adapter(handle(), remark);
    } finally {
      Reference.reachabilityFence(this);
    }
  }
}
