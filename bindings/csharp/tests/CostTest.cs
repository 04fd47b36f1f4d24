using System;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using NUnit.Framework;

namespace Libpeft.Tests {
  /// <summary>What it costs to cross into C.</summary>
  [TestFixture]
  public class CostTest : WithModel {
    static double NanosecondsOf(Action call) {
      const int Calls = 200000;
      for (int i = 0; i < Calls; i++) call();
      double best = double.MaxValue;
      for (int round = 0; round < 5; round++) {
        Stopwatch watch = Stopwatch.StartNew();
        for (int i = 0; i < Calls; i++) call();
        best = Math.Min(best, watch.Elapsed.TotalMilliseconds * 1e6 / Calls);
      }
      return best;
    }

    [Test]
    public void ATrivialCall() {
      using (var token = new CancelToken()) {
        double bare = NanosecondsOf(() => Native.PeftNative.peft_abi_version());
        double held = NanosecondsOf(() => { double progress = token.Progress; });
        Console.WriteLine("a trivial call: {0:F0} ns; with a handle: {1:F0} ns", bare, held);
        Assert.Less(held, 20000);
      }
    }

    /// <summary>Microseconds around a step in C, by step_cost.c.</summary>
    static double AroundInC(out double inside) {
      var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("LIBPEFT_DIR") + "/step_cost", Tiny.ModelPath) {
        UseShellExecute = false, RedirectStandardOutput = true
      };
      using (Process process = Process.Start(start)) {
        string[] found = process.StandardOutput.ReadToEnd().Split(' ');
        process.WaitForExit();
        inside = double.Parse(found[1], CultureInfo.InvariantCulture);
        return double.Parse(found[0], CultureInfo.InvariantCulture);
      }
    }

    /// <summary>Microseconds around a step here and in it, medians of a run as that of step_cost.c.</summary>
    static double AroundHere(Trainer trainer, out double inside) {
      const int Steps = 50;
      var around = new double[Steps];
      var insides = new double[Steps];
      for (int i = 0; i < Steps; i++) {
        Stopwatch watch = Stopwatch.StartNew();
        TrainingEvent made = trainer.Step();
        around[i] = watch.Elapsed.TotalMilliseconds * 1e3 - made.Seconds * 1e6;
        insides[i] = made.Seconds * 1e6;
      }
      Array.Sort(around);
      Array.Sort(insides);
      inside = insides[Steps / 2];
      return around[Steps / 2];
    }

    /// <summary>The arithmetic is the same code; what is around it, in C and here, is compared: whole steps vary by
    /// more than the bound. The two run in turns, and other work of the machine, which only ever adds, is kept out by
    /// taking each one's least turn.</summary>
    [Test]
    public void AStepCostsWhatItCostsInC() {
      const int Turns = 5;
      using (var rows = new Rows()) {
        for (int i = 0; i < 16; i++) rows.Add(Enumerable.Range(0, 64).Select(j => (7 * i + 3 * j) % 96).ToArray());
        using (Dataset dataset = Context.MakeDataset(rows))
        using (Adapter adapter = Model.AttachLora("measured", new LoraConfig { R = 8 }))
        using (Trainer trainer = Model.CreateTrainer(
                   adapter, dataset, new TrainerOptions { MaxSteps = 1000, BatchSize = 8, GradientAccumulationSteps = 2 })) {
          for (int i = 0; i < 10; i++) trainer.Step();
          double around = double.MaxValue, aroundC = double.MaxValue, inside = double.MaxValue;
          for (int turn = 0; turn < Turns; turn++) {
            double insideHere, insideC;
            around = Math.Min(around, AroundHere(trainer, out insideHere));
            inside = Math.Min(inside, insideHere);
            aroundC = Math.Min(aroundC, AroundInC(out insideC));
            inside = Math.Min(inside, insideC);
          }
          double more = (around - aroundC) / inside;
          Console.WriteLine("a step: {0:F0} us in the library, {1:F1} around it here and {2:F1} in C: {3:F2} % more",
                            inside, around, aroundC, 100 * more);
          Assert.Less(more, 0.01);
          adapter.Detach();
        }
      }
    }
  }
}
