using Libpeft.Native;

namespace Libpeft {
  /// <summary>How to quantize a model to NF4. What is not set keeps its default.</summary>
  public sealed class QuantizeOptions {
    /// <summary>Weights per maximum: 64 (default, as bitsandbytes); this version has no other.</summary>
    public int? BlockSize { get; set; }

    /// <summary>True (default, as QLoRA): the maxima are quantized to 8 bits in blocks of 256.</summary>
    public bool? DoubleQuantize { get; set; }

    /// <summary>Comma list of module names or suffixes that stay as they are; default null = the
    /// output head, as bitsandbytes' integration in Transformers. "" = none.</summary>
    public string SkipModules { get; set; }

    /// <summary>Stops the call, and tells how far it has come; a CancellationToken does the former too.</summary>
    public CancelToken Cancel { get; set; }

    internal static peft_quantize_options Make(QuantizeOptions options, Handles.peft_cancel cancel) {
      if (options == null && cancel == null) return null;
      var made = new peft_quantize_options { Held = options };
      if (options != null) options.Fill(made);
      if (cancel != null) made.cancel = cancel;
      return made;
    }

    void Fill(peft_quantize_options made) {
      if (BlockSize.HasValue) made.block_size = BlockSize.Value;
      if (DoubleQuantize.HasValue) made.double_quantize = DoubleQuantize.Value ? 1 : 0;
      if (SkipModules != null) made.skip_modules = SkipModules;
    }
  }
}
