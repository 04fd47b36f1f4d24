using Libpeft.Native;

namespace Libpeft {
  /// <summary>Where a trainer stands.</summary>
  public sealed class TrainerInfo {
    /// <summary>True: the next pull gives Status.End.</summary>
    public bool Finished { get; }

    /// <summary>Steps made, skipped ones included.</summary>
    public long Step { get; }

    /// <summary>Of the whole training; 0 without a data set and MaxSteps.</summary>
    public long TotalSteps { get; }

    /// <summary>Passes over the data so far.</summary>
    public double Epoch { get; }

    /// <summary>That the next step will apply.</summary>
    public double LearningRate { get; }

    /// <summary>Trained on so far.</summary>
    public long Tokens { get; }

    /// <summary>For a non-finite loss or gradient.</summary>
    public long SkippedSteps { get; }

    /// <summary>Of the last step that was applied.</summary>
    public double LastLoss { get; }

    /// <summary>Lowest so far; 0 if BestStep is -1.</summary>
    public double BestEvalLoss { get; }

    /// <summary>The step after which it was measured; -1 = not yet.</summary>
    public long BestStep { get; }

    /// <summary>Numbers that are trained.</summary>
    public long TrainableElements { get; }

    /// <summary>Held by the trainer: gradients, optimizer, activations.</summary>
    public long MemoryBytes { get; }

    /// <summary>Of the last complete checkpoint that was written or read; -1 = none.</summary>
    public long CheckpointStep { get; }

    internal TrainerInfo(peft_trainer_info from) {
      Finished = from.finished != 0;
      Step = from.step;
      TotalSteps = from.total_steps;
      Epoch = from.epoch;
      LearningRate = from.learning_rate;
      Tokens = from.tokens;
      SkippedSteps = from.skipped_steps;
      LastLoss = from.last_loss;
      BestEvalLoss = from.best_eval_loss;
      BestStep = from.best_step;
      TrainableElements = from.trainable_elements;
      MemoryBytes = from.memory_bytes;
      CheckpointStep = from.checkpoint_step;
    }
  }
}
