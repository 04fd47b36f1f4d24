using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using static Libpeft.Conformance.World;

namespace Libpeft.Conformance {
  /// <summary>Streaming, chat, many sessions at once, quantizing and merging.</summary>
  internal static class ServeSteps {
    internal static void Stream(World w) {
      int[] prompt = w.Given.Ids("stream.prompt");
      int count = w.Given.Count("stream.max_new_tokens");
      using (Session session = w.Greedy(w.Adapter, count)) {
        session.Prefill(prompt);
        using (Session twin = session.Fork()) {
          var made = new List<int>();
          double sum = 0;
          foreach (Piece piece in session) {
            That(piece.Position == prompt.Length + made.Count, "position");
            made.Add(piece.TokenId);
            sum += piece.Logprob;
          }
          That(session.Info.FinishReason == FinishReason.Length && made.Count == count, "ended by length");
          w.Given.PrintIds("ids", made);
          w.Given.PrintBits("logprob", sum);
          That(Generate(twin).SequenceEqual(made), "the fork makes the same");
          That(session.Tokens().SequenceEqual(prompt.Concat(made)), "tokens of the session");
        }
      }
    }

    internal static void Chat(World w) {
      Scenario s = w.Given;
      if (w.SmolLM2 == null) throw new StepSkipped("no model");
      using (Session session = w.SmolLM2.CreateSession()) {
        session.SetSampling(new SamplingOptions { MaxNewTokens = s.Count("smollm2.max_new_tokens") });
        session.PrefillChat(s.Text("smollm2.messages_json"));
        var ids = new List<int>();
        var text = new StringBuilder();
        AsyncPieces pieces = session.PiecesAsync();
        while (pieces.MoveNextAsync().Result) {
          if (pieces.Current.TokenId >= 0) ids.Add(pieces.Current.TokenId);
          text.Append(pieces.Current.Text);
        }
        s.PrintIds("ids", ids);
        s.PrintHex("text", text.ToString());
        That(ids.SequenceEqual(s.Ids("smollm2.answer_ids")), "ids of the answer");
        That(text.ToString() == s.Utf8("smollm2.answer_hex"), "text of the answer");
      }
    }

    /// <summary>Session i begins at token i of the row; even ones speak with the adapter.</summary>
    static Session Prompted(World w, int i) {
      Session session = w.Greedy(i % 2 == 0 ? w.Adapter : null, w.Given.Count("sessions.max_new_tokens"));
      session.Prefill(w.Row.Skip(i).Take(w.Given.Count("sessions.prompt_length")).ToArray());
      return session;
    }

    internal static void Sessions(World w) {
      Scenario s = w.Given;
      int count = s.Count("sessions.count");
      var made = new int[count][];
      Adapter learner = w.Attach("learner", s.Count("sessions.learner_r"), s.Count("sessions.learner_seed"));
      var options = new TrainerOptions { MaxSteps = (long)s.Number("cancel.max_steps") };
      using (Trainer trainer = w.Model.CreateTrainer(learner, w.Dataset, options))
      using (var cancel = new CancellationTokenSource()) {
        Status ended = Status.Ok;
        var lesson = new Thread(() => ended = CodeOf(() => trainer.Run(null, cancel.Token)));
        lesson.Start();
        Session[] sessions = Enumerable.Range(0, count).Select(i => Prompted(w, i)).ToArray();
        Thread[] threads = Enumerable.Range(0, count).Select(i => new Thread(() => {
          if (CodeOf(() => made[i] = Generate(sessions[i])) != Status.Ok) made[i] = null;
        })).ToArray();
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        cancel.Cancel();
        lesson.Join();
        foreach (Session session in sessions) session.Dispose();
        That(ended == Status.Cancelled, "the training was cancelled");
      }
      Discard(learner);
      for (int i = 0; i < count; i++)
        using (Session alone = Prompted(w, i)) {
          int[] ids = Generate(alone);
          That(made[i] != null && made[i].SequenceEqual(ids), "session " + i + " as alone");
          s.PrintIds("ids." + i, ids);
        }
    }

    internal static void Quantize(World w) {
      using (Model model = w.LoadTiny()) {
        long before = model.Info.WeightBytes;
        model.QuantizeNf4();
        ModelInfo after = model.Info;
        That((int)after.Dtype == w.Given.Count("quantize.dtype") && after.WeightBytes < before, "smaller");
        w.Given.Print("weight_bytes", after.WeightBytes);
        w.Given.PrintBits("nll", Score(model, null, w.Row));
        Gives(Status.State, () => model.QuantizeNf4());
      }
    }

    internal static void Merge(World w) {
      using (Model model = w.LoadTiny())
      using (Adapter adapter = model.LoadAdapter("merged", w.InWork("adapter"))) {
        double before = Score(model, null, w.Row), adapted = Score(model, adapter, w.Row);
        MergeResult dry = model.Merge(adapter, new MergeOptions { DryRun = true });
        That(!dry.Merged && Score(model, null, w.Row) == before, "a dry run changes nothing");
        MergeResult result = model.Merge(adapter);
        That(result.Merged && result.BelowMinimum == 0 && result.TensorCount == dry.TensorCount, "merged");
        string last = null;
        foreach (MergeTensor tensor in model.MergeReport) {
          That(tensor.Retained > 0.99 && tensor.UpdateNorm > 0, tensor.Name + " is kept");
          last = tensor.Name;
        }
        w.Given.Print("tensor_count", result.TensorCount);
        w.Given.PrintBits("minimum_retained", result.MinimumRetained);
        w.Given.PrintBits("mean_retained", result.MeanRetained);
        w.Given.PrintHex("last_tensor", last);
        double merged = Score(model, null, w.Row);
        w.Given.PrintBits("nll", merged);
        That(Math.Abs(merged - adapted) < 1e-3, "as with the adapter");
        model.Unmerge();
        That(Score(model, null, w.Row) == before, "as before");
      }
    }
  }
}
