package org.libpeft.conformance;

import static org.libpeft.conformance.World.gives;
import static org.libpeft.conformance.World.that;

import java.nio.file.Path;
import org.libpeft.*;

/** Every kind of error with its code, and giving all up in any order. */
final class ErrorSteps {
  private ErrorSteps() {}

  private static Model load(World w, ModelOptions options) {
    return w.context.loadModel(w.root.resolve(w.scenario.text("model.path")), options);
  }

  private static void mismatch(World w) {
    try (Rows rows = new Rows().add(1, 2, 5000);
        Dataset dataset = Dataset.fromRows(w.context, rows, null)) {
      w.model.trainer(w.given, dataset, null).close();
    }
  }

  private static void numeric(World w) {
    Adapter adapter = w.model.attachLora("overflow", new LoraConfig().r(1).loraAlpha(1e9));
    adapter.setScale(1e6);
    TrainerOptions options =
        new TrainerOptions().maxSteps(8).learningRate(1e6).warmupRatio(0).maxGradNorm(0).maxSkippedInRow(1);
    try (Trainer trainer = w.model.trainer(adapter, w.dataset, options)) {
      for (int i = 0; i < 8; i++) trainer.step();
    } finally {
      World.discard(adapter);
    }
  }

  private static void busy(World w) {
    Adapter adapter = w.attach("held", 2, 1);
    try (Trainer first = w.model.trainer(adapter, w.dataset, null)) {
      w.model.trainer(adapter, w.dataset, null).close();
    } finally {
      World.discard(adapter);
    }
  }

  private static void refused(World w) {
    try (Model model = w.loadTiny();
        Adapter adapter = model.loadAdapter("small", w.work.resolve("adapter"), null)) {
      model.quantizeNf4(null);
      model.merge(adapter, null);
    }
  }

  private static void limit(World w) {
    try (Session session = w.model.session(new SessionOptions().contextLength(4))) {
      session.prefill(w.scenario.ids("row.ids"), null);
    }
  }

  private static void provoke(World w, String name) {
    switch (name) {
      case "invalid_argument" -> w.model.attachLora("none", new LoraConfig().r(-1));
      case "bad_handle" -> {
        Cancel cancel = new Cancel();
        cancel.close();
        cancel.signal();
      }
      case "busy" -> busy(w);
      case "out_of_memory" -> {
        try (Context small = new Context(new ContextOptions().maxMemoryBytes(10000))) {
          small.loadModel(w.root.resolve(w.scenario.text("model.path"))).close();
        }
      }
      case "io" -> w.given.save(Path.of("/dev/null/adapter"));
      case "format" -> Dataset.fromText(w.context, null, "{\"token_ids\": [1, 2", null);
      case "unsupported" -> {
        try (Model model = w.loadTiny()) {
          model.quantizeNf4(new QuantizeOptions().blockSize(128));
        }
      }
      case "not_found" -> w.context.loadModel(Path.of("/no/such/folder"));
      case "mismatch" -> mismatch(w);
      case "limit" -> limit(w);
      case "cancelled" -> {
        try (Cancel cancel = new Cancel()) {
          cancel.signal();
          load(w, new ModelOptions().cancel(cancel));
        }
      }
      case "numeric" -> numeric(w);
      case "device" -> load(w, new ModelOptions().device("cuda:99"));
      case "refused" -> refused(w);
      case "state" -> {
        try (Model model = w.loadTiny()) {
          model.unmerge();
        }
      }
      // The listener runs between two native calls: its exception reaches the caller, and the trainer is free.
      case "callback" -> throw new PeftException(Status.CALLBACK, "no callback crosses");
      case "reentrant" -> throw new PeftException(Status.REENTRANT, "no callback crosses");
      default -> throw new IllegalStateException("unknown case");
    }
  }

  static void errors(World w) throws Exception {
    Scenario s = w.scenario;
    for (int i = 0; i < s.count("errors.names.count"); i++) {
      String name = Libpeft.statusName(s.count("errors.names." + i + ".code"));
      that(name.equals(s.text("errors.names." + i + ".name")), name);
    }
    for (int i = 0; i < s.count("errors.cases.count"); i++) {
      String name = s.text("errors.cases." + i + ".name");
      int code = World.codeOf(() -> provoke(w, name));
      that(code == s.count("errors.cases." + i + ".code"), name + " gave " + Libpeft.statusName(code));
      s.value(name, code);
    }
  }

  static void close(World w) throws Exception {
    Session session = w.greedy(w.given, 2);
    w.context.close();
    if (w.smollm2 != null) w.smollm2.close();
    w.model.close();
    w.given.close();
    w.dataset.close();
    try (session) {
      session.prefill(w.scenario.ids("row.ids"), null);
      int[] ids = World.generate(session);
      that(ids.length == 2, "two tokens");
      w.scenario.ids("ids", ids);
    }
    gives(Status.BAD_HANDLE, w.model::info);
  }
}
