package org.libpeft;

import org.libpeft.swig.peft_lora_config;

/**
 * LoRA's settings: y = W x + (alpha / r) B A dropout(x). Names and meaning are PEFT's. What is not set keeps
 * its default.
 */
public final class LoraConfig extends Options<peft_lora_config, LoraConfig> {
  public LoraConfig() {}

  /** Rank; default 16 (common practice; PEFT itself says 8). */
  public LoraConfig r(int r) {
    return set(to -> to.setR(r));
  }

  /** Default 32 (twice the rank). */
  public LoraConfig loraAlpha(double loraAlpha) {
    return set(to -> to.setLora_alpha(loraAlpha));
  }

  /** 0 &lt;= p &lt; 1; default 0 (PEFT). */
  public LoraConfig loraDropout(double loraDropout) {
    return set(to -> to.setLora_dropout(loraDropout));
  }

  /** 1: scale alpha / sqrt(r); default 0 (PEFT). */
  public LoraConfig useRslora(boolean useRslora) {
    return set(to -> to.setUse_rslora(useRslora ? 1 : 0));
  }

  /** Default PEFT_LORA_BIAS_NONE (PEFT). */
  public LoraConfig bias(LoraBias bias) {
    return set(to -> to.setBias(bias.ordinal()));
  }

  /** Default PEFT_LORA_INIT_DEFAULT (PEFT). */
  public LoraConfig initLoraWeights(LoraInit initLoraWeights) {
    return set(to -> to.setInit_lora_weights(initLoraWeights.ordinal()));
  }

  /** Default PEFT_TARGET_AUTO. */
  public LoraConfig targetKind(TargetKind targetKind) {
    return set(to -> to.setTarget_kind(targetKind.ordinal()));
  }

  /** "all-linear" (default, QLoRA's advice), a comma list, or a pattern. */
  public LoraConfig targetModules(String targetModules) {
    return set(to -> to.setTarget_modules(Text.name(targetModules)));
  }

  /** Comma list, or a pattern if exclude_is_regex; default NULL = none. */
  public LoraConfig excludeModules(String excludeModules) {
    return set(to -> to.setExclude_modules(Text.name(excludeModules)));
  }

  /** Default 0. */
  public LoraConfig excludeIsRegex(boolean excludeIsRegex) {
    return set(to -> to.setExclude_is_regex(excludeIsRegex ? 1 : 0));
  }

  /** Numbers of the layers; only with a list of target modules. */
  public LoraConfig layersToTransform(int... layers) {
    for (int layer : layers.clone()) set(to -> to.add_layer(layer));
    return this;
  }

  /** Comma list of names before the layer's number; default NULL = the first number in a name. */
  public LoraConfig layersPattern(String layersPattern) {
    return set(to -> to.setLayers_pattern(Text.name(layersPattern)));
  }

  /** JSON object, pattern -&gt; rank; default NULL = {}. */
  public LoraConfig rankPattern(String rankPattern) {
    return set(to -> to.setRank_pattern(Text.name(rankPattern)));
  }

  /** JSON object, pattern -&gt; alpha; default NULL = {}. */
  public LoraConfig alphaPattern(String alphaPattern) {
    return set(to -> to.setAlpha_pattern(Text.name(alphaPattern)));
  }

  /** Comma list of modules that are trained whole; default NULL = none. */
  public LoraConfig modulesToSave(String modulesToSave) {
    return set(to -> to.setModules_to_save(Text.name(modulesToSave)));
  }

  /** Of the first values; &gt;= 0; default 42 (Transformers' habit). */
  public LoraConfig seed(long seed) {
    return set(to -> to.setSeed(seed));
  }

  @Override
  peft_lora_config create() {
    return new peft_lora_config();
  }
}
