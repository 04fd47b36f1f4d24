package peft

import "libpeft.org/go/peft/internal/native"

// TrainerOptions: how to train. "HF" marks defaults of Transformers' TrainingArguments, "torch" of
// torch.optim.AdamW. Made by NewTrainerOptions, which fills in the defaults.
type TrainerOptions struct {
	made bool
	// Rows of a micro-batch; default 2.
	BatchSize int
	// Micro-batches of a step; default 4. A last partial one is stepped too.
	GradientAccumulationSteps int
	// Default ScheduleCosine.
	Schedule Schedule
	// Passes over the data; default 3 (HF).
	Epochs float64
	// > 0: train so many steps whatever epochs says; default 0.
	MaxSteps int64
	// Default 2e-4 (QLoRA).
	LearningRate float64
	// Share of the steps; default 0.03 (QLoRA).
	WarmupRatio float64
	// > 0 goes before WarmupRatio; default 0.
	WarmupSteps int64
	// Decoupled; default 0 (HF).
	WeightDecay float64
	// Default 0.9 (torch).
	Beta1 float64
	// Default 0.999 (torch).
	Beta2 float64
	// Default 1e-8 (torch).
	Epsilon float64
	// Gradients are scaled down to this norm; default 1 (HF); 0 = never.
	MaxGradNorm float64
	// Of order and dropout; >= 0; default 42 (HF).
	Seed int64
	// 1 (default): a new order of rows in each epoch.
	Shuffle bool
	// 1: short rows share a sequence, attention stays apart; default 0.
	Packing bool
	// Tokens of a packed sequence; default 0 = the data set's longest row.
	PackingLength int64
	// Default ActivationPolicyKeep. ActivationPolicyCheckpoint: less memory, about a third more time.
	ActivationCheckpointing ActivationPolicy
	// DTypeFloat32 (default: exact) or _BFLOAT16: activations are rounded for matrix products.
	ComputeDType DType
	// Evaluated by plan; default nil.
	EvalDataset *Dataset
	// Evaluate every so many steps, before the first and after the last; default 0 = only after the last,
	// where there is an EvalDataset.
	EvalSteps int64
	// Checkpoint every so many steps; needs OutputDir; default 0 = never.
	SaveSteps int64
	// Newest complete checkpoints that are kept, the best one apart; default 2; 0 = all.
	SaveTotalLimit int
	// 1 (default): with an EvalDataset, the adapter ends with the values of the lowest evaluation loss.
	KeepBest bool
	// Stop after so many evaluations without a lower loss; default 0 = never.
	EarlyStoppingPatience int
	// Stop with ErrNumeric after so many steps in a row with a non-finite loss or gradient; default 5.
	MaxSkippedInRow int
	// Folder of the checkpoints, checkpoint-<step>; default none.
	OutputDir string
	// Of AdamW's two moments, 8 bytes a trained number; default PlacementDevice. With PlacementHost an update
	// moves 16 bytes a trained number over the bus and gives the same bits; PlacementAuto needs a data set.
	OptimizerPlacement Placement
}

// NewTrainerOptions gives the defaults.
func NewTrainerOptions() *TrainerOptions {
	n := native.NewPeft_trainer_options()
	defer native.DeletePeft_trainer_options(n)
	return &TrainerOptions{
		made:                      true,
		BatchSize:                 n.GetBatch_size(),
		GradientAccumulationSteps: n.GetGradient_accumulation_steps(),
		Schedule:                  Schedule(n.GetSchedule()),
		Epochs:                    n.GetEpochs(),
		MaxSteps:                  n.GetMax_steps(),
		LearningRate:              n.GetLearning_rate(),
		WarmupRatio:               n.GetWarmup_ratio(),
		WarmupSteps:               n.GetWarmup_steps(),
		WeightDecay:               n.GetWeight_decay(),
		Beta1:                     n.GetBeta1(),
		Beta2:                     n.GetBeta2(),
		Epsilon:                   n.GetEpsilon(),
		MaxGradNorm:               n.GetMax_grad_norm(),
		Seed:                      n.GetSeed(),
		Shuffle:                   n.GetShuffle() != 0,
		Packing:                   n.GetPacking() != 0,
		PackingLength:             n.GetPacking_length(),
		ActivationCheckpointing:   ActivationPolicy(n.GetActivation_checkpointing()),
		ComputeDType:              DType(n.GetCompute_dtype()),
		EvalSteps:                 n.GetEval_steps(),
		SaveSteps:                 n.GetSave_steps(),
		SaveTotalLimit:            n.GetSave_total_limit(),
		KeepBest:                  n.GetKeep_best() != 0,
		EarlyStoppingPatience:     n.GetEarly_stopping_patience(),
		MaxSkippedInRow:           n.GetMax_skipped_in_row(),
		OutputDir:                 n.GetOutput_dir(),
		OptimizerPlacement:        Placement(n.GetOptimizer_placement()),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *TrainerOptions) native() (native.Peft_trainer_options, error) {
	n := native.NewPeft_trainer_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("TrainerOptions", o.made)
	n.SetBatch_size(o.BatchSize)
	n.SetGradient_accumulation_steps(o.GradientAccumulationSteps)
	n.SetSchedule(native.Peft_schedule(o.Schedule))
	n.SetEpochs(o.Epochs)
	n.SetMax_steps(o.MaxSteps)
	n.SetLearning_rate(o.LearningRate)
	n.SetWarmup_ratio(o.WarmupRatio)
	n.SetWarmup_steps(o.WarmupSteps)
	n.SetWeight_decay(o.WeightDecay)
	n.SetBeta1(o.Beta1)
	n.SetBeta2(o.Beta2)
	n.SetEpsilon(o.Epsilon)
	n.SetMax_grad_norm(o.MaxGradNorm)
	n.SetSeed(o.Seed)
	n.SetShuffle(number(o.Shuffle))
	n.SetPacking(number(o.Packing))
	n.SetPacking_length(o.PackingLength)
	n.SetActivation_checkpointing(int(o.ActivationCheckpointing))
	n.SetCompute_dtype(native.Peft_dtype(o.ComputeDType))
	if o.EvalDataset != nil {
		n.SetEval_dataset(check.handle(o.EvalDataset.handle()))
	}
	n.SetEval_steps(o.EvalSteps)
	n.SetSave_steps(o.SaveSteps)
	n.SetSave_total_limit(o.SaveTotalLimit)
	n.SetKeep_best(number(o.KeepBest))
	n.SetEarly_stopping_patience(o.EarlyStoppingPatience)
	n.SetMax_skipped_in_row(o.MaxSkippedInRow)
	if o.OutputDir != "" {
		n.SetOutput_dir(check.name(o.OutputDir))
	}
	n.SetOptimizer_placement(native.Peft_placement(o.OptimizerPlacement))
	if check.failed != nil {
		native.DeletePeft_trainer_options(n)
		return nil, check.failed
	}
	return n, nil
}
