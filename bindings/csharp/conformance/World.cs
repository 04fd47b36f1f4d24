using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Libpeft.Conformance {
  /// <summary>What later steps use of earlier ones, null where that step failed; and what several steps do.</summary>
  internal sealed class World {
    internal readonly Scenario Given;
    internal readonly string Root, Work;
    internal Context Context;
    internal Model Model, SmolLM2;
    internal Adapter Adapter;
    internal Dataset Dataset;

    internal World(Scenario scenario, string root, string work) {
      Given = scenario;
      Root = root;
      Work = work;
    }

    internal string InRoot(string key) { return Path.Combine(Root, Given.Text(key)); }
    internal string InWork(string name) { return Path.Combine(Work, name); }
    internal int[] Row { get { return Given.Ids("row.ids"); } }

    internal static void That(bool condition, string what) {
      if (!condition) throw new StepFailed("not so: " + what);
    }

    internal static Status CodeOf(Action call) {
      try {
        call();
        return Status.Ok;
      } catch (Exception e) {
        return PeftException.CodeOf(e);
      }
    }

    internal static void Gives(Status expected, Action call) {
      Status found = CodeOf(call);
      That(found == expected, "gives " + expected + " (it was " + found + ")");
    }

    internal Model LoadTiny() { return Context.LoadModel(InRoot("model.path")); }

    internal Adapter Attach(string name, int r, long seed) {
      return Model.AttachLora(name, new LoraConfig { R = r, Seed = seed });
    }

    internal static void Discard(Adapter adapter) {
      adapter.Detach();
      adapter.Dispose();
    }

    internal static double Score(Model model, Adapter adapter, int[] ids) {
      var options = new ScoreOptions { Adapters = adapter == null ? null : new[] { adapter } };
      ScoreResult result = model.Score(ids, options);
      That(result.Count == ids.Length, "count of the score");
      return result.Nll;
    }

    internal Session Greedy(Adapter adapter, int newTokens) {
      Session session = adapter == null ? Model.CreateSession() : Model.CreateSession(adapter);
      session.SetSampling(new SamplingOptions { MaxNewTokens = newTokens, IgnoreEos = true });
      return session;
    }

    internal static int[] Generate(Session session) { return session.Select(piece => piece.TokenId).ToArray(); }

    internal TrainerOptions TrainerOptions(string stepsKey) {
      return new TrainerOptions {
        BatchSize = Given.Count("train.batch_size"),
        GradientAccumulationSteps = Given.Count("train.gradient_accumulation_steps"),
        LearningRate = Given.Number("train.learning_rate"),
        Seed = Given.Count("train.seed"),
        MaxSteps = (long)Given.Number(stepsKey),
      };
    }
  }
}
