using Libpeft.Native;

namespace Libpeft {
  /// <summary>Where the memory goes, in bytes.</summary>
  public sealed class Estimate {
    /// <summary>True: PeakBytes is within what the device has free now.</summary>
    public bool Fits { get; }

    /// <summary>The most at once; what the process or GPU will show at its peak.</summary>
    public long PeakBytes { get; }

    /// <summary>Base weights, without those in HostBytes.</summary>
    public long WeightBytes { get; }

    /// <summary>More while loading and quantizing, gone before the job's own peak.</summary>
    public long LoadingBytes { get; }

    /// <summary>Adapter weights.</summary>
    public long AdapterBytes { get; }

    /// <summary>Adapter gradients.</summary>
    public long GradientBytes { get; }

    /// <summary>AdamW's two moments; 0 where they are in HostBytes.</summary>
    public long OptimizerBytes { get; }

    /// <summary>Kept for the backward pass.</summary>
    public long ActivationBytes { get; }

    /// <summary>Key/value caches of all sessions.</summary>
    public long CacheBytes { get; }

    /// <summary>Scratch and what is short-lived, at the peak.</summary>
    public long WorkspaceBytes { get; }

    /// <summary>The library, its tables, the tokenizer, the data set.</summary>
    public long BaselineBytes { get; }

    /// <summary>Free on the device now.</summary>
    public long AvailableBytes { get; }

    /// <summary>Numbers that would be trained.</summary>
    public long TrainableElements { get; }

    /// <summary>Numbers in the base weights.</summary>
    public long ParameterElements { get; }

    /// <summary>TRAIN: tokens of one step at most.</summary>
    public long TokensPerStep { get; }

    /// <summary>TRAIN: floating point operations of one step; GENERATE: of one token.</summary>
    public double FlopsPerStep { get; }

    /// <summary>Pinned host memory beside a GPU's own, at the peak: what ActivationPolicy.Offload and
    /// Placement.Host put there. Not in PeakBytes.</summary>
    public long HostBytes { get; }

    internal Estimate(peft_estimate_result from) {
      Fits = from.fits != 0;
      PeakBytes = from.peak_bytes;
      WeightBytes = from.weight_bytes;
      LoadingBytes = from.loading_bytes;
      AdapterBytes = from.adapter_bytes;
      GradientBytes = from.gradient_bytes;
      OptimizerBytes = from.optimizer_bytes;
      ActivationBytes = from.activation_bytes;
      CacheBytes = from.cache_bytes;
      WorkspaceBytes = from.workspace_bytes;
      BaselineBytes = from.baseline_bytes;
      AvailableBytes = from.available_bytes;
      TrainableElements = from.trainable_elements;
      ParameterElements = from.parameter_elements;
      TokensPerStep = from.tokens_per_step;
      FlopsPerStep = from.flops_per_step;
      HostBytes = from.host_bytes;
    }
  }
}
