package org.libpeft.conformance;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Runner SCENARIO.tsv ROOT WORK: the scenario of bindings/conformance in Java. */
public final class Runner {
  private Runner() {}

  private interface Step {
    void run(World world) throws Exception;
  }

  private static Map<String, Step> steps() {
    Map<String, Step> steps = new LinkedHashMap<>();
    steps.put("load", ModelSteps::load);
    steps.put("text", ModelSteps::text);
    steps.put("load_smollm2", ModelSteps::loadSmollm2);
    steps.put("text_smollm2", ModelSteps::textSmollm2);
    steps.put("adapter", ModelSteps::adapter);
    steps.put("train", TrainSteps::train);
    steps.put("evaluate", TrainSteps::evaluate);
    steps.put("save", TrainSteps::save);
    steps.put("load_beside", TrainSteps::loadBeside);
    steps.put("stream", ServeSteps::stream);
    steps.put("chat", ServeSteps::chat);
    steps.put("sessions", ServeSteps::sessions);
    steps.put("quantize", ServeSteps::quantize);
    steps.put("merge", ServeSteps::merge);
    steps.put("cancel", TrainSteps::cancel);
    steps.put("resume", TrainSteps::resume);
    steps.put("errors", ErrorSteps::errors);
    steps.put("close", ErrorSteps::close);
    return steps;
  }

  /** Gives the number of steps that failed. */
  static int run(Path scenario, Path root, Path work, PrintStream out) throws Exception {
    World world = new World(new Scenario(scenario, out), root, work);
    int failures = 0;
    for (Map.Entry<String, Step> step : steps().entrySet()) {
      world.scenario.step = step.getKey();
      try {
        step.getValue().run(world);
        world.scenario.verdict("ok");
      } catch (World.Skipped e) {
        world.scenario.verdict(e.getMessage());
      } catch (Exception e) {
        failures++;
        world.scenario.verdict(e.toString());
        e.printStackTrace();
      }
    }
    return failures;
  }

  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(System.out, false, "UTF-8");
    System.exit(run(Path.of(arguments[0]), Path.of(arguments[1]), Path.of(arguments[2]), out) == 0 ? 0 : 1);
  }
}
