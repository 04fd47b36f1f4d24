package peft

import "libpeft.org/go/peft/internal/native"

// Event: figures of a step or another event. What does not belong to the event is 0.
type Event struct {
	Kind EventKind
	// The step that all figures belong to; the first is 1.
	Step int64
	// Of the whole training; 0 without a data set and MaxSteps.
	TotalSteps int64
	// Passes over the data up to the end of this step.
	Epoch float64
	// Mean over the loss-bearing tokens of this step; not finite if it was skipped.
	Loss float64
	// That was applied.
	LearningRate float64
	// Before clipping.
	GradNorm float64
	// Of this step.
	Tokens int64
	// Of which bear a loss.
	LossTokens int64
	// That the step, evaluation or save took.
	Seconds float64
	// Of this step or evaluation.
	TokensPerSecond float64
	// Largest resident set of the process; on a GPU the driver's figure.
	PeakMemoryBytes int64
	// Steps skipped so far for a non-finite loss or gradient.
	SkippedSteps int64
	// EVALUATION: mean loss over the tokens of the EvalDataset.
	EvalLoss float64
	// Lowest so far.
	BestEvalLoss float64
	// The step after which it was measured.
	BestStep int64
	// 1: this step changed nothing.
	Skipped bool
	// EVALUATION: 1 if this is the lowest so far.
	IsBest bool
	// END: 1 if EarlyStoppingPatience ended the training.
	StoppedEarly bool
}

func eventOf(n native.Peft_step_result) Event {
	return Event{
		Kind:            EventKind(n.GetKind()),
		Step:            n.GetStep(),
		TotalSteps:      n.GetTotal_steps(),
		Epoch:           n.GetEpoch(),
		Loss:            n.GetLoss(),
		LearningRate:    n.GetLearning_rate(),
		GradNorm:        n.GetGrad_norm(),
		Tokens:          n.GetTokens(),
		LossTokens:      n.GetLoss_tokens(),
		Seconds:         n.GetSeconds(),
		TokensPerSecond: n.GetTokens_per_second(),
		PeakMemoryBytes: n.GetPeak_memory_bytes(),
		SkippedSteps:    n.GetSkipped_steps(),
		EvalLoss:        n.GetEval_loss(),
		BestEvalLoss:    n.GetBest_eval_loss(),
		BestStep:        n.GetBest_step(),
		Skipped:         n.GetSkipped() != 0,
		IsBest:          n.GetIs_best() != 0,
		StoppedEarly:    n.GetStopped_early() != 0,
	}
}

// TrainerInfo: where a trainer stands.
type TrainerInfo struct {
	// 1: the next pull gives PEFT_END.
	Finished bool
	// Steps made, skipped ones included.
	Step int64
	// Of the whole training; 0 without a data set and MaxSteps.
	TotalSteps int64
	// Passes over the data so far.
	Epoch float64
	// That the next step will apply.
	LearningRate float64
	// Trained on so far.
	Tokens int64
	// For a non-finite loss or gradient.
	SkippedSteps int64
	// Of the last step that was applied.
	LastLoss float64
	// Lowest so far; 0 if BestStep is -1.
	BestEvalLoss float64
	// The step after which it was measured; -1 = not yet.
	BestStep int64
	// Numbers that are trained.
	TrainableElements int64
	// Held by the trainer: gradients, optimizer, activations.
	MemoryBytes int64
	// Of the last complete checkpoint that was written or read; -1 = none.
	CheckpointStep int64
}

func trainerInfoOf(n native.Peft_trainer_info) TrainerInfo {
	return TrainerInfo{
		Finished:          n.GetFinished() != 0,
		Step:              n.GetStep(),
		TotalSteps:        n.GetTotal_steps(),
		Epoch:             n.GetEpoch(),
		LearningRate:      n.GetLearning_rate(),
		Tokens:            n.GetTokens(),
		SkippedSteps:      n.GetSkipped_steps(),
		LastLoss:          n.GetLast_loss(),
		BestEvalLoss:      n.GetBest_eval_loss(),
		BestStep:          n.GetBest_step(),
		TrainableElements: n.GetTrainable_elements(),
		MemoryBytes:       n.GetMemory_bytes(),
		CheckpointStep:    n.GetCheckpoint_step(),
	}
}
