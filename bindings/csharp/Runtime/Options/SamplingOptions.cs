using Libpeft.Native;

namespace Libpeft {
  /// <summary>How the next token is chosen. Filters apply in this order: repetition penalty,
  /// temperature, top-k, top-p, min-p. What is not set keeps its default.</summary>
  public sealed class SamplingOptions {
    /// <summary>Only the k most probable; default 0 = all.</summary>
    public int? TopK { get; set; }

    /// <summary>Default 0 = greedy: always the most probable token.</summary>
    public double? Temperature { get; set; }

    /// <summary>Smallest set of the most probable with this sum; default 1 = all.</summary>
    public double? TopP { get; set; }

    /// <summary>Only those with this share of the most probable one's; default 0 = all.</summary>
    public double? MinP { get; set; }

    /// <summary>Divides (positive) or multiplies (negative) the logits of tokens in the session, as
    /// Transformers does; default 1 = none.</summary>
    public double? RepetitionPenalty { get; set; }

    /// <summary>Equal seeds give equal draws; &gt;= 0; default 0.</summary>
    public long? Seed { get; set; }

    /// <summary>Default 256; 0 = until the end or the session is full.</summary>
    public long? MaxNewTokens { get; set; }

    /// <summary>JSON array of strings that end the text and are left out of it; default null.</summary>
    public string StopJson { get; set; }

    /// <summary>True: the model's end of sequence does not end the generation; default false.</summary>
    public bool? IgnoreEos { get; set; }

    /// <summary>True: special tokens appear in the text; default false.</summary>
    public bool? IncludeSpecial { get; set; }

    /// <summary>Stops the call, and tells how far it has come; a CancellationToken does the former too.</summary>
    public CancelToken Cancel { get; set; }

    internal static peft_sampling_options Make(SamplingOptions options, Handles.peft_cancel cancel) {
      if (options == null && cancel == null) return null;
      var made = new peft_sampling_options { Held = options };
      if (options != null) options.Fill(made);
      if (cancel != null) made.cancel = cancel;
      return made;
    }

    void Fill(peft_sampling_options made) {
      if (TopK.HasValue) made.top_k = TopK.Value;
      if (Temperature.HasValue) made.temperature = Temperature.Value;
      if (TopP.HasValue) made.top_p = TopP.Value;
      if (MinP.HasValue) made.min_p = MinP.Value;
      if (RepetitionPenalty.HasValue) made.repetition_penalty = RepetitionPenalty.Value;
      if (Seed.HasValue) made.seed = Seed.Value;
      if (MaxNewTokens.HasValue) made.max_new_tokens = MaxNewTokens.Value;
      if (StopJson != null) made.stop_json = StopJson;
      if (IgnoreEos.HasValue) made.ignore_eos = IgnoreEos.Value ? 1 : 0;
      if (IncludeSpecial.HasValue) made.include_special = IncludeSpecial.Value ? 1 : 0;
    }
  }
}
