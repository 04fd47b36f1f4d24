using System.Collections.Generic;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>How to evaluate. What is not set keeps its default.</summary>
  public sealed class EvaluateOptions {
    /// <summary>Rows at a time; default 2.</summary>
    public int? BatchSize { get; set; }

    /// <summary>DType.Float32 (default) or BFloat16.</summary>
    public DType? ComputeDtype { get; set; }

    /// <summary>Adapters that are active; none for the base model alone.</summary>
    public IList<Adapter> Adapters { get; set; }

    /// <summary>Stops the call, and tells how far it has come; a CancellationToken does the former too.</summary>
    public CancelToken Cancel { get; set; }

    internal static peft_evaluate_options Make(EvaluateOptions options, Handles.peft_cancel cancel) {
      if (options == null && cancel == null) return null;
      var made = new peft_evaluate_options { Held = options };
      if (options != null) options.Fill(made);
      if (cancel != null) made.cancel = cancel;
      return made;
    }

    void Fill(peft_evaluate_options made) {
      if (BatchSize.HasValue) made.batch_size = BatchSize.Value;
      if (ComputeDtype.HasValue) made.compute_dtype = (int)ComputeDtype.Value;
      if (Adapters != null) foreach (Adapter adapter in Adapters) made.add_adapter(adapter.Handle);
    }
  }
}
