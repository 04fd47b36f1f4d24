using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using NUnit.Framework;

namespace Libpeft.Tests {
  [TestFixture]
  public class CallbackTest : WithModel {
    sealed class Mine : Exception {}

    [Test]
    public void AListenerIsToldEveryEvent() {
      var kinds = new List<EventKind>();
      WithTrainer(new TrainerOptions { MaxSteps = 3 }, trainer => {
        trainer.Run(happened => {
          kinds.Add(happened.Kind);
          return true;
        });
        Assert.IsTrue(trainer.Info.Finished);
      });
      CollectionAssert.AreEqual(new[] { EventKind.Step, EventKind.Step, EventKind.Step, EventKind.End }, kinds);
    }

    [Test]
    public void WhatAListenerThrowsComesOut() {
      WithTrainer(new TrainerOptions { MaxSteps = 5 }, trainer => {
        for (int i = 0; i < 3; i++)
          Assert.Throws<Mine>(() => trainer.Run(happened => { throw new Mine(); }));
        Assert.AreEqual(3, trainer.Info.Step);
        Assert.IsNotNull(trainer.Step());
      });
    }

    [Test]
    public void AListenersFalseCancels() {
      WithTrainer(new TrainerOptions { MaxSteps = 5 }, trainer => {
        var error = Assert.Throws<PeftCanceledException>(() => trainer.Run(happened => happened.Step < 2));
        Assert.AreEqual(Status.Cancelled, error.Code);
        Assert.AreEqual(2, trainer.Info.Step);
        trainer.Run();
        Assert.IsTrue(trainer.Info.Finished);
      });
    }

    [Test]
    public void ATrainerInItsOwnListenerIsRefused() {
      WithTrainer(new TrainerOptions { MaxSteps = 5 }, trainer => {
        var error = Assert.Throws<PeftException>(() => trainer.Run(happened => trainer.Step() != null));
        Assert.AreEqual(Status.Reentrant, error.Code);
      });
    }

    [Test]
    public void ACollectionInAListenerHarmsNothing() {
      int told = 0;
      WithTrainer(new TrainerOptions { MaxSteps = 50 }, trainer => trainer.Run(happened => {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return ++told > 0;
      }));
      Assert.AreEqual(51, told);
    }

    [Test]
    public void LoadingTellsHowFarItIs() {
      var seen = new List<double>();
      using (Context.LoadModel(Tiny.ModelPath, new ModelOptions { OnProgress = seen.Add })) {}
      Assert.AreEqual(1.0, seen.Last());
      Assert.Throws<Mine>(
          () => Context.LoadModel(Tiny.ModelPath, new ModelOptions { OnProgress = f => { throw new Mine(); } }));
      using (var token = new CancelToken())
      using (Context.LoadModel(Tiny.ModelPath, new ModelOptions { Cancel = token })) Assert.AreEqual(1.0, token.Progress);
    }

    /// <summary>A step that is skipped for its loss is worth a warning.</summary>
    void LogSomething() {
      using (Adapter adapter = Model.AttachLora("overflow", new LoraConfig { R = 1, LoraAlpha = 1e9 })) {
        adapter.Scale = 1e6;
        var options = new TrainerOptions {
          MaxSteps = 8, LearningRate = 1e6, WarmupRatio = 0, MaxGradNorm = 0, MaxSkippedInRow = 100
        };
        using (Trainer trainer = Model.CreateTrainer(adapter, Dataset, options))
          while (trainer.Step() != null) continue;
        adapter.Detach();
      }
    }

    [Test]
    public void TheLogGoesToAListenerOrIsPolled() {
      LogLevel level;
      string text;
      var lines = new List<string>();
      try {
        Library.SetLogLevel(LogLevel.Debug);
        LogSomething();
        Assert.IsTrue(Library.PollLog(out level, out text));
        Assert.AreEqual(LogLevel.Warning, level);
        StringAssert.Contains("skipped", text);
        while (Library.PollLog(out level, out text)) continue;
        Library.SetLogListener((of, line) => {
          lines.Add(line);
          throw new Mine();
        });
        GC.Collect();
        LogSomething();
        Assert.IsNotEmpty(lines);
        Library.SetLogListener((of, line) => {});
        Library.SetLogListener(null);
      } finally {
        Library.SetLogLevel(LogLevel.Off);
      }
    }
  }
}
