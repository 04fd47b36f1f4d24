using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>Trains one adapter. For one thread at a time, but <see cref="Info"/> and cancelling are for all.</summary>
  public sealed class Trainer : PeftObject {
    readonly Handles.peft_trainer handle;

    internal Trainer(Handles.peft_trainer handle) : base(handle) { this.handle = handle; }

    /// <summary>One step on the next batch, or on given rows; null when all steps have been made. A cancelled step is
    /// undone: the next call repeats it.</summary>
    public TrainingEvent Step(Rows rows = null, CancellationToken cancellation = default(CancellationToken),
                              CancelToken token = null) {
      using (var cancel = new CancelToken.Scope(cancellation, token))
      using (var options = rows == null && cancel.Handle == null ? null : new peft_step_options())
      using (var result = new peft_step_result()) {
        if (rows != null) options.set_row_list(rows.Alive());
        if (cancel.Handle != null) options.cancel = cancel.Handle;
        int status = PeftNative.peft_train_step(handle, options, result);
        GC.KeepAlive(rows);
        return status == (int)Status.End ? null : new TrainingEvent(result);
      }
    }

    /// <summary>The next thing of the plan: a step, an evaluation, a checkpoint, or the end, again and again then.
    /// </summary>
    public TrainingEvent Next(CancellationToken cancellation = default(CancellationToken), CancelToken token = null) {
      using (var cancel = new CancelToken.Scope(cancellation, token))
      using (var result = new peft_step_result()) {
        PeftNative.peft_trainer_next(handle, cancel.Handle, result);
        return new TrainingEvent(result);
      }
    }

    /// <summary>What is left of the plan, event by event up to its end, made as it is pulled.</summary>
    public IEnumerable<TrainingEvent> Events(CancellationToken cancellation = default(CancellationToken)) {
      for (;;) {
        TrainingEvent happened = Next(cancellation);
        yield return happened;
        if (happened.Kind == EventKind.End) yield break;
      }
    }

    /// <summary>Does all that is left of the plan. After a cancel, or when the listener throws (its exception comes
    /// out of here), the trainer stands at the end of a step and can go on. The listener may be null; it is told every
    /// event on this thread, and its false cancels.</summary>
    public void Run(Func<TrainingEvent, bool> listener = null,
                    CancellationToken cancellation = default(CancellationToken), CancelToken token = null) {
      using (var cancel = new CancelToken.Scope(cancellation, token, true))
      using (var told = new Callbacks.Listener { Trained = listener }) {
        try {
          PeftNative.peft_trainer_run(handle, cancel.Handle, listener == null ? IntPtr.Zero : Callbacks.Train,
                                      told.State);
        } catch (PeftException) {
          told.Rethrow();
          throw;
        }
      }
    }

    /// <summary>The same on a thread of its own: a training is long for one of the pool.</summary>
    public async Task RunAsync(Func<TrainingEvent, bool> listener = null,
                               CancellationToken cancellation = default(CancellationToken),
                               CancelToken token = null) {
      await Task.Factory.StartNew(() => Run(listener, cancellation, token), CancellationToken.None,
                                  TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
    }

    public TrainerInfo Info {
      get {
        using (var info = new peft_trainer_info()) {
          PeftNative.peft_trainer_get_info(handle, info);
          return new TrainerInfo(info);
        }
      }
    }

    /// <summary>Sets what the schedule takes for its highest rate from now on.</summary>
    public void SetLearningRate(double rate) { PeftNative.peft_trainer_set_learning_rate(handle, rate); }

    /// <summary>Evaluates the adapter as it is, on given rows or on the options' EvalDataset.</summary>
    public Evaluation Evaluate(Dataset dataset = null, CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation))
      using (var result = new peft_evaluate_result()) {
        PeftNative.peft_trainer_evaluate(handle, dataset == null ? null : dataset.Handle, cancel.Handle, result);
        return new Evaluation(result);
      }
    }

    /// <summary>Writes what the training needs to go on in another process; null = OutputDir/checkpoint-STEP.</summary>
    public void Checkpoint(string folder = null, CancellationToken cancellation = default(CancellationToken)) {
      using (var cancel = new CancelToken.Scope(cancellation))
        PeftNative.peft_trainer_checkpoint(handle, folder, cancel.Handle);
    }

    /// <summary>Goes on from a checkpoint or the newest complete one of a folder; null = OutputDir.</summary>
    /// <returns>a remark if a newer one was damaged and passed over, else null</returns>
    public string Resume(string folder = null) {
      return PeftNative.peft_trainer_resume(handle, folder) == (int)Status.Note ? PeftNative.Remark : null;
    }
  }
}
