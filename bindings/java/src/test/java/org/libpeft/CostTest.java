package org.libpeft;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What crossing costs. */
class CostTest {
  @Test
  void trivialCall() {
    int sum = 0;
    for (int i = 0; i < 2_000_000; i++) sum += Libpeft.abiVersion();
    long begin = System.nanoTime();
    int calls = 5_000_000;
    for (int i = 0; i < calls; i++) sum += Libpeft.abiVersion();
    double nanoseconds = (double) (System.nanoTime() - begin) / calls;
    System.out.printf("cost: a trivial call takes %.1f ns%n", nanoseconds);
    assertTrue(sum > 0 && nanoseconds < 1000);
  }

  /** The time of a step seen from Java against what the library itself says that it took. */
  @Test
  void trainingStep() {
    Path real = System.getenv("PEFT_SMOLLM2_GGUF") != null ? Path.of(System.getenv("PEFT_SMOLLM2_GGUF")) : null;
    Path usual = Path.of(System.getProperty("user.home"), ".cache/libpeft/SmolLM2-135M-Instruct.Q4_1.gguf");
    if (real == null && usual.toFile().exists()) real = usual;
    boolean tiny = real == null || !real.toFile().exists();
    int steps = tiny ? 300 : 6;
    int[] ids = new int[tiny ? 200 : 64];
    Arrays.setAll(ids, i -> (7 * i + 3) % 90);
    try (Context context = new Context();
        Model model = context.loadModel(tiny ? Fixtures.LLAMA : real);
        Adapter adapter = model.attachLora("cost", new LoraConfig().r(4));
        Rows rows = new Rows().add(ids);
        Dataset dataset = Dataset.fromRows(context, rows, null);
        Trainer trainer = model.trainer(adapter, dataset, new TrainerOptions().batchSize(1).maxSteps(steps + 3))) {
      for (int i = 0; i < 3; i++) trainer.step();
      double[] inside = new double[steps];
      double[] around = new double[steps];
      for (int i = 0; i < steps; i++) {
        long begin = System.nanoTime();
        inside[i] = trainer.step().orElseThrow().seconds();
        around[i] = (System.nanoTime() - begin) / 1e9 - inside[i];
      }
      // Medians: what else the machine does falls into few of the gaps, which are short.
      Arrays.sort(inside);
      Arrays.sort(around);
      double excess = 100 * around[steps / 2] / inside[steps / 2];
      System.out.printf(
          "cost: a training step takes %.3f ms in the library and %.1f us around it seen from Java: %.3f %% more (%s)%n",
          1e3 * inside[steps / 2], 1e6 * around[steps / 2], excess, tiny ? "tiny model: no SmolLM2 here" : "SmolLM2");
      assertTrue(excess < 1, excess + " % more");
    }
  }
}
