package peft

import (
	"context"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Cancel asks calls to stop and tells how far they have come. A context.Context alone is enough to cancel; a
// Cancel in it (see WithCancel) makes progress visible. Once signalled it stays so.
type Cancel struct{ object }

func NewCancel() (*Cancel, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	return newCancel()
}

func newCancel() (*Cancel, error) {
	made := make([]int64, 1)
	if err := fails(native.Peft_cancel_create(made)); err != nil {
		return nil, err
	}
	c := &Cancel{}
	return own(c, &c.object, "cancel token", made[0], native.Peft_cancel_free), nil
}

// Signal asks every call that was given the token to stop.
func (c *Cancel) Signal() error {
	defer runtime.KeepAlive(c)
	handle, err := c.handle()
	if err != nil {
		return err
	}
	return fails(native.Peft_cancel_signal(handle))
}

// Progress is how far the latest LoadModel, Trainer.Next or Trainer.Run that was given the token has come,
// from 0 to 1.
func (c *Cancel) Progress() (float64, error) {
	defer runtime.KeepAlive(c)
	handle, err := c.handle()
	if err != nil {
		return 0, err
	}
	fraction := make([]float64, 1)
	err = fails(native.Peft_cancel_progress(handle, fraction))
	return fraction[0], err
}

type cancelKey struct{}

// WithCancel gives a context whose calls use the token, which the context's end signals. Session.Next and Pieces follow
// the context alone.
func WithCancel(parent context.Context, token *Cancel) context.Context {
	return context.WithValue(parent, cancelKey{}, token)
}

// watch is a context made visible to the library for the length of a call.
type watch struct {
	ctx     context.Context
	token   *Cancel
	own     bool
	stop    func() bool
	stopped chan struct{}
	// After done: the context's end signalled the token.
	signalled bool
}

// watching begins it. done must be called when the call is over.
func watching(ctx context.Context) (*watch, error) {
	w := &watch{ctx: ctx}
	if ctx == nil {
		return w, nil
	}
	if ctx.Err() != nil {
		return nil, w.cancelled(&Error{Status: ErrCancelled})
	}
	w.token, _ = ctx.Value(cancelKey{}).(*Cancel)
	if ctx.Done() == nil {
		return w, nil
	}
	if w.token == nil {
		token, err := newCancel()
		if err != nil {
			return nil, err
		}
		w.token, w.own = token, true
	}
	w.signalling(w.token)
	return w, nil
}

func (w *watch) signalling(token *Cancel) {
	stopped := make(chan struct{})
	w.stopped = stopped
	w.stop = context.AfterFunc(w.ctx, func() {
		defer close(stopped)
		token.Signal()
	})
}

// handle is 0 where nothing can be cancelled.
func (w *watch) handle() (int64, error) {
	if w.token == nil {
		return 0, nil
	}
	return w.token.handle()
}

func (w *watch) done() {
	if w.stop != nil && !w.stop() {
		w.signalled = true
		<-w.stopped // the signal is under way; the token must outlive it
	}
	if w.own {
		w.token.Close()
	}
	runtime.KeepAlive(w.token)
}

// cancelled gives the error of a cancelled call its cause.
func (w *watch) cancelled(err error) error {
	if failure, ok := err.(*Error); ok && failure.Status == ErrCancelled && w.ctx != nil && w.ctx.Err() != nil {
		failure.Cause = context.Cause(w.ctx)
	}
	return err
}

// cancellable makes a call that takes a cancel token.
func cancellable(ctx context.Context, call func(token int64) int64) (Status, error) {
	w, err := watching(ctx)
	if err != nil {
		return ErrCancelled, err
	}
	defer w.done()
	token, err := w.handle()
	if err != nil {
		return ErrBadHandle, err
	}
	status, err := outcome(call(token))
	return status, w.cancelled(err)
}
