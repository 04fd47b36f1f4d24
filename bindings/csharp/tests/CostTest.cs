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

    /// <summary>The arithmetic is the same code; what is around it, in C and here, is compared: whole steps vary by
    /// more than the bound on a machine that has other work.</summary>
    [Test]
    public void AStepCostsWhatItCostsInC() {
      using (var rows = new Rows()) {
        for (int i = 0; i < 16; i++) rows.Add(Enumerable.Range(0, 64).Select(j => (7 * i + 3 * j) % 96).ToArray());
        using (Dataset dataset = Context.MakeDataset(rows))
        using (Adapter adapter = Model.AttachLora("measured", new LoraConfig { R = 8 }))
        using (Trainer trainer = Model.CreateTrainer(
                   adapter, dataset, new TrainerOptions { MaxSteps = 60, BatchSize = 8, GradientAccumulationSteps = 2 })) {
          for (int i = 0; i < 10; i++) trainer.Step();
          var around = new double[50];
          var inside = new double[50];
          for (int i = 0; i < 50; i++) {
            Stopwatch watch = Stopwatch.StartNew();
            TrainingEvent made = trainer.Step();
            around[i] = watch.Elapsed.TotalMilliseconds * 1e3 - made.Seconds * 1e6;
            inside[i] = made.Seconds * 1e6;
          }
          Array.Sort(around);
          Array.Sort(inside);
          double insideC, aroundC = AroundInC(out insideC);
          double more = (around[25] - aroundC) / inside[25];
          Console.WriteLine("a step: {0:F0} us in the library and {1:F1} around it; C: {2:F0} and {3:F1}: {4:F2} % more",
                            inside[25], around[25], insideC, aroundC, 100 * more);
          Assert.Less(more, 0.01);
          adapter.Detach();
        }
      }
    }
  }
}
