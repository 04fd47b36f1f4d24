using System.Collections.Generic;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>How to score. What is not set keeps its default.</summary>
  public sealed class ScoreOptions {
    /// <summary>DType.Float32 (default: exact) or BFloat16.</summary>
    public DType? ComputeDtype { get; set; }

    /// <summary>Default Activations.Exact. INT8 scores as a session decodes, 8 tokens a pass:
    /// slower than exact.</summary>
    public Activations? Activations { get; set; }

    /// <summary>Model.Logits: first token to give a row for; default 0.</summary>
    public long? FirstPosition { get; set; }

    /// <summary>Model.Logits: rows; default 0 = up to the last token.</summary>
    public long? PositionCount { get; set; }

    /// <summary>Adapters that are active; none for the base model alone.</summary>
    public IList<Adapter> Adapters { get; set; }

    /// <summary>Stops the call, and tells how far it has come; a CancellationToken does the former too.</summary>
    public CancelToken Cancel { get; set; }

    internal static peft_score_options Make(ScoreOptions options, Handles.peft_cancel cancel) {
      if (options == null && cancel == null) return null;
      var made = new peft_score_options { Held = options };
      if (options != null) options.Fill(made);
      if (cancel != null) made.cancel = cancel;
      return made;
    }

    void Fill(peft_score_options made) {
      if (ComputeDtype.HasValue) made.compute_dtype = (int)ComputeDtype.Value;
      if (Activations.HasValue) made.activations = (int)Activations.Value;
      if (FirstPosition.HasValue) made.first_position = FirstPosition.Value;
      if (PositionCount.HasValue) made.position_count = PositionCount.Value;
      if (Adapters != null) foreach (Adapter adapter in Adapters) made.add_adapter(adapter.Handle);
    }
  }
}
