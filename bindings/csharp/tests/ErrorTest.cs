using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Libpeft.Tests {
  [TestFixture]
  public class ErrorTest : WithModel {
    [Test]
    public void CodeAndMessageAreOfTheCallThatFailed() {
      var error = Assert.Throws<PeftException>(() => Context.LoadModel("/no/such/folder"));
      Assert.AreEqual(Status.NotFound, error.Code);
      StringAssert.Contains("/no/such/folder", error.Message);
      StringAssert.Contains("/no/such/folder", Library.LastMessage);
      Assert.AreEqual("PEFT_E_NOT_FOUND", Library.StatusName(error.Code));
    }

    [Test]
    public void MessagesDoNotMixBetweenThreads() {
      Parallel.For(0, 200, i => {
        var error = Assert.Throws<PeftException>(() => Context.LoadModel("/no/such/" + i + "/end"));
        StringAssert.Contains("/no/such/" + i + "/end", error.Message);
      });
    }

    [Test]
    public void DisposedObjectsSaySo() {
      Adapter adapter = Model.AttachLora("gone");
      Session session = Model.CreateSession();
      adapter.Detach();
      adapter.Dispose();
      adapter.Dispose();
      session.Dispose();
      Assert.IsTrue(adapter.IsDisposed);
      Assert.Throws<ObjectDisposedException>(() => adapter.Save("/tmp/never"));
      Assert.Throws<ObjectDisposedException>(() => session.Next());
      Tiny.Gives(Status.BadHandle, () => Model.CreateSession(adapter));
      var rows = new Rows();
      rows.Dispose();
      Assert.Throws<ObjectDisposedException>(() => rows.Add(Tiny.Ids));
    }

    [Test]
    public void AListOfOtherThreadsIsRefusedAsBusy() {
      WithTrainer(new TrainerOptions { MaxSteps = 1000000 }, trainer => {
        using (var stop = new CancellationTokenSource()) {
          Task run = trainer.RunAsync(null, stop.Token);
          while (trainer.Info.Step == 0) Thread.Sleep(1);
          Tiny.Gives(Status.Busy, () => trainer.Step());
          Tiny.Gives(Status.Busy, () => Model.QuantizeNf4());
          stop.Cancel();
          Assert.Throws<AggregateException>(() => run.Wait());
          Assert.IsTrue(run.IsCanceled);
        }
      });
    }

    [Test]
    public void BuffersThatAreTooSmall() {
      using (Session session = Model.CreateSession()) {
        session.Prefill(Tiny.Ids);
        Tiny.Gives(Status.Limit, () => session.ReadLogits(new float[3]));
        Tiny.Gives(Status.Limit, () => session.ReadLogits(new float[0]));
        var numbers = new float[200];
        Assert.AreEqual(96, session.ReadLogits(numbers));
        CollectionAssert.AreEqual(session.Logits(), numbers.Take(96));
      }
    }

    [Test]
    public void ARemarkIsNoError() {
      using (Adapter adapter = Model.LoadAdapter("remarked", Tiny.AdapterPath)) {
        Assert.IsNotNull(adapter.Remark);
        Assert.AreEqual("LORA", adapter.Info.Method);
        Assert.AreEqual("remarked", adapter.Name);
        StringAssert.Contains("\"LORA\"", adapter.ConfigJson);
        Assert.AreEqual(adapter.Info.ParameterCount, adapter.Parameters.Count());
        ParameterInfo first = adapter.Parameters.First();
        Assert.AreEqual(first.Elements, adapter.ReadParameter(first.Name).Length);
        adapter.Detach();
      }
    }

    [Test]
    public void WhatIsThereIsListed() {
      ModelInfo info = Model.Info;
      Assert.AreEqual(info.ParameterElements, Model.Parameters.Sum(p => p.Elements));
      Assert.AreEqual(info.ModuleCount, Model.Modules.Count());
      Assert.AreEqual("cpu", Library.Devices[0].Id);
      StringAssert.Contains("\"llama\"", Model.Describe());
      StringAssert.Contains("\"llama\"", Context.Inspect(Tiny.ModelPath));
      Assert.Greater(Context.Estimate(Tiny.ModelPath, new EstimateOptions {
        Job = Job.Train, LoraConfig = new LoraConfig { R = 4 }, Dataset = Dataset,
        TrainerOptions = new TrainerOptions { BatchSize = 1 }
      }).PeakBytes, 0);
      CollectionAssert.AreEqual(Tiny.Ids, Dataset.Row(0));
    }
  }
}
