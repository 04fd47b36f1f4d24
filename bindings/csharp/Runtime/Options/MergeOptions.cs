using Libpeft.Native;

namespace Libpeft {
  /// <summary>How to merge. What is not set keeps its default.</summary>
  public sealed class MergeOptions {
    /// <summary>Refuse if a tensor would keep less of its update than this share; default 0.99.</summary>
    public double? MinimumRetained { get; set; }

    /// <summary>True: merge all the same, the report tells what was lost; default false.</summary>
    public bool? Force { get; set; }

    /// <summary>True: only make the report and change nothing; default false.</summary>
    public bool? DryRun { get; set; }

    /// <summary>True: do not keep what Model.Unmerge needs; default false.</summary>
    public bool? DiscardOriginals { get; set; }

    /// <summary>Type that the merged model will be saved as: the report counts its rounding too,
    /// the model in memory does not have it. Default DType.AsStored = as in memory; Float32,
    /// Float16, BFloat16, Q8_0.</summary>
    public DType? SaveDtype { get; set; }

    /// <summary>Stops the call, and tells how far it has come; a CancellationToken does the former too.</summary>
    public CancelToken Cancel { get; set; }

    internal static peft_merge_options Make(MergeOptions options, Handles.peft_cancel cancel) {
      if (options == null && cancel == null) return null;
      var made = new peft_merge_options { Held = options };
      if (options != null) options.Fill(made);
      if (cancel != null) made.cancel = cancel;
      return made;
    }

    void Fill(peft_merge_options made) {
      if (MinimumRetained.HasValue) made.minimum_retained = MinimumRetained.Value;
      if (Force.HasValue) made.force = Force.Value ? 1 : 0;
      if (DryRun.HasValue) made.dry_run = DryRun.Value ? 1 : 0;
      if (DiscardOriginals.HasValue) made.discard_originals = DiscardOriginals.Value ? 1 : 0;
      if (SaveDtype.HasValue) made.save_dtype = (int)SaveDtype.Value;
    }
  }
}
