package peft

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestErrorsCarryStatusAndMessage(t *testing.T) {
	c := newContext(t)
	_, err := c.LoadModel(background, "/no/such/folder", nil)
	needStatus(t, err, ErrNotFound)
	needText(t, err, "PEFT_E_NOT_FOUND", "/no/such/folder")
	if errors.Is(err, ErrIO) || errors.Is(err, io.EOF) {
		t.Fatal("an error is others too")
	}
}

func TestErrorsFromManyGoroutinesStayApart(t *testing.T) {
	c := newContext(t)
	var all sync.WaitGroup
	for i := range 16 {
		all.Add(1)
		go func() {
			defer all.Done()
			path := "/no/such/folder/" + string(rune('a'+i))
			for range 50 {
				if _, err := c.LoadTokenizer(path); err == nil || !contains(err, path) {
					t.Errorf("found %v for %s", err, path)
				}
			}
		}()
	}
	all.Wait()
}

func TestOptionsMustBeMade(t *testing.T) {
	c := newContext(t)
	m := tinyModel(t, c)
	_, err := m.AttachLoRA("none", &LoRAConfig{R: 4})
	needStatus(t, err, ErrInvalidArgument)
	needText(t, err, "NewLoRAConfig")
	_, err = m.NewSession(&SessionOptions{})
	needStatus(t, err, ErrInvalidArgument)
}

func TestNamesWithNULAreRefused(t *testing.T) {
	c := newContext(t)
	m := tinyModel(t, c)
	_, err := c.LoadModel(background, "a\x00b", nil)
	needStatus(t, err, ErrInvalidArgument)
	_, err = m.AttachLoRA("a\x00b", nil)
	needStatus(t, err, ErrInvalidArgument)
	options := NewModelOptions()
	options.Device = "cpu\x00"
	_, err = c.LoadModel(background, tinyPath(t), options)
	needStatus(t, err, ErrInvalidArgument)
	_, err = c.LoadModel(background, "", nil)
	needStatus(t, err, ErrInvalidArgument)
}

func TestClosedAndNilObjects(t *testing.T) {
	c := newContext(t)
	m := tinyModel(t, c)
	need(t, m.Close())
	need(t, m.Close())
	_, err := m.Info()
	needStatus(t, err, ErrBadHandle)
	needText(t, err, "the model is closed")
	var none *Adapter
	_, err = m.NewTrainer(none, nil, nil)
	needStatus(t, err, ErrBadHandle)
	_, err = none.Info()
	needStatus(t, err, ErrBadHandle)
	_, err = tinyModel(t, c).NewTrainer(none, nil, nil)
	needStatus(t, err, ErrBadHandle)
	_, err = (&Session{}).Next(background)
	needStatus(t, err, ErrBadHandle)
}

func TestCancelledContext(t *testing.T) {
	c := newContext(t)
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err := c.LoadModel(ctx, tinyPath(t), nil)
	if !errors.Is(err, ErrCancelled) || !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	l := newLesson(t, 1_000_000)
	reason := errors.New("the user left")
	ctx, why := context.WithCancelCause(background)
	time.AfterFunc(50*time.Millisecond, func() { why(reason) })
	err = l.trainer.Run(ctx, nil)
	if !errors.Is(err, ErrCancelled) || !errors.Is(err, reason) {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(background, 50*time.Millisecond)
	defer stop()
	for _, err = range l.trainer.Events(ctx) {
	}
	if !errors.Is(err, ErrCancelled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if _, err = l.trainer.Step(background); err != nil {
		t.Fatal("it cannot go on:", err)
	}
}

func TestTokenShowsProgress(t *testing.T) {
	l := newLesson(t, 4)
	token, err := NewCancel()
	token = closing(t, token, err)
	need(t, l.trainer.Run(WithCancel(background, token), nil))
	if progress, err := token.Progress(); err != nil || progress != 1 {
		t.Fatal(progress, err)
	}
	need(t, token.Signal())
	_, err = l.context.LoadModel(WithCancel(background, token), tinyPath(t), nil)
	needStatus(t, err, ErrCancelled)
}

func TestClashIsBusy(t *testing.T) {
	l := newLesson(t, 1_000_000)
	ctx, stop := context.WithCancel(background)
	done := make(chan error)
	go func() { done <- l.trainer.Run(ctx, nil) }()
	for info, err := l.trainer.Info(); err != nil || info.Step == 0; info, err = l.trainer.Info() {
		need(t, err)
	}
	var err error
	for begin := time.Now(); err == nil && time.Since(begin) < 10*time.Second; {
		err = l.trainer.SetLearningRate(1e-3)
	}
	stop()
	if found := <-done; !errors.Is(found, ErrCancelled) {
		t.Fatal(found)
	}
	needStatus(t, err, ErrBusy)
}

func contains(err error, part string) bool {
	return err != nil && len(part) > 0 && strings.Contains(err.Error(), part)
}
