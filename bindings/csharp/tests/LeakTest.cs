using System;
using System.Collections.Generic;
using NUnit.Framework;

namespace Libpeft.Tests {
  /// <summary>10,000 objects of each kind made and disposed: the memory of the process stays as it was.</summary>
  [TestFixture]
  public class LeakTest : WithModel {
    const int Cycles = 10000, Warm = 2000;
    const long Allowed = 8 << 20; // the managed heap breathes; 1 KB a cycle would be more

    static void Cycle(string what, Action one) {
      for (int i = 0; i < Warm; i++) one();
      long before = Settled();
      for (int i = 0; i < Cycles; i++) one();
      long grown = Settled() - before;
      Console.WriteLine("{0}: {1} cycles, resident memory {2:+0;-0;0} KiB", what, Cycles, grown / 1024);
      Assert.Less(grown, Allowed, what);
    }

    static long Settled() {
      for (int i = 0; i < 2; i++) {
        GC.Collect();
        GC.WaitForPendingFinalizers();
      }
      return Tiny.ResidentBytes();
    }

    [Test]
    public void CancelToken() { Cycle("cancel token", () => new CancelToken().Dispose()); }

    [Test]
    public void ContextKind() { Cycle("context", () => new Context().Dispose()); }

    [Test]
    public void ModelKind() { Cycle("model", () => Context.LoadModel(Tiny.ModelPath).Dispose()); }

    [Test]
    public void AdapterKind() {
      Cycle("adapter", () => {
        using (Adapter adapter = Model.AttachLora("one", new LoraConfig { R = 1, TargetModules = "q_proj" }))
          adapter.Detach();
      });
    }

    [Test]
    public void TokenizerKind() { Cycle("tokenizer", () => Context.LoadTokenizer(Tiny.TokenizerPath).Dispose()); }

    [Test]
    public void StreamDecoderKind() {
      using (Tokenizer tokenizer = Context.LoadTokenizer(Tiny.TokenizerPath))
        Cycle("stream decoder", () => {
          using (StreamDecoder decoder = tokenizer.CreateDecoder()) decoder.Push(240);
        });
    }

    [Test]
    public void DatasetKind() { Cycle("data set", () => Tiny.MakeDataset(Context).Dispose()); }

    [Test]
    public void TrainerKind() {
      using (Adapter adapter = Model.AttachLora("two", new LoraConfig { R = 1 })) {
        Cycle("trainer", () => Model.CreateTrainer(adapter, Dataset, new TrainerOptions { MaxSteps = 1 }).Dispose());
        adapter.Detach();
      }
    }

    [Test]
    public void SessionKind() {
      Cycle("session", () => {
        using (Session session = Model.CreateSession()) session.Prefill(new[] { 1, 2 });
      });
    }

    [Test]
    public void ErrorsAndCancellations() {
      Cycle("error", () => Tiny.CodeOf(() => Model.AttachLora("none", new LoraConfig { R = -1 })));
      var cancelled = new System.Threading.CancellationToken(true);
      Cycle("cancelled call", () => Tiny.CodeOf(() => Model.Score(Tiny.Ids, null, cancelled)));
    }
  }
}
