package peft

import (
	"errors"
	"io"
	"math"
	"path/filepath"
	"testing"
)

func TestEventsFollowThePlan(t *testing.T) {
	l := newLesson(t, 6)
	options := NewTrainerOptions()
	options.MaxSteps, options.EvalDataset, options.EvalSteps = 4, l.dataset, 2
	options.SaveSteps, options.OutputDir = 2, filepath.Join(t.TempDir(), "run")
	adapter, err := l.model.AttachLoRA("planned", nil)
	adapter = closing(t, adapter, err)
	trainer, err := l.model.NewTrainer(adapter, l.dataset, options)
	trainer = closing(t, trainer, err)
	kinds := map[EventKind]int{}
	var last Event
	for event, err := range trainer.Events(background) {
		need(t, err)
		kinds[event.Kind]++
		last = event
	}
	if kinds[EventKindStep] != 4 || kinds[EventKindCheckpoint] != 2 || kinds[EventKindEvaluation] < 2 ||
		kinds[EventKindEnd] != 1 || last.Kind != EventKindEnd {
		t.Fatal(kinds, last)
	}
	if _, err := trainer.Next(background); err != io.EOF {
		t.Fatal(err)
	}
	evaluation, err := trainer.Evaluate(background, nil)
	if err != nil || evaluation.Rows != 3 || math.Abs(evaluation.Perplexity-math.Exp(evaluation.Loss)) > 1e-9 {
		t.Fatal(evaluation, err)
	}
}

func TestLeavingALoopAndGoingOn(t *testing.T) {
	l := newLesson(t, 5)
	steps := 0
	for range l.trainer.Steps(background) {
		if steps++; steps == 2 {
			break
		}
	}
	for event, err := range l.trainer.Steps(background) {
		need(t, err)
		if steps++; event.Step != int64(steps) {
			t.Fatal(event.Step)
		}
	}
	if steps != 5 {
		t.Fatal(steps)
	}
}

func TestPanicInAListenerComesBack(t *testing.T) {
	l := newLesson(t, 5)
	func() {
		defer func() {
			if found := recover(); found != "out of the listener" {
				t.Fatal(found)
			}
		}()
		l.trainer.Run(background, func(Event) error { panic("out of the listener") })
	}()
	wrong := errors.New("the listener had enough")
	if err := l.trainer.Run(background, func(Event) error { return wrong }); err != wrong {
		t.Fatal(err)
	}
	// A listener may use what is calling it.
	var inside Status
	need(t, l.trainer.Run(background, func(Event) error {
		info, err := l.trainer.Info()
		inside = Status(info.TotalSteps)
		return err
	}))
	if inside != 5 {
		t.Fatal(inside)
	}
}

func TestStepsOnGivenRows(t *testing.T) {
	l := newLesson(t, 0)
	options := NewTrainerOptions()
	options.Schedule = ScheduleConstant // one that falls would have to know the number of steps
	trainer, err := l.model.NewTrainer(attach(t, l.model, "rows"), nil, options)
	trainer = closing(t, trainer, err)
	first, err := trainer.StepRows(background, smallRows())
	need(t, err)
	if first.LossTokens != 6+5+7 {
		t.Fatal(first.LossTokens)
	}
	_, err = trainer.Step(background)
	needStatus(t, err, ErrState)
	need(t, trainer.SetLearningRate(1e-2))
	_, err = trainer.StepRows(background, []Row{{IDs: []int32{1, 2}, LabelKind: LabelKindClass, Labels: []int32{1}}})
	needStatus(t, err, ErrUnsupported)
}

func attach(t testing.TB, m *Model, name string) *Adapter {
	adapter, err := m.AttachLoRA(name, nil)
	return closing(t, adapter, err)
}

func TestCheckpointResumesBitForBit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	var losses [2][]float64
	for round := range 2 {
		l := newLesson(t, 6)
		if round == 1 {
			note, err := l.trainer.Resume(path)
			if err != nil || note != "" {
				t.Fatal(note, err)
			}
		}
		for event, err := range l.trainer.Steps(background) {
			need(t, err)
			losses[round] = append(losses[round], event.Loss)
			if round == 0 && event.Step == 3 {
				need(t, l.trainer.Checkpoint(background, path))
			}
		}
	}
	for i, loss := range losses[1] {
		if loss != losses[0][3+i] {
			t.Fatal(losses)
		}
	}
}
