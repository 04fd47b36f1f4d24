package org.libpeft;

import java.lang.ref.Reference;
import java.nio.file.Path;
import org.libpeft.swig.Peft;
import org.libpeft.swig.peft_context_info;
import org.libpeft.swig.peft_context_options;
import org.libpeft.swig.peft_estimate_options;
import org.libpeft.swig.peft_estimate_result;
import org.libpeft.swig.peft_model_options;

/** What the library may use; models, tokenizers and data sets are made in it. May be used by many threads at once. */
public final class Context extends Handle {
  public Context() {
    this(null);
  }

  /** @param options what it may use, or null */
  public Context(ContextOptions options) {
    super(create(options), Peft::peft_context_free);
  }

  private static long create(ContextOptions options) {
    try (Options.Made<peft_context_options> made = Options.of(options)) {
      return make(out -> Peft.peft_context_create(made.struct, out), Long::valueOf);
    } finally {
      Reference.reachabilityFence(options);
    }
  }

  /** The live figures. */
  public ContextInfo info() {
    try (peft_context_info info = new peft_context_info()) {
      Peft.peft_context_get_info(handle(), info);
      return ContextInfo.of(info);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Gives cached memory back to the system. */
  public void trim() {
    try {
      Peft.peft_context_trim(handle());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public Model loadModel(Path path) {
    return loadModel(path, null);
  }

  /** Loads a Hugging Face folder or a GGUF file, strictly. */
  public Model loadModel(Path path, ModelOptions options) {
    try (Options.Made<peft_model_options> made = Options.of(options)) {
      return make(out -> Peft.peft_model_load(handle(), Text.name(path.toString()), made.struct, out), Model::new);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }

  /** Loads a tokenizer alone: model folder, tokenizer.json or GGUF file. */
  public Tokenizer loadTokenizer(Path path) {
    try {
      return make(out -> Peft.peft_tokenizer_load(handle(), Text.name(path.toString()), out), Tokenizer::new);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Checks a model or adapter without building it, and describes it as JSON. */
  public String inspect(Path path, Cancel cancel) {
    try {
      return text(out -> Peft.peft_inspect(handle(), Text.name(path.toString()), of(cancel), out));
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(cancel);
    }
  }

  /** How much memory a job will take on a model that is not loaded. */
  public Estimate estimate(Path path, EstimateOptions options) {
    try (Options.Made<peft_estimate_options> made = Options.of(options);
        peft_estimate_result result = new peft_estimate_result()) {
      Peft.peft_estimate(handle(), Text.name(path.toString()), made.struct, result);
      return Estimate.of(result);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(options);
    }
  }
}
