package org.libpeft.conformance;

import java.nio.file.Files;
import java.nio.file.Path;
import org.libpeft.*;

/** What steps leave for later ones, and what several of them do. */
final class World {
  /** The step cannot be run here; not a failure. */
  static final class Skipped extends RuntimeException {
    Skipped(String why) {
      super("skipped: " + why);
    }
  }

  /** A part of a step, which may fail with anything. */
  interface Part {
    void run() throws Exception;
  }

  final Scenario scenario;
  final Path root;
  final Path work;
  Context context;
  Model model;
  Model smollm2;
  Adapter given;
  Dataset dataset;

  World(Scenario scenario, Path root, Path work) {
    this.scenario = scenario;
    this.root = root;
    this.work = work;
  }

  static void that(boolean condition, String what) {
    if (!condition) throw new IllegalStateException("not so: " + what);
  }

  static void near(double found, double expected, double tolerance, String what) {
    that(Math.abs(found - expected) <= tolerance, what + " " + found + " is near " + expected);
  }

  /** The code that a part fails with; 0 if it does not. */
  static int codeOf(Part part) throws Exception {
    try {
      part.run();
      return Status.OK;
    } catch (PeftException e) {
      that(!e.getMessage().isEmpty(), "an error has a message");
      return e.code();
    }
  }

  static void gives(int code, Part part) throws Exception {
    int found = codeOf(part);
    that(found == code, Libpeft.statusName(found) + " is " + Libpeft.statusName(code));
  }

  Model loadTiny() {
    return context.loadModel(root.resolve(scenario.text("model.path")));
  }

  Model needSmollm2() {
    if (smollm2 == null) throw new Skipped("no model");
    return smollm2;
  }

  static Path smollm2Path() {
    String path = System.getenv("PEFT_SMOLLM2_GGUF");
    Path usual = Path.of(System.getProperty("user.home"), ".cache/libpeft/SmolLM2-135M-Instruct.Q4_1.gguf");
    Path chosen = path == null || path.isEmpty() ? usual : Path.of(path);
    return Files.exists(chosen) ? chosen : null;
  }

  double score(Model model, Adapter adapter, int[] ids) {
    return model.score(ids, adapter == null ? null : new ScoreOptions().adapters(adapter)).nll();
  }

  Adapter attach(String name, long r, long seed) {
    return model.attachLora(name, new LoraConfig().r((int) r).seed(seed));
  }

  static void discard(Adapter adapter) {
    adapter.detach();
    adapter.close();
  }

  TrainerOptions trainerOptions(String stepsKey) {
    return new TrainerOptions()
        .batchSize(scenario.count("train.batch_size"))
        .gradientAccumulationSteps(scenario.count("train.gradient_accumulation_steps"))
        .learningRate(scenario.number("train.learning_rate"))
        .seed(scenario.integer("train.seed"))
        .maxSteps(scenario.integer(stepsKey));
  }

  Session greedy(Adapter adapter, long newTokens) {
    Session session = model.session(adapter == null ? null : new SessionOptions().adapters(adapter));
    session.setSampling(new SamplingOptions().maxNewTokens(newTokens).ignoreEos(true));
    return session;
  }

  static int[] generate(Session session) {
    return session.stream().mapToInt(Piece::tokenId).toArray();
  }
}
