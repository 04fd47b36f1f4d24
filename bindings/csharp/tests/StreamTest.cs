using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Libpeft.Tests {
  [TestFixture]
  public class StreamTest : WithModel {
    Session Prompted(int tokens) {
      Session session = Model.CreateSession();
      session.SetSampling(new SamplingOptions { MaxNewTokens = tokens, IgnoreEos = true });
      session.Prefill(Tiny.Ids);
      return session;
    }

    static async Task<List<int>> Pull(Session session, CancellationToken cancellation) {
      var ids = new List<int>();
      AsyncPieces pieces = session.PiecesAsync(cancellation);
      while (await pieces.MoveNextAsync()) ids.Add(pieces.Current.TokenId);
      return ids;
    }

    [Test]
    public void EnumeratedAwaitedAndPulledAreTheSame() {
      using (Session session = Prompted(9))
      using (Session second = session.Fork())
      using (Session third = session.Fork()) {
        int[] ids = session.Select(piece => piece.TokenId).ToArray();
        Assert.AreEqual(9, ids.Length);
        CollectionAssert.AreEqual(ids, Pull(second, CancellationToken.None).Result);
        var pulled = new List<int>();
        for (Piece piece = third.Next(); piece != null; piece = third.Next()) pulled.Add(piece.TokenId);
        CollectionAssert.AreEqual(ids, pulled);
        CollectionAssert.AreEqual(Tiny.Ids.Concat(ids), session.Tokens());
        session.Rewind(Tiny.Ids.Length);
        Assert.AreEqual(Tiny.Ids.Length, session.Info.Position);
      }
    }

    [Test]
    public void AStreamMayBeLeftAndTakenUp() {
      using (Session session = Prompted(9)) {
        Assert.AreEqual(3, session.Take(3).Count());
        Assert.AreEqual(6, session.Count());
      }
    }

    [Test]
    public void CancellingBetweenPieces() {
      using (Session session = Prompted(9))
      using (var stop = new CancellationTokenSource()) {
        AsyncPieces pieces = session.PiecesAsync(stop.Token);
        Assert.IsTrue(pieces.MoveNextAsync().Result);
        stop.Cancel();
        Task<bool> next = pieces.MoveNextAsync();
        Assert.Throws<AggregateException>(() => next.Wait());
        Assert.IsTrue(next.IsCanceled);
        Assert.AreEqual(8, session.Count());
      }
    }

    [Test]
    public void CancellingOfTheSampling() {
      using (Session session = Prompted(9))
      using (var stop = new CancellationTokenSource()) {
        session.SetSampling(new SamplingOptions { MaxNewTokens = 9, IgnoreEos = true }, stop.Token);
        Assert.IsNotNull(session.Next());
        stop.Cancel();
        Assert.Throws<PeftCanceledException>(() => session.Next());
        session.SetSampling(new SamplingOptions { MaxNewTokens = 4, IgnoreEos = true });
        Assert.AreEqual(4, session.Count());
      }
    }

    [Test]
    public void ACancelledTokenStopsEveryLongCall() {
      var cancelled = new CancellationToken(true);
      Tiny.Gives(Status.Cancelled, () => Context.LoadModel(Tiny.ModelPath, null, cancelled));
      Tiny.Gives(Status.Cancelled, () => Model.Evaluate(Dataset, null, cancelled));
      Tiny.Gives(Status.Cancelled, () => Model.Score(Tiny.Ids, null, cancelled));
      Tiny.Gives(Status.Cancelled, () => Model.Logits(Tiny.Ids, null, cancelled));
      Tiny.Gives(Status.Cancelled, () => Model.Save(Tiny.Folder("never") + "/model", null, cancelled));
      Assert.IsTrue(Context.LoadModelAsync(Tiny.ModelPath, null, cancelled).ContinueWith(t => t.IsCanceled).Result);
      WithTrainer(null, trainer => {
        Tiny.Gives(Status.Cancelled, () => trainer.Step(null, cancelled));
        Tiny.Gives(Status.Cancelled, () => trainer.Next(cancelled));
        Tiny.Gives(Status.Cancelled, () => trainer.Evaluate(Dataset, cancelled));
      });
      using (Session session = Model.CreateSession())
        Tiny.Gives(Status.Cancelled, () => session.Prefill(Tiny.Ids, cancelled));
    }

    [Test]
    public void ScoresAndLogitsAgree() {
      float[] logprobs;
      ScoreResult result = Model.ScoreTokens(Tiny.Ids, out logprobs);
      Assert.AreEqual(result.Nll, -logprobs.Sum(p => (double)p), 1e-4);
      Assert.AreEqual(Tiny.Ids.Length * 96, Model.Logits(Tiny.Ids).Length);
    }

    [Test]
    public void RowsOfACallersOwn() {
      WithTrainer(new TrainerOptions { MaxSteps = 3 }, trainer => {
        using (var rows = new Rows().Add(Tiny.Ids, Tiny.Ids.Select((id, i) => i < 6 ? Rows.Ignored : id).ToArray())) {
          TrainingEvent made = trainer.Step(rows);
          Assert.AreEqual(6, made.LossTokens);
          Assert.AreEqual(Tiny.Ids.Length, made.Tokens);
        }
      });
    }
  }
}
