package peft

import (
	"context"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Info reads where the trainer stands, also while another goroutine makes a step.
func (t *Trainer) Info() (TrainerInfo, error) {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return TrainerInfo{}, err
	}
	n := native.NewPeft_trainer_info()
	defer native.DeletePeft_trainer_info(n)
	if err := fails(native.Peft_trainer_get_info(handle, n)); err != nil {
		return TrainerInfo{}, err
	}
	return trainerInfoOf(n), nil
}

// SetLearningRate sets what the schedule takes for its highest rate from now on.
func (t *Trainer) SetLearningRate(rate float64) error {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return err
	}
	return fails(native.Peft_trainer_set_learning_rate(handle, rate))
}

// Evaluate evaluates the adapter as it is; nil for the EvalDataset of the options.
func (t *Trainer) Evaluate(ctx context.Context, dataset *Dataset) (Evaluation, error) {
	defer runtime.KeepAlive(t)
	defer runtime.KeepAlive(dataset)
	handle, err := t.handle()
	if err != nil {
		return Evaluation{}, err
	}
	var rows int64
	if dataset != nil {
		if rows, err = dataset.handle(); err != nil {
			return Evaluation{}, err
		}
	}
	n := native.NewPeft_evaluate_result()
	defer native.DeletePeft_evaluate_result(n)
	_, err = cancellable(ctx, func(token int64) int64 { return native.Peft_trainer_evaluate(handle, rows, token, n) })
	if err != nil {
		return Evaluation{}, err
	}
	return evaluationOf(n), nil
}

// Checkpoint writes everything that the training needs to go on bit for bit in another process; "" for
// OutputDir/checkpoint-STEP.
func (t *Trainer) Checkpoint(ctx context.Context, path string) error {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return err
	}
	if err := checkName(path); err != nil {
		return err
	}
	_, err = cancellable(ctx, func(token int64) int64 { return native.Peft_trainer_checkpoint(handle, path, token) })
	return err
}

// Resume goes on from a checkpoint, or the newest complete one of a folder; "" for OutputDir. The note tells
// if a newer one was damaged and passed over.
func (t *Trainer) Resume(path string) (note string, err error) {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return "", err
	}
	if err := checkName(path); err != nil {
		return "", err
	}
	_, note, err = outcomeAndNote(native.Peft_trainer_resume(handle, path))
	return note, err
}
