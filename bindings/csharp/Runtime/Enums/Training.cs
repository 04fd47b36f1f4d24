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

  /// <summary>What a step keeps of its forward pass for the gradients.</summary>
  public enum ActivationPolicy {
    /// <summary>All that they need.</summary>
    Keep = 0,
    /// <summary>The inputs of layers; the layers are run again: about a third more time.</summary>
    Checkpoint = 1,
    /// <summary>Those, in pinned host memory, copied beside the computation; bit for bit the same as
    /// Checkpoint. Status.Unsupported on the CPU, whose memory is the host's.</summary>
    Offload = 2,
    /// <summary>The first of these whose estimate fits what the device has free when the trainer is
    /// made; needs a data set.</summary>
    Auto = 3,
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
