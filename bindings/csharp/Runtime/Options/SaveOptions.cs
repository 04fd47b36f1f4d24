using Libpeft.Native;

namespace Libpeft {
  /// <summary>How to save a model or an adapter. What is not set keeps its default.</summary>
  public sealed class SaveOptions {
    /// <summary>Default FileFormat.Auto.</summary>
    public FileFormat? Format { get; set; }

    /// <summary>DType.AsStored (default), Float32, Float16, BFloat16; Q8_0 in GGUF.</summary>
    public DType? Dtype { get; set; }

    /// <summary>Models: true leaves tokenizer and chat template out; default false.</summary>
    public bool? WithoutTokenizer { get; set; }

    /// <summary>Models: size of one shard; default 0 = 5 GB, as Transformers has it.</summary>
    public long? MaxFileBytes { get; set; }

    /// <summary>Adapters: what base_model_name_or_path shall say; default null = the path or name
    /// that the model was loaded from.</summary>
    public string BaseModelName { get; set; }

    /// <summary>Stops the call, and tells how far it has come; a CancellationToken does the former too.</summary>
    public CancelToken Cancel { get; set; }

    internal static peft_save_options Make(SaveOptions options, Handles.peft_cancel cancel) {
      if (options == null && cancel == null) return null;
      var made = new peft_save_options { Held = options };
      if (options != null) options.Fill(made);
      if (cancel != null) made.cancel = cancel;
      return made;
    }

    void Fill(peft_save_options made) {
      if (Format.HasValue) made.format = (int)Format.Value;
      if (Dtype.HasValue) made.dtype = (int)Dtype.Value;
      if (WithoutTokenizer.HasValue) made.without_tokenizer = WithoutTokenizer.Value ? 1 : 0;
      if (MaxFileBytes.HasValue) made.max_file_bytes = MaxFileBytes.Value;
      if (BaseModelName != null) made.base_model_name = BaseModelName;
    }
  }
}
