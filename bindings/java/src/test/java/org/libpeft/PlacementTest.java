package org.libpeft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What lies where, and what a step keeps. */
class PlacementTest {
  private static DType dtype(Context context, QuantizeOptions options) {
    try (Model model = context.loadModel(Fixtures.LLAMA, new ModelOptions().quantizeNf4(options))) {
      assertEquals(0, model.info().hostWeightBytes());
      return model.info().dtype();
    }
  }

  @Test
  void modelsMayBecomeNf4AsTheyAreRead() {
    try (Context context = new Context()) {
      assertEquals(DType.NF4_DOUBLE, dtype(context, new QuantizeOptions()));
      assertEquals(DType.NF4, dtype(context, new QuantizeOptions().doubleQuantize(false).skipModules("k_proj")));
      PeftException e = assertThrows(PeftException.class, () -> dtype(context, new QuantizeOptions().blockSize(128)));
      assertEquals(Status.UNSUPPORTED, e.code());
    }
  }

  @Test
  void thereIsNoOtherMemoryBesideTheHosts() {
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA);
        Adapter adapter = model.attachLora("a", null);
        Dataset rows = Fixtures.rows(context)) {
      ModelOptions embedding = new ModelOptions().embeddingPlacement(Placement.HOST);
      TrainerOptions moments = new TrainerOptions().optimizerPlacement(Placement.HOST);
      TrainerOptions layers = new TrainerOptions().activationCheckpointing(ActivationPolicy.OFFLOAD);
      PeftException e = assertThrows(PeftException.class, () -> context.loadModel(Fixtures.LLAMA, embedding));
      assertEquals(Status.UNSUPPORTED, e.code());
      assertTrue(e.getMessage().contains("embedding_placement"), e.getMessage());
      e = assertThrows(PeftException.class, () -> model.trainer(adapter, rows, moments));
      assertEquals(Status.UNSUPPORTED, e.code());
      assertTrue(e.getMessage().contains("optimizer_placement"), e.getMessage());
      e = assertThrows(PeftException.class, () -> model.trainer(adapter, rows, layers));
      assertEquals(Status.UNSUPPORTED, e.code());
    }
  }

  private static List<Double> losses(ActivationPolicy policy) {
    List<Double> losses = new ArrayList<>();
    try (Context context = new Context();
        Model model = context.loadModel(Fixtures.LLAMA);
        Adapter adapter = model.attachLora("a", null);
        Dataset rows = Fixtures.rows(context)) {
      TrainerOptions options = new TrainerOptions().maxSteps(4).learningRate(1e-2).activationCheckpointing(policy);
      try (Trainer trainer = model.trainer(adapter, rows, options)) {
        trainer.run(event -> losses.add(event.loss()), null);
      }
    }
    return losses;
  }

  @Test
  void layersThatAreRunAgainLearnTheSame() {
    List<Double> kept = losses(ActivationPolicy.KEEP);
    assertTrue(kept.size() >= 4 && kept.get(3) < kept.get(0), kept.toString());
    assertEquals(kept, losses(ActivationPolicy.CHECKPOINT));
    assertEquals(kept, losses(ActivationPolicy.AUTO));
  }

  @Test
  void estimatesSeeTheSameOptions() {
    try (Context context = new Context()) {
      ModelOptions quantized = new ModelOptions().quantizeNf4(new QuantizeOptions());
      TrainerOptions less = new TrainerOptions().activationCheckpointing(ActivationPolicy.CHECKPOINT);
      Estimate plain = context.estimate(Fixtures.LLAMA, new EstimateOptions());
      Estimate small =
          context.estimate(Fixtures.LLAMA, new EstimateOptions().modelOptions(quantized).trainerOptions(less));
      assertTrue(small.weightBytes() < plain.weightBytes(), small + " " + plain);
      assertTrue(small.activationBytes() < plain.activationBytes(), small + " " + plain);
      assertEquals(0, small.hostBytes());
    }
  }
}
