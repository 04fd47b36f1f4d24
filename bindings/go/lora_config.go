package peft

import "libpeft.org/go/peft/internal/native"

// LoRAConfig: LoRA's settings: y = W x + (alpha / r) B A dropout(x). Names and meaning are PEFT's. Made by
// NewLoRAConfig, which fills in the defaults.
type LoRAConfig struct {
	made bool
	// Rank; default 16 (common practice; PEFT itself says 8).
	R int
	// Default 32 (twice the rank).
	LoRAAlpha float64
	// 0 <= p < 1; default 0 (PEFT).
	LoRADropout float64
	// 1: scale alpha / sqrt(r); default 0 (PEFT).
	UseRSLoRA bool
	// Default LoRABiasNone (PEFT).
	Bias LoRABias
	// Default LoRAInitDefault (PEFT).
	InitLoRAWeights LoRAInit
	// Default TargetKindAuto.
	TargetKind TargetKind
	// "all-linear" (default, QLoRA's advice), a comma list, or a pattern.
	TargetModules string
	// Modules to leave out, or one pattern if ExcludeIsRegex; default nil.
	ExcludeModules []string
	// Default 0.
	ExcludeIsRegex bool
	// Numbers of the layers; only with a list of target modules.
	LayersToTransform []int
	// Names before the layer's number; default nil = the first number in a name.
	LayersPattern []string
	// Rank by pattern; default nil.
	RankPattern map[string]int
	// Alpha by pattern; default nil.
	AlphaPattern map[string]float64
	// Modules that are trained whole; default nil.
	ModulesToSave []string
	// Of the first values; >= 0; default 42 (Transformers' habit).
	Seed int64
}

// NewLoRAConfig gives the defaults.
func NewLoRAConfig() *LoRAConfig {
	n := native.NewPeft_lora_config()
	defer native.DeletePeft_lora_config(n)
	return &LoRAConfig{
		made:            true,
		R:               n.GetR(),
		LoRAAlpha:       n.GetLora_alpha(),
		LoRADropout:     n.GetLora_dropout(),
		UseRSLoRA:       n.GetUse_rslora() != 0,
		Bias:            LoRABias(n.GetBias()),
		InitLoRAWeights: LoRAInit(n.GetInit_lora_weights()),
		TargetKind:      TargetKind(n.GetTarget_kind()),
		TargetModules:   n.GetTarget_modules(),
		ExcludeIsRegex:  n.GetExclude_is_regex() != 0,
		Seed:            n.GetSeed(),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *LoRAConfig) native() (native.Peft_lora_config, error) {
	n := native.NewPeft_lora_config()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("LoRAConfig", o.made)
	n.SetR(o.R)
	n.SetLora_alpha(o.LoRAAlpha)
	n.SetLora_dropout(o.LoRADropout)
	n.SetUse_rslora(number(o.UseRSLoRA))
	n.SetBias(native.Peft_lora_bias(o.Bias))
	n.SetInit_lora_weights(native.Peft_lora_init(o.InitLoRAWeights))
	n.SetTarget_kind(native.Peft_target_kind(o.TargetKind))
	n.SetTarget_modules(check.name(o.TargetModules))
	if o.ExcludeModules != nil {
		n.SetExclude_modules(check.list(o.ExcludeModules))
	}
	n.SetExclude_is_regex(number(o.ExcludeIsRegex))
	for _, layer := range o.LayersToTransform {
		n.Add_layer(layer)
	}
	if o.LayersPattern != nil {
		n.SetLayers_pattern(check.list(o.LayersPattern))
	}
	if o.RankPattern != nil {
		n.SetRank_pattern(check.json(o.RankPattern))
	}
	if o.AlphaPattern != nil {
		n.SetAlpha_pattern(check.json(o.AlphaPattern))
	}
	if o.ModulesToSave != nil {
		n.SetModules_to_save(check.list(o.ModulesToSave))
	}
	n.SetSeed(o.Seed)
	if check.failed != nil {
		native.DeletePeft_lora_config(n)
		return nil, check.failed
	}
	return n, nil
}
