using Libpeft.Native;

namespace Libpeft {
  /// <summary>How to load a model. What is not set keeps its default.</summary>
  public sealed class ModelOptions {
    /// <summary>DType.AsStored (default: nothing is lost or grown), Float32 or BFloat16. Quantized
    /// blocks stay as stored unless a plain type is asked for.</summary>
    public DType? Dtype { get; set; }

    /// <summary>"cpu" (default), "cuda:0" and so on, or "auto": the first GPU where there is one,
    /// else the CPU. No silent fallback otherwise. null = the default.</summary>
    public string Device { get; set; }

    /// <summary>True: do not look for a tokenizer; default false.</summary>
    public bool? WithoutTokenizer { get; set; }

    /// <summary>True: files may be symbolic links that lead out of the folder, as in Hugging Face's
    /// cache; default false.</summary>
    public bool? FollowLinks { get; set; }

    /// <summary>Told how far the load has come, from 0 to 1, on the thread that loads.</summary>
    public System.Action<double> OnProgress { get; set; }

    /// <summary>Stops the call, and tells how far it has come; a CancellationToken does the former too.</summary>
    public CancelToken Cancel { get; set; }

    internal static peft_model_options Make(ModelOptions options, Handles.peft_cancel cancel) {
      if (options == null && cancel == null) return null;
      var made = new peft_model_options { Held = options };
      if (options != null) options.Fill(made);
      if (cancel != null) made.cancel = cancel;
      return made;
    }

    void Fill(peft_model_options made) {
      if (Dtype.HasValue) made.dtype = (int)Dtype.Value;
      if (Device != null) made.device = Device;
      if (WithoutTokenizer.HasValue) made.without_tokenizer = WithoutTokenizer.Value ? 1 : 0;
      if (FollowLinks.HasValue) made.follow_links = FollowLinks.Value ? 1 : 0;
    }
  }
}
