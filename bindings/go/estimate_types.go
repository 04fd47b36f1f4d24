package peft

import "libpeft.org/go/peft/internal/native"

// EstimateOptions: the job. Made by NewEstimateOptions, which fills in the defaults.
type EstimateOptions struct {
	made bool
	// Default JobTrain.
	Job Job
	// Type and device of the weights; default nil = as stored, CPU.
	ModelOptions *ModelOptions
	// 1: the model is quantized after loading; default 0.
	QuantizeNF4 bool
	// GENERATE: sessions at once; default 1.
	Sessions int
	// TRAIN: default nil = the defaults; GENERATE: default nil = no adapter, unless
	// AdapterConfig.
	LoRAConfig *LoRAConfig
	// Text of an adapter_config.json instead of LoRAConfig; default none.
	AdapterConfig string
	// TRAIN; default nil = the defaults.
	TrainerOptions *TrainerOptions
	// GENERATE; default nil = the defaults; its adapters are not read.
	SessionOptions *SessionOptions
	// TRAIN: its longest batch is what counts; default nil.
	Dataset *Dataset
	// Without a dataset: tokens of a row; GENERATE: of a session; default 2048.
	SequenceLength int64
}

// NewEstimateOptions gives the defaults.
func NewEstimateOptions() *EstimateOptions {
	n := native.NewPeft_estimate_options()
	defer native.DeletePeft_estimate_options(n)
	return &EstimateOptions{
		made:           true,
		Job:            Job(n.GetJob()),
		QuantizeNF4:    n.GetQuantize_nf4() != 0,
		Sessions:       n.GetSessions(),
		AdapterConfig:  n.GetAdapter_config(),
		SequenceLength: n.GetSequence_length(),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *EstimateOptions) native() (native.Peft_estimate_options, error) {
	n := native.NewPeft_estimate_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("EstimateOptions", o.made)
	n.SetJob(native.Peft_job(o.Job))
	n.SetQuantize_nf4(number(o.QuantizeNF4))
	n.SetSessions(o.Sessions)
	if o.AdapterConfig != "" {
		n.SetAdapter_config(check.name(o.AdapterConfig))
	}
	if o.Dataset != nil {
		n.SetDataset(check.handle(o.Dataset.handle()))
	}
	n.SetSequence_length(o.SequenceLength)
	if check.failed != nil {
		native.DeletePeft_estimate_options(n)
		return nil, check.failed
	}
	return n, nil
}

// Estimate: where the memory goes, in bytes.
type Estimate struct {
	// 1: PeakBytes is within what the device has free now.
	Fits bool
	// The most at once; what the process or GPU will show at its peak.
	PeakBytes int64
	// Base weights, without those in HostBytes.
	WeightBytes int64
	// More while loading and quantizing, gone before the job's own peak.
	LoadingBytes int64
	// Adapter weights.
	AdapterBytes int64
	// Adapter gradients.
	GradientBytes int64
	// AdamW's two moments; 0 where they are in HostBytes.
	OptimizerBytes int64
	// Kept for the backward pass.
	ActivationBytes int64
	// Key/value caches of all sessions.
	CacheBytes int64
	// Scratch and what is short-lived, at the peak.
	WorkspaceBytes int64
	// The library, its tables, the tokenizer, the data set.
	BaselineBytes int64
	// Free on the device now.
	AvailableBytes int64
	// Numbers that would be trained.
	TrainableElements int64
	// Numbers in the base weights.
	ParameterElements int64
	// TRAIN: tokens of one step at most.
	TokensPerStep int64
	// TRAIN: floating point operations of one step; GENERATE: of one token.
	FLOPsPerStep float64
	// Pinned host memory beside a GPU's own, at the peak: what ActivationPolicyOffload and PlacementHost put
	// there. Not in PeakBytes.
	HostBytes int64
}

func estimateOf(n native.Peft_estimate_result) Estimate {
	return Estimate{
		Fits:              n.GetFits() != 0,
		PeakBytes:         n.GetPeak_bytes(),
		WeightBytes:       n.GetWeight_bytes(),
		LoadingBytes:      n.GetLoading_bytes(),
		AdapterBytes:      n.GetAdapter_bytes(),
		GradientBytes:     n.GetGradient_bytes(),
		OptimizerBytes:    n.GetOptimizer_bytes(),
		ActivationBytes:   n.GetActivation_bytes(),
		CacheBytes:        n.GetCache_bytes(),
		WorkspaceBytes:    n.GetWorkspace_bytes(),
		BaselineBytes:     n.GetBaseline_bytes(),
		AvailableBytes:    n.GetAvailable_bytes(),
		TrainableElements: n.GetTrainable_elements(),
		ParameterElements: n.GetParameter_elements(),
		TokensPerStep:     n.GetTokens_per_step(),
		FLOPsPerStep:      n.GetFlops_per_step(),
		HostBytes:         n.GetHost_bytes(),
	}
}
