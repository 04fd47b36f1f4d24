package org.libpeft;

import java.lang.ref.Reference;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.libpeft.swig.Peft;
import org.libpeft.swig.peft_adapter_options;
import org.libpeft.swig.peft_estimate_options;
import org.libpeft.swig.peft_estimate_result;
import org.libpeft.swig.peft_evaluate_options;
import org.libpeft.swig.peft_evaluate_result;
import org.libpeft.swig.peft_lora_config;
import org.libpeft.swig.peft_merge_options;
import org.libpeft.swig.peft_merge_result;
import org.libpeft.swig.peft_merge_tensor;
import org.libpeft.swig.peft_model_info;
import org.libpeft.swig.peft_module_info;
import org.libpeft.swig.peft_parameter_info;
import org.libpeft.swig.peft_quantize_options;
import org.libpeft.swig.peft_save_options;
import org.libpeft.swig.peft_score_options;
import org.libpeft.swig.peft_score_result;
import org.libpeft.swig.peft_session_options;
import org.libpeft.swig.peft_trainer_options;

/**
 * A loaded transformer with its adapters. Many threads may use it at once, but quantizing, merging and unmerging need
 * it for themselves and fail with BUSY while a trainer or session holds it.
 */
public final class Model extends Handle {
  Model(long handle) {
    super(handle, Peft::peft_model_free);
  }

