package org.libpeft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ErrorsTest {
  private static PeftException fails(int code, Runnable call) {
    PeftException e = assertThrows(PeftException.class, call::run);
    assertEquals(code, e.code(), e.getMessage());
    assertFalse(e.getMessage().isEmpty());
    return e;
  }

  @Test
  void messagesNameWhatFailed() {
    try (Context context = new Context()) {
      PeftException e = fails(Status.NOT_FOUND, () -> context.loadModel(Path.of("/no/such/폴더 😀")));
      assertTrue(e.getMessage().contains("/no/such/폴더 😀"), e.getMessage());
    }
  }

  /** Each thread gets the message of its own call, though all fail at the same time. */
  @Test
  void messagesStayWithTheirThreads() throws Exception {
    try (Context context = new Context()) {
      List<Thread> threads = new ArrayList<>();
      List<String> wrong = java.util.Collections.synchronizedList(new ArrayList<>());
      for (int t = 0; t < 8; t++) {
        String path = "/no/such/folder_" + t;
        threads.add(
            new Thread(
                () -> {
                  for (int i = 0; i < 500; i++) {
                    PeftException e = assertThrows(PeftException.class, () -> context.loadModel(Path.of(path)));
                    if (!e.getMessage().contains(path)) wrong.add(e.getMessage());
                  }
                }));
      }
      for (Thread thread : threads) thread.start();
      for (Thread thread : threads) thread.join();
      assertEquals(List.of(), wrong);
    }
  }

  @Test
  void closedObjectsSaySo() {
    Context context = new Context();
    Model model = context.loadModel(Fixtures.LLAMA);
    model.close();
    model.close();
    assertTrue(model.isClosed());
    assertTrue(fails(Status.BAD_HANDLE, model::info).getMessage().contains("Model is closed"));
    Rows rows = new Rows();
    rows.close();
    fails(Status.BAD_HANDLE, () -> Dataset.fromRows(context, rows, null));
    context.close();
  }

  @Test
  void namesHoldNoNul() {
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA)) {
      fails(Status.INVALID_ARGUMENT, () -> model.attachLora("a\0b", null));
      fails(Status.INVALID_ARGUMENT, () -> model.attachLora("c", new LoraConfig().targetModules("q_proj\0")));
      assertFalse(Libpeft.hasFeature("no such thing"));
      assertTrue(Libpeft.hasFeature("cpu"));
    }
  }

  @Test
  void optionsFailBeforeTheCall() {
    try (Context context = new Context()) {
      fails(Status.INVALID_ARGUMENT, () -> context.loadModel(Fixtures.LLAMA, new ModelOptions().device("\ud800")));
      Cancel closed = new Cancel();
      closed.close();
      fails(Status.BAD_HANDLE, () -> context.loadModel(Fixtures.LLAMA, new ModelOptions().cancel(closed)));
    }
  }

  /** What a listener throws reaches the caller as it is; the trainer goes on where it stood. */
  @Test
  void listenersMayThrow() {
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA);
        Dataset rows = Fixtures.rows(context);
        Adapter adapter = model.attachLora("a", null);
        Trainer trainer = model.trainer(adapter, rows, new TrainerOptions().maxSteps(6))) {
      for (Throwable thrown : List.of(new IllegalStateException("enough"), new StackOverflowError("deep"))) {
        long before = trainer.info().step();
        Throwable caught =
            assertThrows(
                Throwable.class,
                () ->
                    trainer.run(
                        event -> {
                          if (thrown instanceof RuntimeException e) throw e;
                          throw (Error) thrown;
                        },
                        null));
        assertSame(thrown, caught);
        assertEquals(before + 1, trainer.info().step());
      }
      List<TrainingEvent> events = new ArrayList<>();
      trainer.run(events::add, null);
      assertEquals(5, events.size()); // four steps and the end
      assertEquals(EventKind.END, events.get(4).kind());
      assertTrue(trainer.info().finished());
    }
  }

  /** A listener may use the trainer: no native frame is open while it runs. */
  @Test
  void listenersMayUseTheTrainer() {
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA);
        Dataset rows = Fixtures.rows(context);
        Adapter adapter = model.attachLora("a", null);
        Trainer trainer = model.trainer(adapter, rows, new TrainerOptions().maxSteps(4))) {
      List<Double> losses = new ArrayList<>();
      trainer.run(event -> losses.add(trainer.evaluate(rows, null).loss()), null);
      assertEquals(5, losses.size());
    }
  }

  @Test
  void remarksAreKept() {
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA);
        Adapter given = model.loadAdapter("given", Fixtures.ADAPTER, null);
        Adapter made = model.attachLora("made", null)) {
      assertTrue(given.remark().orElseThrow().contains("tiny-llama"));
      assertTrue(made.remark().isEmpty());
    }
  }

  @Test
  void refusalsLeaveTheirReport() {
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA);
        Adapter given = model.loadAdapter("given", Fixtures.ADAPTER, null)) {
      model.quantizeNf4(null);
      fails(Status.REFUSED, () -> model.merge(given, new MergeOptions().minimumRetained(0.999999)));
      assertTrue(model.mergeReport().stream().anyMatch(tensor -> tensor.retained() < 0.999999));
    }
  }
}
