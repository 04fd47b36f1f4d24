using Libpeft.Native;

namespace Libpeft {
  /// <summary>What a context may use. 0 in a bound means the library's own default, which fits real
  /// models. What is not set keeps its default.</summary>
  public sealed class ContextOptions {
    /// <summary>Threads of one computation; default 0 = as many as the process may run on. The
    /// process has one pool: later contexts share it. No result depends on it.</summary>
    public int? Threads { get; set; }

    /// <summary>Bytes of weights, adapters and work held by all objects of the context; default 0 =
    /// no bound. Beyond it calls fail with Status.OutOfMemory.</summary>
    public long? MaxMemoryBytes { get; set; }

    /// <summary>One JSON file; default 0 = 256 MiB (tokenizers of 256k words have 30 MB).</summary>
    public long? MaxJsonBytes { get; set; }

    /// <summary>One text to encode; default 0 = 64 MiB.</summary>
    public long? MaxTextBytes { get; set; }

    /// <summary>One row of a data set; default 0 = 64 MiB.</summary>
    public long? MaxDataRowBytes { get; set; }

    /// <summary>Tokens of one row or session; default 0 = 1048576.</summary>
    public long? MaxTokens { get; set; }

    /// <summary>Work of one chat template; default 0 = 10 million steps of its interpreter.</summary>
    public long? MaxTemplateSteps { get; set; }

    internal static peft_context_options Make(ContextOptions options) {
      if (options == null) return null;
      var made = new peft_context_options { Held = options };
      options.Fill(made);
      return made;
    }

    void Fill(peft_context_options made) {
      if (Threads.HasValue) made.threads = Threads.Value;
      if (MaxMemoryBytes.HasValue) made.max_memory_bytes = MaxMemoryBytes.Value;
      if (MaxJsonBytes.HasValue) made.max_json_bytes = MaxJsonBytes.Value;
      if (MaxTextBytes.HasValue) made.max_text_bytes = MaxTextBytes.Value;
      if (MaxDataRowBytes.HasValue) made.max_data_row_bytes = MaxDataRowBytes.Value;
      if (MaxTokens.HasValue) made.max_tokens = MaxTokens.Value;
      if (MaxTemplateSteps.HasValue) made.max_template_steps = MaxTemplateSteps.Value;
    }
  }
}
