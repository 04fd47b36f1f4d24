package org.libpeft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Handles come and go: without growth, in any order, by any thread, and when they are forgotten. */
class LifetimeTest {
  private static final int CYCLES = 10_000;

  private void flat(String what, Runnable cycle) {
    for (int i = 0; i < CYCLES / 10; i++) cycle.run();
    long growth = Long.MAX_VALUE;
    double seconds = 0;
    // A leak shows every time; what the JVM itself compiles and caches does not.
    for (int attempt = 0; attempt < 3 && growth > 2 << 20; attempt++) {
      System.gc();
      long before = Fixtures.residentBytes();
      long begin = System.nanoTime();
      for (int i = 0; i < CYCLES; i++) cycle.run();
      seconds = (System.nanoTime() - begin) / 1e9;
      System.gc();
      growth = Math.min(growth, Fixtures.residentBytes() - before);
    }
    System.out.printf(
        "lifetime: %-14s %d cycles, %.1f s, resident memory %+d KiB%n", what, CYCLES, seconds, growth >> 10);
    // 1 KiB a cycle would be 10 MiB.
    assertTrue(growth < 4 << 20, what + " grew by " + growth + " bytes");
  }

  @Test
  void tenThousandOfEachKind() {
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA);
        Tokenizer tokenizer = context.loadTokenizer(Fixtures.TOKENIZER);
        Dataset rows = Fixtures.rows(context);
        Adapter adapter = model.attachLora("held", new LoraConfig().r(2))) {
      flat("cancel", () -> new Cancel().close());
      flat("context", () -> new Context().close());
      flat("model", () -> context.loadModel(Fixtures.LLAMA).close());
      flat("tokenizer", () -> context.loadTokenizer(Fixtures.TOKENIZER).close());
      flat("stream decoder", () -> tokenizer.streamDecoder(true).close());
      flat("dataset", () -> Fixtures.rows(context).close());
      LoraConfig config = new LoraConfig().r(2).targetModules("q_proj,v_proj");
      flat(
          "adapter",
          () -> {
            try (Adapter made = model.attachLora("passing", config)) {
              made.detach();
            }
          });
      TrainerOptions options = new TrainerOptions().maxSteps(3);
      flat("trainer", () -> model.trainer(adapter, rows, options).close());
      SessionOptions with = new SessionOptions().adapters(adapter);
      flat("session", () -> model.session(with).close());
      flat("error", () -> assertThrows(PeftException.class, () -> tokenizer.decode(new int[] {-5}, false)));
      flat("rows", () -> new Rows().add(1, 2, 3).close());
    }
  }

  private static List<AutoCloseable> family() {
    Context context = new Context();
    Model model = context.loadModel(Fixtures.LLAMA);
    Dataset rows = Fixtures.rows(context);
    Adapter adapter = model.attachLora("a", new LoraConfig().r(2));
    Trainer trainer = model.trainer(adapter, rows, new TrainerOptions().maxSteps(3));
    trainer.step();
    Session session = model.session(new SessionOptions().adapters(adapter));
    session.prefill(Fixtures.IDS, null);
    Session fork = session.fork();
    return new ArrayList<>(
        List.of(context, model, rows, adapter, trainer, session, fork, model.share(), adapter.share()));
  }

  @Test
  void anyOrderAndAnyThread() throws Exception {
    Random random = new Random(1);
    for (int round = 0; round < 50; round++) {
      List<AutoCloseable> all = family();
      Collections.shuffle(all, random);
      List<Thread> threads = new ArrayList<>();
      List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
      for (int t = 0; t < 3; t++) {
        int part = t;
        threads.add(
            new Thread(
                () -> {
                  try {
                    for (int i = part; i < all.size(); i += 3) all.get(i).close();
                    for (AutoCloseable one : all) one.close(); // again, and what other threads close
                  } catch (Throwable e) {
                    failures.add(e);
                  }
                }));
      }
      for (Thread thread : threads) thread.start();
      for (Thread thread : threads) thread.join();
      assertEquals(List.of(), failures);
    }
  }

  /** Forgotten objects, whole families with cycles of references to each other, are freed by the cleaner. */
  @Test
  void forgottenOnesAreFreed() throws Exception {
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA)) {
      long before = context.info().memoryBytes();
      for (int i = 0; i < 200; i++) {
        Session session = model.session(null);
        session.prefill(Fixtures.IDS, null);
        if (i % 2 == 0) session.fork();
      }
      assertTrue(context.info().memoryBytes() > before);
      for (int i = 0; i < 100 && context.info().memoryBytes() > before; i++) {
        System.gc();
        Thread.sleep(50);
      }
      assertEquals(before, context.info().memoryBytes());
      for (int i = 0; i < 20; i++) family();
      System.gc();
    }
  }

  /** Leaves everything open, with a training under way in a thread that nobody waits for. */
  public static final class Leaver {
    private Leaver() {}

    public static void main(String[] arguments) throws Exception {
      family();
      Context context = new Context();
      Model model = context.loadModel(Fixtures.LLAMA);
      Trainer trainer =
          model.trainer(model.attachLora("a", null), Fixtures.rows(context), new TrainerOptions().maxSteps(1_000_000));
      Thread thread = new Thread(() -> trainer.run(null, null));
      thread.setDaemon(true);
      thread.start();
      while (trainer.info().step() < 5) Thread.sleep(1);
      if (arguments.length > 0) System.exit(0);
    }
  }

  @Test
  void exitWithEverythingOpen() throws Exception {
    for (int i = 0; i < 6; i++) {
      List<String> arguments =
          new ArrayList<>(
              List.of("-Dorg.libpeft.cache=" + System.getProperty("org.libpeft.cache"), "-cp", Fixtures.classPath(),
                  "org.libpeft.LifetimeTest$Leaver"));
      if (i % 2 == 0) arguments.add("exit");
      Fixtures.Run run = Fixtures.java(arguments);
      assertEquals(0, run.status(), run.output());
      assertEquals("", run.output());
    }
  }

  /** The collector may find an object garbage while its last call runs: the call must not lose its handle. */
  @Test
  void callsKeepTheirObjects() throws Exception {
    Thread collector =
        new Thread(
            () -> {
              while (!Thread.interrupted()) System.gc();
            });
    collector.start();
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA)) {
      for (int i = 0; i < 300; i++) {
        Session session = model.session(null);
        session.prefill(Fixtures.IDS, null);
        assertTrue(session.next().isPresent());
        assertEquals(Fixtures.IDS.length, new Cancel().progress() + Fixtures.IDS.length);
      }
    } finally {
      collector.interrupt();
      collector.join();
    }
  }
}
