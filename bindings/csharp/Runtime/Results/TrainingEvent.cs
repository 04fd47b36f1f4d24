using Libpeft.Native;

namespace Libpeft {
  /// <summary>Figures of a step or another event. What does not belong to the event is 0.</summary>
  public sealed class TrainingEvent {
    public EventKind Kind { get; }

    /// <summary>The step that all figures belong to; the first is 1.</summary>
    public long Step { get; }

    /// <summary>Of the whole training; 0 without a data set and MaxSteps.</summary>
    public long TotalSteps { get; }

    /// <summary>Passes over the data up to the end of this step.</summary>
    public double Epoch { get; }

    /// <summary>Mean over the loss-bearing tokens of this step; not finite if it was skipped.</summary>
    public double Loss { get; }

    /// <summary>That was applied.</summary>
    public double LearningRate { get; }

    /// <summary>Before clipping.</summary>
    public double GradNorm { get; }

    /// <summary>Of this step.</summary>
    public long Tokens { get; }

    /// <summary>Of which bear a loss.</summary>
    public long LossTokens { get; }

    /// <summary>That the step, evaluation or save took.</summary>
    public double Seconds { get; }

    /// <summary>Of this step or evaluation.</summary>
    public double TokensPerSecond { get; }

    /// <summary>Largest resident set of the process; on a GPU the driver's figure.</summary>
    public long PeakMemoryBytes { get; }

    /// <summary>Steps skipped so far for a non-finite loss or gradient.</summary>
    public long SkippedSteps { get; }

    /// <summary>EVALUATION: mean loss over the tokens of the EvalDataset.</summary>
    public double EvalLoss { get; }

    /// <summary>Lowest so far.</summary>
    public double BestEvalLoss { get; }

    /// <summary>The step after which it was measured.</summary>
    public long BestStep { get; }

    /// <summary>True: this step changed nothing.</summary>
    public bool Skipped { get; }

    /// <summary>EVALUATION: true if this is the lowest so far.</summary>
    public bool IsBest { get; }

    /// <summary>END: true if EarlyStoppingPatience ended the training.</summary>
    public bool StoppedEarly { get; }

    internal TrainingEvent(peft_step_result from) {
      Kind = (EventKind)from.kind;
      Step = from.step;
      TotalSteps = from.total_steps;
      Epoch = from.epoch;
      Loss = from.loss;
      LearningRate = from.learning_rate;
      GradNorm = from.grad_norm;
      Tokens = from.tokens;
      LossTokens = from.loss_tokens;
      Seconds = from.seconds;
      TokensPerSecond = from.tokens_per_second;
      PeakMemoryBytes = from.peak_memory_bytes;
      SkippedSteps = from.skipped_steps;
      EvalLoss = from.eval_loss;
      BestEvalLoss = from.best_eval_loss;
      BestStep = from.best_step;
      Skipped = from.skipped != 0;
      IsBest = from.is_best != 0;
      StoppedEarly = from.stopped_early != 0;
    }
  }
}
