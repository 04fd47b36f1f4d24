using System.Collections.Generic;
using System.Linq;
using NUnit.Framework;

namespace Libpeft.Tests {
  /// <summary>What lies where, and what a step keeps.</summary>
  [TestFixture]
  public class PlacementTest : WithModel {
    DType Loaded(QuantizeOptions options) {
      using (Model model = Context.LoadModel(Tiny.ModelPath, new ModelOptions { QuantizeNf4 = options })) {
        Assert.AreEqual(0, model.Info.HostWeightBytes);
        return model.Info.Dtype;
      }
    }

    [Test]
    public void ModelsMayBecomeNf4AsTheyAreRead() {
      Assert.AreEqual(DType.NF4Double, Loaded(new QuantizeOptions()));
      Assert.AreEqual(DType.NF4, Loaded(new QuantizeOptions { DoubleQuantize = false, SkipModules = "k_proj" }));
      Assert.AreEqual(DType.Float32, Loaded(null));
      Tiny.Gives(Status.Unsupported, () => Loaded(new QuantizeOptions { BlockSize = 128 }));
    }

    static void Unsupported(string option, TestDelegate call) {
      var error = Assert.Throws<PeftException>(call);
      Assert.AreEqual(Status.Unsupported, error.Code);
      StringAssert.Contains(option, error.Message);
    }

    [Test]
    public void ThereIsNoOtherMemoryBesideTheHosts() {
      Unsupported("embedding_placement", () => Context.LoadModel(
                                             Tiny.ModelPath, new ModelOptions { EmbeddingPlacement = Placement.Host }));
      Unsupported("optimizer_placement",
                  () => WithTrainer(new TrainerOptions { OptimizerPlacement = Placement.Host }, trainer => {}));
      Tiny.Gives(Status.Unsupported, () => WithTrainer(new TrainerOptions {
        ActivationCheckpointing = ActivationPolicy.Offload
      }, trainer => {}));
    }

    double[] Losses(ActivationPolicy policy) {
      var losses = new List<double>();
      WithTrainer(new TrainerOptions { MaxSteps = 4, LearningRate = 1e-2, ActivationCheckpointing = policy },
                  trainer => losses.AddRange(trainer.Events().Select(done => done.Loss)));
      return losses.ToArray();
    }

    [Test]
    public void LayersThatAreRunAgainLearnTheSame() {
      double[] kept = Losses(ActivationPolicy.Keep);
      Assert.Less(kept[3], kept[0]);
      CollectionAssert.AreEqual(kept, Losses(ActivationPolicy.Checkpoint));
      CollectionAssert.AreEqual(kept, Losses(ActivationPolicy.Auto));
    }

    [Test]
    public void EstimatesSeeTheSameOptions() {
      Estimate plain = Context.Estimate(Tiny.ModelPath);
      Estimate small = Context.Estimate(Tiny.ModelPath, new EstimateOptions {
        ModelOptions = new ModelOptions { QuantizeNf4 = new QuantizeOptions() },
        TrainerOptions = new TrainerOptions { ActivationCheckpointing = ActivationPolicy.Checkpoint }
      });
      Assert.Less(small.WeightBytes, plain.WeightBytes);
      Assert.Less(small.ActivationBytes, plain.ActivationBytes);
      Assert.AreEqual(0, small.HostBytes);
    }
  }
}
