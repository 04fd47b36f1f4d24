package org.libpeft.conformance;

import static org.libpeft.conformance.World.gives;
import static org.libpeft.conformance.World.near;
import static org.libpeft.conformance.World.that;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.libpeft.*;

/** Streaming, chat, many sessions at once, quantizing and merging. */
final class ServeSteps {
  private ServeSteps() {}

  static void stream(World w) {
    Scenario s = w.scenario;
    int[] prompt = s.ids("stream.prompt");
    List<Piece> pieces = new ArrayList<>();
    double sum = 0;
    try (Session session = w.greedy(w.given, s.integer("stream.max_new_tokens"))) {
      session.prefill(prompt, null);
      try (Session twin = session.fork()) {
        for (Piece piece : session) {
          that(piece.position() == prompt.length + pieces.size(), "position");
          pieces.add(piece);
          sum += piece.logprob();
        }
        that(session.info().finishReason() == FinishReason.LENGTH, "ended by length");
        int[] made = pieces.stream().mapToInt(Piece::tokenId).toArray();
        that(made.length == s.count("stream.max_new_tokens"), "number of tokens");
        s.ids("ids", made);
        s.bits("logprob", sum);
        that(Arrays.equals(World.generate(twin), made), "the fork makes the same");
        int[] held = session.tokens();
        that(Arrays.equals(Arrays.copyOf(held, prompt.length), prompt), "the session begins with the prompt");
        that(Arrays.equals(Arrays.copyOfRange(held, prompt.length, held.length), made), "and ends with the pieces");
      }
    }
  }

  static void chat(World w) {
    Scenario s = w.scenario;
    try (Session session = w.needSmollm2().session(null)) {
      session.setSampling(new SamplingOptions().maxNewTokens(s.integer("smollm2.max_new_tokens")));
      session.prefillChat(s.text("smollm2.messages_json"), null);
      List<Piece> pieces = session.stream().toList();
      int[] ids = pieces.stream().mapToInt(Piece::tokenId).filter(id -> id >= 0).toArray();
      StringBuilder text = new StringBuilder();
      pieces.forEach(piece -> text.append(piece.text()));
      s.ids("ids", ids);
      s.hex("text", text.toString());
      that(Arrays.equals(ids, s.ids("smollm2.answer_ids")), "ids");
      that(text.toString().equals(s.string("smollm2.answer_hex")), "text");
    }
  }

  private static Session prompted(World w, int i) {
    Scenario s = w.scenario;
    Session session = w.greedy(i % 2 == 0 ? w.given : null, s.integer("sessions.max_new_tokens"));
    session.prefill(Arrays.copyOfRange(s.ids("row.ids"), i, i + s.count("sessions.prompt_length")), null);
    return session;
  }

  static void sessions(World w) throws Exception {
    Scenario s = w.scenario;
    int count = s.count("sessions.count");
    Adapter learner = w.attach("learner", s.integer("sessions.learner_r"), s.integer("sessions.learner_seed"));
    ExecutorService threads = Executors.newFixedThreadPool(count + 1);
    List<Future<int[]>> talks = new ArrayList<>();
    TrainerOptions options = new TrainerOptions().maxSteps(s.integer("cancel.max_steps"));
    try (Cancel cancel = new Cancel();
        Trainer trainer = w.model.trainer(learner, w.dataset, options)) {
      Callable<Integer> lesson = () -> World.codeOf(() -> trainer.run(null, cancel));
      Future<Integer> learned = threads.submit(lesson);
      for (int i = 0; i < count; i++) {
        Session session = prompted(w, i);
        talks.add(
            threads.submit(
                () -> {
                  try (session) {
                    return World.generate(session);
                  }
                }));
      }
      for (Future<int[]> talk : talks) talk.get();
      cancel.signal();
      that(learned.get() == Status.CANCELLED, "the trainer was cancelled");
    } finally {
      threads.shutdown();
    }
    World.discard(learner);
    for (int i = 0; i < count; i++)
      try (Session alone = prompted(w, i)) {
        int[] ids = World.generate(alone);
        that(Arrays.equals(ids, talks.get(i).get()), "session " + i + " made what it makes alone");
        s.ids("ids." + i, ids);
      }
  }

  static void quantize(World w) throws Exception {
    Scenario s = w.scenario;
    try (Model model = w.loadTiny()) {
      long before = model.info().weightBytes();
      model.quantizeNf4(null);
      ModelInfo after = model.info();
      that(after.dtype().ordinal() == s.count("quantize.dtype") && after.weightBytes() < before, "quantized");
      s.value("weight_bytes", after.weightBytes());
      s.bits("nll", w.score(model, null, s.ids("row.ids")));
      gives(Status.STATE, () -> model.quantizeNf4(null));
    }
  }

  static void merge(World w) {
    Scenario s = w.scenario;
    int[] ids = s.ids("row.ids");
    try (Model model = w.loadTiny();
        Adapter adapter = model.loadAdapter("merged", w.work.resolve("adapter"), null)) {
      double before = w.score(model, null, ids);
      double adapted = w.score(model, adapter, ids);
      MergeResult dry = model.merge(adapter, new MergeOptions().dryRun(true));
      that(!dry.merged() && w.score(model, null, ids) == before, "a dry run changes nothing");
      MergeResult result = model.merge(adapter, null);
      that(result.merged() && result.belowMinimum() == 0 && result.tensorCount() == dry.tensorCount(), "merged");
      that(result.tensors().stream().allMatch(t -> t.retained() > 0.99 && t.updateNorm() > 0), "report");
      s.value("tensor_count", result.tensorCount());
      s.bits("minimum_retained", result.minimumRetained());
      s.bits("mean_retained", result.meanRetained());
      s.hex("last_tensor", result.tensors().get(result.tensors().size() - 1).name());
      double merged = w.score(model, null, ids);
      s.bits("nll", merged);
      World.near(merged, adapted, 1e-3, "nll");
      model.unmerge();
      that(w.score(model, null, ids) == before, "unmerged");
    }
  }
}
