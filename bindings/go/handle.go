package peft

import (
	"runtime"
	"sync/atomic"
)

// owned is a handle of the library, which the cleanup of a forgotten object holds too.
type owned struct {
	value atomic.Int64
	free  func(int64)
}

func (o *owned) release() {
	if last := o.value.Swap(0); last != 0 {
		o.free(last)
	}
}

// object is what every object of the library has.
type object struct {
	owned   *owned
	kind    string
	cleanup runtime.Cleanup
}

// own gives a new object its handle; holder is the object that object is part of.
func own[T any](holder *T, part *object, kind string, value int64, free func(int64)) *T {
	part.owned = &owned{free: free}
	part.owned.value.Store(value)
	part.kind = kind
	part.cleanup = runtime.AddCleanup(holder, (*owned).release, part.owned)
	return holder
}

// handle is ErrBadHandle after Close. Keep the object alive while it is used.
func (o *object) handle() (int64, error) {
	if o == nil || o.owned == nil {
		return 0, &Error{Status: ErrBadHandle, Message: "an object is nil"}
	}
	value := o.owned.value.Load()
	if value == 0 {
		return 0, &Error{Status: ErrBadHandle, Message: "the " + o.kind + " is closed"}
	}
	return value, nil
}

// Close frees the object; a second time does nothing. The result is always nil.
func (o *object) Close() error {
	if o != nil && o.owned != nil {
		o.cleanup.Stop()
		o.owned.release()
	}
	return nil
}

// part is nil-safe: the object inside of a holder that may be nil.
func part[T any](holder *T, inside func(*T) *object) *object {
	if holder == nil {
		return nil
	}
	return inside(holder)
}

func (c *Cancel) handle() (int64, error) {
	return part(c, func(c *Cancel) *object { return &c.object }).handle()
}

func (c *Context) handle() (int64, error) {
	return part(c, func(c *Context) *object { return &c.object }).handle()
}

func (m *Model) handle() (int64, error) {
	return part(m, func(m *Model) *object { return &m.object }).handle()
}

func (a *Adapter) handle() (int64, error) {
	return part(a, func(a *Adapter) *object { return &a.object }).handle()
}

func (t *Tokenizer) handle() (int64, error) {
	return part(t, func(t *Tokenizer) *object { return &t.object }).handle()
}

func (d *StreamDecoder) handle() (int64, error) {
	return part(d, func(d *StreamDecoder) *object { return &d.object }).handle()
}

func (d *Dataset) handle() (int64, error) {
	return part(d, func(d *Dataset) *object { return &d.object }).handle()
}

func (t *Trainer) handle() (int64, error) {
	return part(t, func(t *Trainer) *object { return &t.object }).handle()
}

func (s *Session) handle() (int64, error) {
	return part(s, func(s *Session) *object { return &s.object }).handle()
}
