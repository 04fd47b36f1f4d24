using System.Collections.Generic;
using Libpeft.Native;

namespace Libpeft {
  /// <summary>LoRA's settings: y = W x + (alpha / r) B A dropout(x). Names and meaning are PEFT's.
  /// What is not set keeps its default.</summary>
  public sealed class LoraConfig {
    /// <summary>Rank; default 16 (common practice; PEFT itself says 8).</summary>
    public int? R { get; set; }

    /// <summary>Default 32 (twice the rank).</summary>
    public double? LoraAlpha { get; set; }

    /// <summary>0 &lt;= p &lt; 1; default 0 (PEFT).</summary>
    public double? LoraDropout { get; set; }

    /// <summary>True: scale alpha / sqrt(r); default false (PEFT).</summary>
    public bool? UseRslora { get; set; }

    /// <summary>Default LoraBias.None (PEFT).</summary>
    public LoraBias? Bias { get; set; }

    /// <summary>Default LoraInit.Default (PEFT).</summary>
    public LoraInit? InitLoraWeights { get; set; }

    /// <summary>Default TargetKind.Auto.</summary>
    public TargetKind? TargetKind { get; set; }

    /// <summary>"all-linear" (default, QLoRA's advice), a comma list, or a pattern.</summary>
    public string TargetModules { get; set; }

    /// <summary>Comma list, or a pattern if ExcludeIsRegex; default null = none.</summary>
    public string ExcludeModules { get; set; }

    /// <summary>Default false.</summary>
    public bool? ExcludeIsRegex { get; set; }

    /// <summary>Comma list of names before the layer's number; default null = the first number in a
    /// name.</summary>
    public string LayersPattern { get; set; }

    /// <summary>JSON object, pattern -&gt; rank; default null = {}.</summary>
    public string RankPattern { get; set; }

    /// <summary>JSON object, pattern -&gt; alpha; default null = {}.</summary>
    public string AlphaPattern { get; set; }

    /// <summary>Comma list of modules that are trained whole; default null = none.</summary>
    public string ModulesToSave { get; set; }

    /// <summary>Of the first values; &gt;= 0; default 42 (Transformers' habit).</summary>
    public long? Seed { get; set; }

    /// <summary>Numbers of the layers; only with a list of target modules. Default: all.</summary>
    public IList<int> LayersToTransform { get; set; }

    internal static peft_lora_config Make(LoraConfig options) {
      if (options == null) return null;
      var made = new peft_lora_config { Held = options };
      options.Fill(made);
      return made;
    }

    void Fill(peft_lora_config made) {
      if (R.HasValue) made.r = R.Value;
      if (LoraAlpha.HasValue) made.lora_alpha = LoraAlpha.Value;
      if (LoraDropout.HasValue) made.lora_dropout = LoraDropout.Value;
      if (UseRslora.HasValue) made.use_rslora = UseRslora.Value ? 1 : 0;
      if (Bias.HasValue) made.bias = (int)Bias.Value;
      if (InitLoraWeights.HasValue) made.init_lora_weights = (int)InitLoraWeights.Value;
      if (TargetKind.HasValue) made.target_kind = (int)TargetKind.Value;
      if (TargetModules != null) made.target_modules = TargetModules;
      if (ExcludeModules != null) made.exclude_modules = ExcludeModules;
      if (ExcludeIsRegex.HasValue) made.exclude_is_regex = ExcludeIsRegex.Value ? 1 : 0;
      if (LayersPattern != null) made.layers_pattern = LayersPattern;
      if (RankPattern != null) made.rank_pattern = RankPattern;
      if (AlphaPattern != null) made.alpha_pattern = AlphaPattern;
      if (ModulesToSave != null) made.modules_to_save = ModulesToSave;
      if (Seed.HasValue) made.seed = Seed.Value;
      if (LayersToTransform != null) foreach (int layer in LayersToTransform) made.add_layer(layer);
    }
  }
}
