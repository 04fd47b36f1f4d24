using System;
using System.Collections.Generic;
using System.IO;

namespace Libpeft.Conformance {
  /// <summary>runner SCENARIO.tsv ROOT WORK: one line a step and a value, see bindings/conformance/README.md.</summary>
  internal static class Runner {
    static readonly KeyValuePair<string, Action<World>>[] Steps = {
      Step("load", ModelSteps.Load),
      Step("text", ModelSteps.Text),
      Step("load_smollm2", ModelSteps.LoadSmolLM2),
      Step("text_smollm2", ModelSteps.TextSmolLM2),
      Step("adapter", ModelSteps.Adapter),
      Step("train", TrainSteps.Train),
      Step("evaluate", TrainSteps.Evaluate),
      Step("save", TrainSteps.Save),
      Step("load_beside", TrainSteps.LoadBeside),
      Step("stream", ServeSteps.Stream),
      Step("chat", ServeSteps.Chat),
      Step("sessions", ServeSteps.Sessions),
      Step("quantize", ServeSteps.Quantize),
      Step("merge", ServeSteps.Merge),
      Step("cancel", TrainSteps.Cancel),
      Step("resume", TrainSteps.Resume),
      Step("errors", ErrorSteps.Errors),
      Step("close", ErrorSteps.Close),
    };

    static KeyValuePair<string, Action<World>> Step(string name, Action<World> run) {
      return new KeyValuePair<string, Action<World>>(name, run);
    }

    static int Main(string[] arguments) {
      if (arguments.Length != 3) {
        Console.Error.WriteLine("usage: runner SCENARIO.tsv ROOT WORK");
        return 2;
      }
      var output = new StreamWriter(Console.OpenStandardOutput());
      var world = new World(new Scenario(arguments[0], output), arguments[1], arguments[2]);
      int failures = 0;
      foreach (KeyValuePair<string, Action<World>> step in Steps) {
        world.Given.Step = step.Key;
        try {
          step.Value(world);
          world.Given.Verdict("ok");
        } catch (StepSkipped skipped) {
          world.Given.Verdict("skipped: " + skipped.Message);
        } catch (Exception failed) {
          failures++;
          world.Given.Verdict(failed is StepFailed ? failed.Message : failed.ToString());
        }
      }
      return failures == 0 ? 0 : 1;
    }
  }
}
