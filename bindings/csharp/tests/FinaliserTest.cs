using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using NUnit.Framework;

namespace Libpeft.Tests {
  /// <summary>Nobody disposes: finalisers free everything, in the order and on the thread that they like.</summary>
  [TestFixture]
  public class FinaliserTest {
    static void Forget(Context context, int seed) {
      Model model = context.LoadModel(Tiny.ModelPath);
      Adapter adapter = model.AttachLora("a" + seed, new LoraConfig { R = 2 });
      Dataset dataset = Tiny.MakeDataset(context);
      Trainer trainer = model.CreateTrainer(adapter, dataset, new TrainerOptions { MaxSteps = 2, BatchSize = 1 });
      Session session = model.CreateSession(adapter);
      session.Prefill(Tiny.Ids);
      trainer.Step();
      session.Next();
      // Some are disposed, parents or children first.
      var all = new PeftObject[] { model, adapter, dataset, trainer, session };
      var order = new Random(seed);
      foreach (PeftObject one in all.OrderBy(x => order.Next()).Take(order.Next(all.Length))) one.Dispose();
    }

    [Test]
    public void EverythingIsGivenBack() {
      using (var context = new Context()) {
        Forget(context, 0);
        Thread[] threads = Enumerable.Range(0, 4).Select(t => new Thread(() => {
          for (int i = 0; i < 60; i++) Forget(context, 100 * t + i);
        })).ToArray();
        foreach (Thread thread in threads) thread.Start();
        while (threads.Any(thread => thread.IsAlive)) {
          GC.Collect();
          Thread.Sleep(2);
        }
        var watch = Stopwatch.StartNew();
        while (context.Info.MemoryBytes > 0 && watch.Elapsed.TotalSeconds < 20) {
          GC.Collect();
          GC.WaitForPendingFinalizers();
          ThreadUse();
        }
        Console.WriteLine("240 forgotten families: {0} bytes left of a peak of {1}", context.Info.MemoryBytes,
                          context.Info.PeakMemoryBytes);
        // The conservative stack scan of mono may hold a last one.
        Assert.Less(context.Info.MemoryBytes, 3 * 200000);
      }
    }

    /// <summary>Overwrites what stacks still say.</summary>
    static void ThreadUse() {
      var thread = new Thread(() => { GC.KeepAlive(new byte[4096]); });
      thread.Start();
      thread.Join();
    }

    [Test]
    public void TemporariesLiveThroughTheirCalls() {
      using (var context = new Context())
      using (Model model = context.LoadModel(Tiny.ModelPath)) {
        bool stop = false;
        var collector = new Thread(() => {
          while (!Volatile.Read(ref stop)) GC.Collect();
        });
        collector.Start();
        try {
          for (int i = 0; i < 200; i++) {
            Assert.Greater(model.CreateSession(new SessionOptions { ContextLength = 64 }).Info.ContextLength, 0);
            Assert.AreEqual(12, context.LoadTokenizer(Tiny.TokenizerPath).Encode("twelve bytes").Length);
            Assert.Greater(model.Estimate(new EstimateOptions { Dataset = Tiny.MakeDataset(context) }).PeakBytes, 0);
          }
        } finally {
          Volatile.Write(ref stop, true);
          collector.Join();
        }
      }
    }

    [Test]
    public void CancellingRacesWithTheEnd() {
      using (var context = new Context())
      using (Model model = context.LoadModel(Tiny.ModelPath))
        for (int i = 0; i < 200; i++)
          using (var stop = new CancellationTokenSource()) {
            var canceller = new Thread(stop.Cancel);
            canceller.Start();
            Status found = Tiny.CodeOf(() => model.Score(Tiny.Ids, null, stop.Token));
            Assert.IsTrue(found == Status.Ok || found == Status.Cancelled, found.ToString());
            canceller.Join();
          }
    }
  }
}
