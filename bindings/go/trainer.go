package peft

import (
	"context"
	"io"
	"iter"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Trainer trains one adapter on one resident model.
type Trainer struct{ object }

// NewTrainer makes a trainer; the data set is nil if every step is given its rows.
func (m *Model) NewTrainer(adapter *Adapter, dataset *Dataset, options *TrainerOptions) (*Trainer, error) {
	defer runtime.KeepAlive(m)
	defer runtime.KeepAlive(adapter)
	defer runtime.KeepAlive(dataset)
	defer runtime.KeepAlive(options)
	model, err := m.handle()
	if err != nil {
		return nil, err
	}
	trained, err := adapter.handle()
	if err != nil {
		return nil, err
	}
	var rows int64
	if dataset != nil {
		if rows, err = dataset.handle(); err != nil {
			return nil, err
		}
	}
	n, err := options.native()
	if err != nil {
		return nil, err
	}
	defer native.DeletePeft_trainer_options(n)
	made := make([]int64, 1)
	if err := fails(native.Peft_trainer_create(model, trained, rows, n, made)); err != nil {
		return nil, err
	}
	t := &Trainer{}
	return own(t, &t.object, "trainer", made[0], native.Peft_trainer_free), nil
}

// Step makes one step on the next batch of the data set; io.EOF when all have been made. A cancelled step is
// undone.
func (t *Trainer) Step(ctx context.Context) (Event, error) { return t.step(ctx, nil) }

// StepRows makes one step on the rows it is given.
func (t *Trainer) StepRows(ctx context.Context, rows []Row) (Event, error) {
	given := rowsOf(rows)
	defer native.DeletePeftRows(given)
	return t.step(ctx, given)
}

func (t *Trainer) step(ctx context.Context, rows native.PeftRows) (Event, error) {
	return t.event(ctx, func(handle, token int64, result native.Peft_step_result) int64 {
		if token == 0 && rows == nil {
			return native.Peft_train_step(handle, nil, result)
		}
		n := native.NewPeft_step_options()
		defer native.DeletePeft_step_options(n)
		n.SetCancel(token)
		if rows != nil {
			n.Set_row_list(rows)
		}
		return native.Peft_train_step(handle, n, result)
	})
}

// Next does the next thing of the plan: a step, an evaluation, a checkpoint, or the end. After the end it is
// io.EOF, with the event of the end.
func (t *Trainer) Next(ctx context.Context) (Event, error) {
	return t.event(ctx, func(handle, token int64, result native.Peft_step_result) int64 {
		return native.Peft_trainer_next(handle, token, result)
	})
}

func (t *Trainer) event(ctx context.Context, call func(handle, token int64, result native.Peft_step_result) int64,
) (Event, error) {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return Event{}, err
	}
	result := native.NewPeft_step_result()
	defer native.DeletePeft_step_result(result)
	status, err := cancellable(ctx, func(token int64) int64 { return call(handle, token, result) })
	if err != nil {
		return Event{}, err
	}
	if status == StatusEnd {
		err = io.EOF
	}
	return eventOf(result), err
}

// Events does what is left of the plan and yields each event, the end as the last. Leaving the loop stops
// between two events, and another loop goes on from there.
func (t *Trainer) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := t.Next(ctx)
			if err == io.EOF {
				yield(event, nil)
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Steps makes the steps that are left, without evaluations and checkpoints, and yields each.
func (t *Trainer) Steps(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := t.Step(ctx)
			if err == io.EOF || !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Run does all that is left of the plan in one call. After a cancel the trainer stands at the end of a step.
// The listener, which may be nil, is told every event; its error stops the training and is given back, and
// so is a panic.
func (t *Trainer) Run(ctx context.Context, listener func(Event) error) error {
	if listener != nil {
		for event, err := range t.Events(ctx) {
			if err == nil {
				err = listener(event)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return err
	}
	_, err = cancellable(ctx, func(token int64) int64 { return native.Peft_trainer_run(handle, token) })
	return err
}
