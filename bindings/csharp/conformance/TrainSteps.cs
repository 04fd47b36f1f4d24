using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using static Libpeft.Conformance.World;

namespace Libpeft.Conformance {
  /// <summary>Training, evaluation, saving, cancelling and resuming.</summary>
  internal static class TrainSteps {
    static Dataset MakeDataset(World w) {
      Scenario s = w.Given;
      using (var rows = new Rows()) {
        for (int i = 0; i < s.Count("train.rows.count"); i++)
          rows.Add(s.Ids("train.rows." + i + ".ids"), s.Ids("train.rows." + i + ".labels"));
        return w.Context.MakeDataset(rows);
      }
    }

    static double Step(World w, Trainer trainer, long number, string key) {
      TrainingEvent made = trainer.Step();
      That(made != null && made.Step == number && made.Kind == EventKind.Step && made.Loss > 0, "step " + number);
      w.Given.PrintBits(key + "." + number, made.Loss);
      return made.Loss;
    }

    internal static void Train(World w) {
      That(w.Adapter != null, "the adapter is there");
      w.Dataset = MakeDataset(w);
      long steps = w.Given.Count("train.max_steps");
      using (Trainer trainer = w.Model.CreateTrainer(w.Adapter, w.Dataset, w.TrainerOptions("train.max_steps"))) {
        double first = 0, last = 0;
        for (long i = 1; i <= steps; i++) {
          last = Step(w, trainer, i, "loss");
          if (i == 1) first = last;
        }
        That(last < first, "the loss fell");
        That(trainer.Step() == null, "the end");
        TrainerInfo info = trainer.Info;
        That(info.Step == steps && info.TotalSteps == steps, "all steps");
        w.Given.Print("tokens", info.Tokens);
      }
    }

    static double EvaluateWith(World w, Adapter adapter, string key) {
      var options = new EvaluateOptions { Adapters = adapter == null ? null : new[] { adapter } };
      Evaluation found = w.Model.Evaluate(w.Dataset, options);
      That(found.Rows == w.Given.Count("train.rows.count"), "rows");
      w.Given.PrintBits(key + ".loss", found.Loss);
      w.Given.PrintBits(key + ".token_accuracy", found.TokenAccuracy);
      w.Given.Print(key + ".loss_tokens", found.LossTokens);
      return found.Loss;
    }

    internal static void Evaluate(World w) {
      That(w.Dataset != null, "the data set is there");
      That(EvaluateWith(w, w.Adapter, "adapter") < EvaluateWith(w, null, "base"), "the adapter helps");
    }

    internal static void Save(World w) {
      string path = w.InWork("adapter");
      w.Adapter.Save(path);
      foreach (string name in new[] { "adapter_config.json", "adapter_model.safetensors" })
        That(File.Exists(Path.Combine(path, name)), name);
      w.Model.Save(w.InWork("model.gguf"));
    }

    internal static void LoadBeside(World w) {
      using (Model second = w.Context.LoadModel(w.InWork("model.gguf")))
        That(Score(second, null, w.Row) == Score(w.Model, null, w.Row), "the saved model's score");
      using (Adapter again = w.Model.LoadAdapter("again", w.InWork("adapter"))) {
        That(w.Model.Info.AdapterCount == 2, "two adapters");
        double nll = Score(w.Model, w.Adapter, w.Row);
        using (Adapter found = w.Model.FindAdapter("again"))
          That(Score(w.Model, found, w.Row) == nll, "the saved adapter's score");
        w.Given.PrintBits("nll", nll);
        again.Detach();
      }
    }

    internal static void Cancel(World w) {
      Scenario s = w.Given;
      Adapter adapter = w.Attach("endless", 4, 1);
      using (Trainer trainer = w.Model.CreateTrainer(adapter, w.Dataset, w.TrainerOptions("cancel.max_steps")))
      using (var source = new CancellationTokenSource()) {
        Stopwatch watch = Stopwatch.StartNew();
        source.CancelAfter(TimeSpan.FromSeconds(s.Number("cancel.after_seconds")));
        Gives(Status.Cancelled, () => trainer.Run(null, source.Token));
        That(watch.Elapsed.TotalSeconds <= s.Number("cancel.within_seconds"), "soon");
        TrainerInfo info = trainer.Info;
        That(info.Step > 0 && !info.Finished, "some steps, not all");
        trainer.Step();
        That(trainer.Info.Step == info.Step + 1, "it goes on");
      }
      Discard(adapter);
    }

    internal static void Resume(World w) {
      Scenario s = w.Given;
      int all = s.Count("resume.max_steps"), cut = s.Count("resume.checkpoint_after");
      var losses = new Dictionary<int, double>();
      Adapter whole = w.Attach("whole", s.Count("resume.r"), s.Count("resume.seed"));
      Adapter resumed = w.Attach("resumed", s.Count("resume.r"), s.Count("resume.seed"));
      using (Trainer trainer = w.Model.CreateTrainer(whole, w.Dataset, w.TrainerOptions("resume.max_steps")))
        for (int i = 1; i <= all; i++) {
          losses[i] = Step(w, trainer, i, "loss");
          if (i == cut) trainer.Checkpoint(w.InWork("checkpoint"));
        }
      using (Trainer trainer = w.Model.CreateTrainer(resumed, w.Dataset, w.TrainerOptions("resume.max_steps"))) {
        trainer.Resume(w.InWork("checkpoint"));
        TrainerInfo info = trainer.Info;
        That(info.Step == cut && info.CheckpointStep == cut, "stands at the checkpoint");
        for (int i = cut + 1; i <= all; i++) That(Step(w, trainer, i, "resumed") == losses[i], "same loss at " + i);
      }
      Discard(whole);
      Discard(resumed);
    }
  }
}
