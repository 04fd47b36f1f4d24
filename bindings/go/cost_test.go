//go:build !peft_open

package peft

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"libpeft.org/go/peft/internal/reference"
)

func TestPriceOfOneCall(t *testing.T) {
	if raceDetector {
		t.Skip("measured without the race detector")
	}
	c := newContext(t)
	handle, err := c.handle()
	need(t, err)
	const calls = 200_000
	fromC := reference.Trivial(handle, calls)
	begin := time.Now()
	for range calls {
		need(t, c.Trim())
	}
	fromGo := time.Since(begin).Seconds() / calls
	t.Logf("one trivial call (Context.Trim): %.0f ns from Go, %.0f ns from C", 1e9*fromGo, 1e9*fromC)
}

// What Go adds to a step is what it adds to one that finds all steps made; a real step shows it too, within the noise
// of the machine: the same trainer makes steps called from C and from Go in turn.
func TestStepCostsWhatItCostsInC(t *testing.T) {
	if raceDetector {
		t.Skip("measured without the race detector")
	}
	ctx, stop := context.WithCancel(background)
	defer stop()
	ended := newLesson(t, 1)
	need(t, ended.trainer.Run(ctx, nil))
	inC, inGo := inTurn(t, ended.trainer, 2000, func() {
		if _, err := ended.trainer.Step(ctx); err != io.EOF {
			t.Fatal(err)
		}
	})
	added := inGo - inC

	trainer := longTrainer(t)
	inC, inGo = inTurn(t, trainer, 150, func() {
		if _, err := trainer.Step(ctx); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("a training step: %.0f us from C, %.0f us from Go; Go adds %.1f us, %.3f %%",
		1e6*inC, 1e6*inGo, 1e6*added, 100*added/inC)
	if added/inC > 0.01 {
		t.Errorf("a step costs %.2f %% more than in C", 100*added/inC)
	}
}

func longTrainer(t *testing.T) *Trainer {
	l := newLesson(t, 1)
	ids := make([]int32, 200)
	for i := range ids {
		ids[i] = int32(i % 96)
	}
	dataset, err := l.context.DatasetFromRows(background, []Row{{IDs: ids}, {IDs: ids}}, nil)
	dataset = closing(t, dataset, err)
	options := NewTrainerOptions()
	options.MaxSteps = 1_000_000
	trainer, err := l.model.NewTrainer(attach(t, l.model, "timed"), dataset, options)
	return closing(t, trainer, err)
}

// inTurn gives the time of a quick call from C and from Go: the 10th percentile, which other work disturbs least.
func inTurn(t *testing.T, trainer *Trainer, count int, step func()) (inC, inGo float64) {
	handle, err := trainer.handle()
	need(t, err)
	var fromC, fromGo []float64
	for range count {
		status, seconds := reference.Step(handle)
		if status < 0 {
			t.Fatal(status)
		}
		fromC = append(fromC, seconds)
		begin := time.Now()
		step()
		fromGo = append(fromGo, time.Since(begin).Seconds())
	}
	slices.Sort(fromC)
	slices.Sort(fromGo)
	return fromC[count/10], fromGo[count/10]
}
