package peft

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func newSession(t testing.TB, newTokens int64) *Session {
	session, err := tinyModel(t, newContext(t)).NewSession(nil)
	session = closing(t, session, err)
	options := NewSamplingOptions()
	options.MaxNewTokens, options.IgnoreEOS = newTokens, true
	need(t, session.SetSampling(options))
	return session
}

func TestPieces(t *testing.T) {
	session := newSession(t, 5)
	_, err := session.Next(background)
	needStatus(t, err, ErrState)
	need(t, session.Prefill(background, []int32{5, 8, 13}, nil))
	count := 0
	for made, err := range session.Pieces(background) {
		need(t, err)
		if made.Position != int64(3+count) || made.Text != "" {
			t.Fatal(made)
		}
		if count++; count == 2 {
			break
		}
	}
	for range session.Pieces(background) {
		count++
	}
	if count != 5 {
		t.Fatal(count)
	}
	if _, err := session.Next(background); err != io.EOF {
		t.Fatal(err)
	}
	need(t, session.Rewind(4))
	tokens, err := session.Tokens()
	if err != nil || len(tokens) != 4 {
		t.Fatal(tokens, err)
	}
	needStatus(t, session.PrefillText(background, "text", nil), ErrState)
}

func TestCancelledSessionGoesOn(t *testing.T) {
	session := newSession(t, 100)
	need(t, session.Prefill(background, []int32{5, 8, 13}, nil))
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	count := 0
	var last error
	for _, err := range session.Pieces(ctx) {
		last = err
		if count++; count == 3 {
			cancel()
		}
	}
	if !errors.Is(last, ErrCancelled) || !errors.Is(last, context.Canceled) {
		t.Fatal(last)
	}
	if _, err := session.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	before, err := session.Tokens()
	need(t, err)
	if _, err := session.Next(background); err != nil {
		t.Fatal(err)
	}
	after, err := session.Tokens()
	if err != nil || len(after) != len(before)+1 {
		t.Fatal(len(before), len(after), err)
	}
}

func TestLogGoesToSlog(t *testing.T) {
	need(t, LogToQueue())
	need(t, SetLogLevel(LogLevelDebug))
	defer SetLogLevel(LogLevelOff)
	skipSteps(t)
	var lines strings.Builder
	logger := slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
	need(t, DrainLog(background, logger))
	if !strings.Contains(lines.String(), "msg=") {
		t.Fatal("nothing was logged by skipped steps: ", lines.String())
	}
	if _, err := NextLogRecord(); err != io.EOF {
		t.Fatal(err)
	}
}

// skipSteps makes updates so large that the losses are not finite.
func skipSteps(t *testing.T) {
	l := newLesson(t, 0)
	config := NewLoRAConfig()
	config.R, config.LoRAAlpha = 1, 1e9
	adapter, err := l.model.AttachLoRA("overflow", config)
	adapter = closing(t, adapter, err)
	need(t, adapter.SetScale(1e6))
	options := NewTrainerOptions()
	options.LearningRate, options.WarmupRatio, options.MaxGradNorm, options.MaxSteps = 1e6, 0, 0, 8
	options.MaxSkippedInRow = 2
	trainer, err := l.model.NewTrainer(adapter, l.dataset, options)
	trainer = closing(t, trainer, err)
	skipped := false
	for event, err := range trainer.Steps(background) {
		skipped = skipped || event.Skipped
		if err != nil {
			needStatus(t, err, ErrNumeric)
		}
	}
	if !skipped {
		t.Fatal("no step was skipped")
	}
}