  public ModelInfo info() {
    try (peft_model_info info = new peft_model_info()) {
      Peft.peft_model_get_info(handle(), info);
      return ModelInfo.of(info);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** A second object for the same model, to be closed by itself. */
  public Model share() {
    try {
      Peft.peft_model_retain(handle());
      return new Model(handle());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Path, config, tensors, tokenizer, adapters as JSON. */
  public String describe() {
    try {
      return text(out -> Peft.peft_model_describe(handle(), out));
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
        String name = text(out -> Peft.peft_model_parameter_at(handle(), index, info, out));
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
      Peft.peft_model_parameter_read(handle(), Text.name(name), data);
    } finally {
      Reference.reachabilityFence(this);
    }
    return data[0];
  }

  /** The same into a direct buffer of native order, without a copy; its limit becomes the end of the numbers. */
  public void parameter(String name, FloatBuffer into) {
    try {
      Buffers.fill(into, slice -> Peft.peft_model_parameter_read(handle(), Text.name(name), slice));
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** The modules that adapters can target. */
  public List<ModuleInfo> modules() {
    List<ModuleInfo> list = new ArrayList<>();
    long count = info().moduleCount();
    try (peft_module_info info = new peft_module_info()) {
      for (long i = 0; i < count; i++) {
        long index = i;
        String name = text(out -> Peft.peft_model_module_at(handle(), index, info, out));
        list.add(ModuleInfo.of(name, info));
      }
    } finally {
      Reference.reachabilityFence(this);
    }
    return list;
  }

  public void save(Path path) {
    save(path, null);
  }

  /** Saves the base weights as they are now: a folder that Transformers reads, or a GGUF file. */
  public void save(Path path, SaveOptions options) {
    try (Options.Made<peft_save_options> made = Options.of(options)) {
      Peft.peft_model_save(handle(), Text.name(path.toString()), made.struct);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** Quantizes the linear layers to NF4 in place. */
  public void quantizeNf4(QuantizeOptions options) {
    try (Options.Made<peft_quantize_options> made = Options.of(options)) {
      Peft.peft_quantize_nf4(handle(), made.struct);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** The tokenizer that came with the model; fails with NOT_FOUND where none did. */
  public Tokenizer tokenizer() {
    try {
      return make(out -> Peft.peft_tokenizer_from_model(handle(), out), Tokenizer::new);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Attaches a new LoRA adapter. */
  public Adapter attachLora(String name, LoraConfig config) {
    try (Options.Made<peft_lora_config> made = Options.of(config)) {
      return make(out -> Peft.peft_attach_lora(handle(), Text.name(name), made.struct, out), Adapter::new);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Attaches a new adapter of any method by the text of PEFT's adapter_config.json. */
  public Adapter attach(String name, String json, AdapterOptions options) {
    try (Options.Made<peft_adapter_options> made = Options.of(options)) {
      return make(
          out -> Peft.peft_attach(handle(), Text.name(name), Text.utf8(json), made.struct, out), Adapter::new);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** Loads an adapter folder of PEFT's, strictly. */
  public Adapter loadAdapter(String name, Path folder, AdapterOptions options) {
    long[] out = new long[1];
    try (Options.Made<peft_adapter_options> made = Options.of(options)) {
      int status =
          Peft.peft_adapter_load(handle(), Text.name(name), Text.name(folder.toString()), made.struct, out);
      return new Adapter(out[0], Remark.of(status));
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** The attached adapters, in the order of attaching; each is to be closed. */
  public List<Adapter> adapters() {
    List<Adapter> list = new ArrayList<>();
    try {
      for (long i = 0; ; i++) {
        long index = i;
        list.add(make(out -> Peft.peft_model_adapter_at(handle(), index, out), Adapter::new));
      }
    } catch (PeftException e) {
      if (e.code() == Status.NOT_FOUND) return list;
      list.forEach(Adapter::close);
      throw e;
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** An attached adapter by its name. */
  public Optional<Adapter> adapter(String name) {
    try {
      return Optional.of(make(out -> Peft.peft_model_adapter_find(handle(), Text.name(name), out), Adapter::new));
    } catch (PeftException e) {
      if (e.code() == Status.NOT_FOUND) return Optional.empty();
      throw e;
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Folds an adapter into the weights. A refusal leaves its report with {@link #mergeReport}. */
  public MergeResult merge(Adapter adapter, MergeOptions options) {
    try (Options.Made<peft_merge_options> made = Options.of(options);
        peft_merge_result result = new peft_merge_result()) {
      Peft.peft_merge(handle(), adapter.handle(), made.struct, result);
      return MergeResult.of(result, mergeReport());
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(adapter);
      Reference.reachabilityFence(options);
    }
  }

  /** The report of the last merge, dry or refused ones too: a tensor each. */
  public List<MergeTensor> mergeReport() {
    List<MergeTensor> list = new ArrayList<>();
    long count = info().mergeTensorCount();
    try (peft_merge_tensor info = new peft_merge_tensor()) {
      for (long i = 0; i < count; i++) {
        long index = i;
        String name = text(out -> Peft.peft_merge_tensor_at(handle(), index, info, out));
        list.add(MergeTensor.of(name, info));
      }
    } finally {
      Reference.reachabilityFence(this);
    }
    return list;
  }

  /** Undoes all merges, bit for bit. */
  public void unmerge() {
    try {
      Peft.peft_unmerge(handle());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Makes all merges final and frees the originals. */
  public void discardMergeOriginals() {
    try {
      Peft.peft_merge_discard(handle());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** A trainer of one adapter; the data set may be null if every step is given its rows. */
  public Trainer trainer(Adapter adapter, Dataset dataset, TrainerOptions options) {
    try (Options.Made<peft_trainer_options> made = Options.of(options)) {
      return make(
          out -> Peft.peft_trainer_create(handle(), adapter.handle(), of(dataset), made.struct, out), Trainer::new);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(adapter);
      Reference.reachabilityFence(dataset);
      Reference.reachabilityFence(options);
    }
  }

  /** An empty session. */
  public Session session(SessionOptions options) {
    boolean text = info().hasTokenizer();
    try (Options.Made<peft_session_options> made = Options.of(options)) {
      return make(
          out -> Peft.peft_session_create(handle(), made.struct, out), handle -> new Session(handle, text));
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** Evaluates a data set, with or without adapters. */
  public Evaluation evaluate(Dataset dataset, EvaluateOptions options) {
    try (Options.Made<peft_evaluate_options> made = Options.of(options);
        peft_evaluate_result result = new peft_evaluate_result()) {
      Peft.peft_evaluate(handle(), dataset.handle(), made.struct, result);
      return Evaluation.of(result);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(dataset);
      Reference.reachabilityFence(options);
    }
  }

  /** Scores one row of tokens. */
  public Score score(int[] ids, ScoreOptions options) {
    float[][] values = new float[1][];
    try (Options.Made<peft_score_options> made = Options.of(options);
        peft_score_result result = new peft_score_result()) {
      Peft.peft_score(handle(), ids, made.struct, result, values);
      return Score.of(result, values[0]);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** Logits after given tokens, into a direct buffer of native order, without a copy: a row for each position. */
  public void logits(int[] ids, ScoreOptions options, FloatBuffer into) {
    try (Options.Made<peft_score_options> made = Options.of(options)) {
      Buffers.fill(into, slice -> Peft.peft_logits(handle(), ids, made.struct, slice));
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** How much memory a job on this model will take. */
  public Estimate estimate(EstimateOptions options) {
    try (Options.Made<peft_estimate_options> made = Options.of(options);
        peft_estimate_result result = new peft_estimate_result()) {
      Peft.peft_estimate_model(handle(), made.struct, result);
      return Estimate.of(result);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }
}
