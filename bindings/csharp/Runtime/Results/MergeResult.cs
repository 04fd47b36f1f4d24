using Libpeft.Native;

namespace Libpeft {
  /// <summary>Outcome of a merge. The share of an update dW that survived is &lt;dW effective,
  /// dW&gt; / |dW|^2.</summary>
  public sealed class MergeResult {
    /// <summary>True: the weights were changed.</summary>
    public bool Merged { get; }

    /// <summary>Tensors that the adapter changes.</summary>
    public long TensorCount { get; }

    /// <summary>Of which below MinimumRetained.</summary>
    public long BelowMinimum { get; }

    /// <summary>Smallest share over the tensors.</summary>
    public double MinimumRetained { get; }

    /// <summary>Mean share over the tensors.</summary>
    public double MeanRetained { get; }

    /// <summary>Memory of the originals that are kept.</summary>
    public long OriginalBytes { get; }

    internal MergeResult(peft_merge_result from) {
      Merged = from.merged != 0;
      TensorCount = from.tensor_count;
      BelowMinimum = from.below_minimum;
      MinimumRetained = from.minimum_retained;
      MeanRetained = from.mean_retained;
      OriginalBytes = from.original_bytes;
    }
  }
}
