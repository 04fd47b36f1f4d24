using System;
using System.Collections.Generic;
using System.Threading;
using static Libpeft.Conformance.World;

namespace Libpeft.Conformance {
  /// <summary>Every kind of error with its code, and giving all up in any order.</summary>
  internal static class ErrorSteps {
    static readonly Dictionary<string, Action<World>> Cases = new Dictionary<string, Action<World>> {
      { "invalid_argument", w => w.Model.AttachLora("none", new LoraConfig { R = -1 }) },
      { "bad_handle", w => {
        var cancel = new CancelToken();
        cancel.Dispose();
        cancel.Signal();
      } },
      { "busy", w => WithTrainer(w, (adapter, trainer) => w.Model.CreateTrainer(adapter, w.Dataset)) },
      { "out_of_memory", w => {
        using (var small = new Context(new ContextOptions { MaxMemoryBytes = 10000 }))
          small.LoadModel(w.InRoot("model.path"));
      } },
      { "io", w => w.Adapter.Save("/dev/null/adapter") },
      { "format", w => w.Context.ReadDataset("{\"token_ids\": [1, 2", null) },
      { "unsupported", w => OnFreshModel(w, model => model.QuantizeNf4(new QuantizeOptions { BlockSize = 128 })) },
      { "not_found", w => w.Context.LoadModel("/no/such/folder") },
      { "mismatch", Mismatch },
      { "limit", w => {
        using (Session session = w.Model.CreateSession(new SessionOptions { ContextLength = 4 }))
          session.Prefill(w.Row);
      } },
      { "cancelled", w => w.Context.LoadModel(w.InRoot("model.path"), null, new CancellationToken(true)) },
      { "callback", w => WithTrainer(w, (adapter, trainer) => {
        // The listener's own exception comes out of Run; the code is the one that C sees.
        try {
          trainer.Run(happened => { throw new InvalidOperationException("no"); });
        } catch (InvalidOperationException) {
          throw new PeftException(Status.Callback, "a callback failed");
        }
      }) },
      { "numeric", Numeric },
      { "device", w => w.Context.LoadModel(w.InRoot("model.path"), new ModelOptions { Device = "cuda:99" }) },
      { "refused", w => OnFreshModel(w, model => {
        using (Adapter adapter = model.LoadAdapter("small", w.InWork("adapter"))) {
          model.QuantizeNf4();
          model.Merge(adapter);
        }
      }) },
      { "reentrant", w => WithTrainer(w, (adapter, trainer) => trainer.Run(happened => trainer.Step() != null)) },
      { "state", w => OnFreshModel(w, model => model.Unmerge()) },
    };

    static void OnFreshModel(World w, Action<Model> use) {
      using (Model model = w.LoadTiny()) use(model);
    }

    static void WithTrainer(World w, Action<Adapter, Trainer> use) {
      Adapter adapter = w.Attach("held", 2, 1);
      try {
        using (Trainer trainer = w.Model.CreateTrainer(adapter, w.Dataset)) use(adapter, trainer);
      } finally {
        Discard(adapter);
      }
    }

    static void Mismatch(World w) {
      using (var rows = new Rows().Add(new[] { 1, 2, 5000 }))
      using (Dataset dataset = w.Context.MakeDataset(rows)) w.Model.CreateTrainer(w.Adapter, dataset);
    }

    static void Numeric(World w) {
      Adapter adapter = w.Model.AttachLora("overflow", new LoraConfig { R = 1, LoraAlpha = 1e9 });
      try {
        adapter.Scale = 1e6;
        var options = new TrainerOptions {
          MaxSteps = 8, LearningRate = 1e6, WarmupRatio = 0, MaxGradNorm = 0, MaxSkippedInRow = 1
        };
        using (Trainer trainer = w.Model.CreateTrainer(adapter, w.Dataset, options))
          while (trainer.Step() != null) continue;
      } finally {
        Discard(adapter);
      }
    }

    internal static void Errors(World w) {
      Scenario s = w.Given;
      for (int i = 0; i < s.Count("errors.names.count"); i++) {
        string name = Library.StatusName((Status)s.Count("errors.names." + i + ".code"));
        That(name == s.Text("errors.names." + i + ".name"), name);
      }
      for (int i = 0; i < s.Count("errors.cases.count"); i++) {
        string name = s.Text("errors.cases." + i + ".name");
        Status found = CodeOf(() => Cases[name](w));
        That((int)found == s.Count("errors.cases." + i + ".code"), name + " (it was " + found + ")");
        s.Print(name, (int)found);
      }
    }

    internal static void Close(World w) {
      using (Session session = w.Greedy(w.Adapter, 2)) {
        w.Context.Dispose();
        if (w.SmolLM2 != null) w.SmolLM2.Dispose();
        w.Model.Dispose();
        w.Adapter.Dispose();
        w.Dataset.Dispose();
        session.Prefill(w.Row);
        int[] ids = Generate(session);
        That(ids.Length == 2, "two tokens");
        w.Given.PrintIds("ids", ids);
      }
      Gives(Status.BadHandle, () => { ModelInfo info = w.Model.Info; });
    }
  }
}
