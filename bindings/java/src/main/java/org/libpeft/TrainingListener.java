package org.libpeft;

/** Told every event of a training, on the thread that runs it. What it throws ends the run and reaches its caller. */
@FunctionalInterface
public interface TrainingListener {
  void event(TrainingEvent event);
}
