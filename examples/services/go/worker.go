package main

import (
	"context"
	"errors"
	"log"

	"libpeft.org/go/peft"
)

// worker trains one job after the other.
type worker struct {
	base  *base
	jobs  *queue
	every int64
}

func (w *worker) run(ctx context.Context) error {
	for {
		next, err := w.jobs.next(ctx)
		if err != nil {
			return nil // the end was asked for
		}
		err = w.train(ctx, next)
		switch {
		case ctx.Err() != nil && errors.Is(err, peft.ErrCancelled):
			return w.jobs.update(next.ID, true, func(j *job) { j.State = queued })
		case err != nil:
			log.Printf("job %s: %v", next.ID, err)
			err = w.jobs.update(next.ID, true, func(j *job) { j.State, j.Error = failed, err.Error() })
		default:
			log.Printf("job %s: %s has a new adapter", next.ID, next.Customer)
			err = w.jobs.update(next.ID, true, func(j *job) { j.State = done })
		}
		if err != nil {
			return err
		}
	}
}

// train makes the customer's adapter, from the newest checkpoint on where there is one.
func (w *worker) train(ctx context.Context, next job) error {
	dataset, err := w.base.engine.DatasetFromFile(ctx, w.base.tokenizer, w.jobs.path(next.ID, "rows.jsonl"), nil)
	if err != nil {
		return err
	}
	defer dataset.Close()
	adapter, err := w.base.model.AttachLoRA("job-"+next.ID, nil)
	if err != nil {
		return err
	}
	kept := false
	defer func() {
		if !kept {
			adapter.Detach()
			adapter.Close()
		}
	}()
	options := peft.NewTrainerOptions()
	options.MaxSteps, options.LearningRate = next.Steps, 2e-3
	options.SaveSteps, options.OutputDir = w.every, w.jobs.path(next.ID, "run")
	trainer, err := w.base.model.NewTrainer(adapter, dataset, options)
	if err != nil {
		return err
	}
	defer trainer.Close()
	if err := w.resume(trainer, next); err != nil {
		return err
	}
	err = trainer.Run(ctx, func(event peft.Event) error {
		if event.Kind != peft.EventKindStep || event.Skipped { // a skipped one has no finite loss
			return nil
		}
		return w.jobs.update(next.ID, false, func(j *job) { j.Step, j.Loss = event.Step, event.Loss })
	})
	if errors.Is(err, peft.ErrCancelled) {
		if failure := trainer.Checkpoint(context.Background(), ""); failure != nil {
			return failure
		}
		if info, failure := trainer.Info(); failure == nil {
			log.Printf("job %s: left at a checkpoint after step %d", next.ID, info.CheckpointStep)
		}
	}
	if err != nil {
		return err
	}
	kept, err = w.base.publish(next.Customer, adapter)
	return err
}

func (w *worker) resume(trainer *peft.Trainer, next job) error {
	note, err := trainer.Resume("")
	if errors.Is(err, peft.ErrNotFound) {
		return w.jobs.update(next.ID, true, func(j *job) { j.State = running })
	}
	if err != nil {
		return err
	}
	info, err := trainer.Info()
	if err != nil {
		return err
	}
	log.Printf("job %s: goes on after step %d %s", next.ID, info.Step, note)
	return w.jobs.update(next.ID, true, func(j *job) {
		j.State, j.Step, j.ResumedFrom = running, info.Step, info.Step
	})
}
