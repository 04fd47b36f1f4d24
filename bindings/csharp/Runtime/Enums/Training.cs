namespace Libpeft {
  /// <summary>How the learning rate goes after the warm-up. Warm-up rises linearly from 0, so that
  /// its first step is at 0, as Transformers has it.</summary>
  public enum Schedule {
    /// <summary>As Transformers' constant_with_warmup; its plain "constant" has no warm-up: set
    /// WarmupRatio and WarmupSteps to 0 for that.</summary>
    Constant = 0,
    /// <summary>Down to 0 at the last step.</summary>
    Linear = 1,
    /// <summary>Half a cosine down to 0 at the last step.</summary>
    Cosine = 2,
  }

  /// <summary>What happened.</summary>
  public enum EventKind {
    /// <summary>A step was made, or skipped.</summary>
    Step = 0,
    /// <summary>The EvalDataset was evaluated.</summary>
    Evaluation = 1,
    /// <summary>OutputDir/checkpoint-&lt;step&gt; is complete.</summary>
    Checkpoint = 2,
    /// <summary>Training is over; KeepBest has been done.</summary>
    End = 3,
  }

  /// <summary>Jobs that can be estimated.</summary>
  public enum Job {
    Train = 0,
    Generate = 1,
  }
}
