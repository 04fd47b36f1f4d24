package org.libpeft;

import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.Optional;
import org.libpeft.swig.Peft;
import org.libpeft.swig.peft_evaluate_result;
import org.libpeft.swig.peft_step_options;
import org.libpeft.swig.peft_step_result;
import org.libpeft.swig.peft_trainer_info;

/** Trains one adapter; for one thread at a time, but {@link #info} and a {@link Cancel} are for all. */
public final class Trainer extends Handle {
  Trainer(long handle) {
    super(handle, Peft::peft_trainer_free);
  }

  /** One step on the next batch of the data set; empty when all steps have been made. */
  public Optional<TrainingEvent> step() {
    return step(null, null);
  }

  /** One step on given rows (null = the next batch); a cancelled one is undone. */
  public Optional<TrainingEvent> step(Rows rows, Cancel cancel) {
    try (peft_step_options options = rows == null && cancel == null ? null : new peft_step_options();
        peft_step_result result = new peft_step_result()) {
      if (rows != null) options.set_row_list(rows.alive());
      if (cancel != null) options.setCancel(cancel.handle());
      int status = Peft.peft_train_step(handle(), options, result);
      return status == Status.END ? Optional.empty() : Optional.of(TrainingEvent.of(result));
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(cancel);
    }
  }

  /** The next thing of the plan: a step, an evaluation, a checkpoint, or the end, again and again then. */
  public TrainingEvent next(Cancel cancel) {
    try (peft_step_result result = new peft_step_result()) {
      Peft.peft_trainer_next(handle(), of(cancel), result);
      return TrainingEvent.of(result);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(cancel);
    }
  }

  /**
   * Does all that is left of the plan. After a cancel, or when the listener throws, the trainer stands at the end of a
   * step and can go on.
   *
   * @param listener told every event, or null
   * @param cancel may be null
   */
  public void run(TrainingListener listener, Cancel cancel) {
    if (listener == null) {
      try {
        Peft.peft_trainer_run(handle(), of(cancel));
      } finally {
        Reference.reachabilityFence(this);
        Reference.reachabilityFence(cancel);
      }
      return;
    }
    TrainingEvent event;
    do {
      event = next(cancel);
      listener.event(event);
    } while (event.kind() != EventKind.END);
  }

  public TrainerInfo info() {
    try (peft_trainer_info info = new peft_trainer_info()) {
      Peft.peft_trainer_get_info(handle(), info);
      return TrainerInfo.of(info);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Sets what the schedule takes for its highest rate from now on. */
  public void setLearningRate(double rate) {
    try {
      Peft.peft_trainer_set_learning_rate(handle(), rate);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Evaluates the adapter as it is (null = the options' own evaluation data set). */
  public Evaluation evaluate(Dataset dataset, Cancel cancel) {
    try (peft_evaluate_result result = new peft_evaluate_result()) {
      Peft.peft_trainer_evaluate(handle(), of(dataset), of(cancel), result);
      return Evaluation.of(result);
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(dataset);
      Reference.reachabilityFence(cancel);
    }
  }

  /** Writes what the training needs to go on in another process (null = outputDir/checkpoint-STEP). */
  public void checkpoint(Path folder, Cancel cancel) {
    try {
      Peft.peft_trainer_checkpoint(handle(), folder == null ? null : Text.name(folder.toString()), of(cancel));
    } finally {
      Reference.reachabilityFence(this);
      Reference.reachabilityFence(cancel);
    }
  }

  /**
   * Goes on from a checkpoint, or the newest complete one of a folder (null = outputDir).
   *
   * @return a remark if a newer one was damaged and passed over
   */
  public Optional<String> resume(Path folder) {
    try {
      int status = Peft.peft_trainer_resume(handle(), folder == null ? null : Text.name(folder.toString()));
      return Optional.ofNullable(Remark.of(status));
    } finally {
      Reference.reachabilityFence(this);
    }
  }
}
