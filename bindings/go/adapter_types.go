package peft

import "libpeft.org/go/peft/internal/native"

// AdapterOptions: how to attach or load an adapter of any method. Made by NewAdapterOptions, which fills in
// the defaults.
type AdapterOptions struct {
	made bool
	// 1 (default): a trainer may change it; 0: frozen.
	Trainable bool
	// Of first values; >= 0; default 42.
	Seed int64
}

// NewAdapterOptions gives the defaults.
func NewAdapterOptions() *AdapterOptions {
	n := native.NewPeft_adapter_options()
	defer native.DeletePeft_adapter_options(n)
	return &AdapterOptions{
		made:      true,
		Trainable: n.GetTrainable() != 0,
		Seed:      n.GetSeed(),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *AdapterOptions) native() (native.Peft_adapter_options, error) {
	n := native.NewPeft_adapter_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("AdapterOptions", o.made)
	n.SetTrainable(number(o.Trainable))
	n.SetSeed(o.Seed)
	if check.failed != nil {
		native.DeletePeft_adapter_options(n)
		return nil, check.failed
	}
	return n, nil
}

// AdapterInfo: what an adapter is.
type AdapterInfo struct {
	// Rank, or number of virtual tokens; 0 where the method has neither.
	R int
	// PEFT's peft_type: "LORA", "IA3", "PROMPT_TUNING".
	Method string
	// 0 where the method has none.
	LoRAAlpha float64
	// Factor on its effect; 1 unless set.
	Scale float64
	// Its numbers.
	ParameterElements int64
	// Their memory.
	ParameterBytes int64
	// Tensors; see Adapter.Parameters.
	ParameterCount int64
	// Modules that it changes.
	ModuleCount int64
	// Optimizer steps applied since it was attached or loaded.
	TrainedSteps int64
	Trainable    bool
	// 0 after Adapter.Detach.
	Attached bool
	// 1: part of the base weights now.
	Merged bool
}

func adapterInfoOf(n native.Peft_adapter_info) AdapterInfo {
	return AdapterInfo{
		R:                 n.GetR(),
		Method:            n.GetMethod(),
		LoRAAlpha:         n.GetLora_alpha(),
		Scale:             n.GetScale(),
		ParameterElements: n.GetParameter_elements(),
		ParameterBytes:    n.GetParameter_bytes(),
		ParameterCount:    n.GetParameter_count(),
		ModuleCount:       n.GetModule_count(),
		TrainedSteps:      n.GetTrained_steps(),
		Trainable:         n.GetTrainable() != 0,
		Attached:          n.GetAttached() != 0,
		Merged:            n.GetMerged() != 0,
	}
}
