package org.libpeft.conformance;

import static org.libpeft.conformance.World.gives;
import static org.libpeft.conformance.World.that;

import java.nio.file.Files;
import org.libpeft.*;

/** Training, evaluation, saving, cancelling and resuming. */
final class TrainSteps {
  private TrainSteps() {}

  private static Dataset dataset(World w) {
    Scenario s = w.scenario;
    try (Rows rows = new Rows()) {
      for (int i = 0; i < s.count("train.rows.count"); i++) {
        int[] labels = s.ids("train.rows." + i + ".labels");
        int[] ids = s.ids("train.rows." + i + ".ids");
        if (labels.length == 0) rows.add(ids);
        else rows.addLabelled(ids, labels);
      }
      return Dataset.fromRows(w.context, rows, null);
    }
  }

  private static double step(World w, Trainer trainer, long number, String key) {
    TrainingEvent event = trainer.step().orElseThrow();
    that(event.step() == number && event.kind() == EventKind.STEP && event.loss() > 0, "step " + number);
    w.scenario.bits(key + "." + number, event.loss());
    return event.loss();
  }

  static void train(World w) {
    Scenario s = w.scenario;
    w.dataset = dataset(w);
    long steps = s.integer("train.max_steps");
    try (Trainer trainer = w.model.trainer(w.given, w.dataset, w.trainerOptions("train.max_steps"))) {
      double first = step(w, trainer, 1, "loss");
      double last = first;
      for (long i = 2; i <= steps; i++) last = step(w, trainer, i, "loss");
      that(last < first, "the loss went down");
      that(trainer.step().isEmpty(), "all steps are made");
      that(trainer.info().step() == steps && trainer.info().totalSteps() == steps, "steps");
      s.value("tokens", trainer.info().tokens());
    }
  }

  private static double evaluate(World w, EvaluateOptions options, String key) {
    Evaluation result = w.model.evaluate(w.dataset, options);
    that(result.rows() == w.scenario.integer("train.rows.count"), "rows");
    w.scenario.bits(key + ".loss", result.loss());
    w.scenario.bits(key + ".token_accuracy", result.tokenAccuracy());
    w.scenario.value(key + ".loss_tokens", result.lossTokens());
    return result.loss();
  }

  static void evaluate(World w) {
    double adapted = evaluate(w, new EvaluateOptions().adapters(w.given), "adapter");
    that(adapted < evaluate(w, null, "base"), "the adapter is better");
  }

  static void save(World w) {
    w.given.save(w.work.resolve("adapter"));
    that(Files.exists(w.work.resolve("adapter/adapter_config.json")), "config");
    that(Files.exists(w.work.resolve("adapter/adapter_model.safetensors")), "weights");
    w.model.save(w.work.resolve("model.gguf"));
  }

  static void loadBeside(World w) {
    int[] ids = w.scenario.ids("row.ids");
    try (Model second = w.context.loadModel(w.work.resolve("model.gguf"))) {
      that(w.score(second, null, ids) == w.score(w.model, null, ids), "the second model scores the same");
    }
    Adapter again = w.model.loadAdapter("again", w.work.resolve("adapter"), null);
    that(w.model.info().adapterCount() == 2, "two adapters");
    double nll = w.score(w.model, w.given, ids);
    try (Adapter found = w.model.adapter("again").orElseThrow()) {
      that(w.score(w.model, found, ids) == nll, "the loaded adapter scores the same");
    }
    w.scenario.bits("nll", nll);
    World.discard(again);
  }

  static void cancel(World w) throws Exception {
    Scenario s = w.scenario;
    Adapter adapter = w.attach("endless", 4, 1);
    try (Cancel cancel = new Cancel();
        Trainer trainer = w.model.trainer(adapter, w.dataset, w.trainerOptions("cancel.max_steps"))) {
      Thread other =
          new Thread(
              () -> {
                try {
                  Thread.sleep((long) (1000 * s.number("cancel.after_seconds")));
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
                cancel.signal();
              });
      long begin = System.nanoTime();
      other.start();
      gives(Status.CANCELLED, () -> trainer.run(null, cancel));
      other.join();
      that(System.nanoTime() - begin <= 1e9 * s.number("cancel.within_seconds"), "in time");
      long step = trainer.info().step();
      that(step > 0 && !trainer.info().finished(), "it had begun");
      trainer.step();
      that(trainer.info().step() == step + 1, "it can go on");
    }
    World.discard(adapter);
  }

  static void resume(World w) {
    Scenario s = w.scenario;
    long all = s.integer("resume.max_steps");
    long cut = s.integer("resume.checkpoint_after");
    double[] losses = new double[(int) all + 1];
    Adapter first = w.attach("whole", s.integer("resume.r"), s.integer("resume.seed"));
    Adapter second = w.attach("resumed", s.integer("resume.r"), s.integer("resume.seed"));
    TrainerOptions options = w.trainerOptions("resume.max_steps");
    try (Trainer whole = w.model.trainer(first, w.dataset, options);
        Trainer resumed = w.model.trainer(second, w.dataset, options)) {
      for (int i = 1; i <= all; i++) {
        losses[i] = step(w, whole, i, "loss");
        if (i == cut) whole.checkpoint(w.work.resolve("checkpoint"), null);
      }
      resumed.resume(w.work.resolve("checkpoint"));
      that(resumed.info().step() == cut && resumed.info().checkpointStep() == cut, "stands at the cut");
      for (int i = (int) cut + 1; i <= all; i++) that(step(w, resumed, i, "resumed") == losses[i], "loss " + i);
    }
    World.discard(first);
    World.discard(second);
  }
}
