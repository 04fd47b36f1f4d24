package peft

import (
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"strings"

	"libpeft.org/go/peft/internal/native"
)

// Session is a sequence of tokens that grows; any number of them run at once on one model.
type Session struct {
	object
	hasText    bool
	vocabulary int64
	sampling   *SamplingOptions
	// Stops Next; the library knows it since the sampling was set. A signalled one is replaced.
	token *Cancel
	spent bool
}

func (s *Session) own(handle int64) *Session {
	return own(s, &s.object, "session", handle, native.Peft_session_free)
}

// NewSession makes an empty session; nil for the base model alone.
func (m *Model) NewSession(options *SessionOptions) (*Session, error) {
	defer runtime.KeepAlive(m)
	defer runtime.KeepAlive(options)
	handle, err := m.handle()
	if err != nil {
		return nil, err
	}
	info, err := m.Info()
	if err != nil {
		return nil, err
	}
	n, err := options.native()
	if err != nil {
		return nil, err
	}
	defer native.DeletePeft_session_options(n)
	made := make([]int64, 1)
	if err := fails(native.Peft_session_create(handle, n, made)); err != nil {
		return nil, err
	}
	s := (&Session{hasText: info.HasTokenizer, vocabulary: info.VocabularySize}).own(made[0])
	if err := s.SetSampling(nil); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// SetSampling sets how tokens are chosen from now on and begins a new generation; nil for greedy, 256 new
// tokens.
func (s *Session) SetSampling(options *SamplingOptions) error {
	defer runtime.KeepAlive(s)
	handle, err := s.handle()
	if err != nil {
		return err
	}
	n, err := options.native()
	if err != nil {
		return err
	}
	defer native.DeletePeft_sampling_options(n)
	token, err := newCancel()
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(token)
	value, _ := token.handle()
	n.SetCancel(value)
	if err := fails(native.Peft_session_set_sampling(handle, n)); err != nil {
		token.Close()
		return err
	}
	if options != nil {
		copied := *options
		options = &copied
	}
	s.sampling, s.token, s.spent = options, token, false
	return nil
}

// Made is a piece of a generation with its text: whole code points, perhaps none.
type Made struct {
	Piece
	Text string
}

// Next makes one token; io.EOF when the generation is over, and Info tells why. After a cancel the session
// is as before the call, and the next one begins a new generation there.
func (s *Session) Next(ctx context.Context) (Made, error) {
	w, err := s.watching(ctx)
	if err != nil {
		return Made{}, err
	}
	defer s.finish(w)
	return s.next(w)
}

// watching has the context signal the session's own token.
func (s *Session) watching(ctx context.Context) (*watch, error) {
	w := &watch{ctx: ctx}
	if ctx != nil && ctx.Err() != nil {
		return nil, w.cancelled(&Error{Status: ErrCancelled})
	}
	if s.spent {
		if err := s.SetSampling(s.sampling); err != nil {
			return nil, err
		}
	}
	if ctx != nil && ctx.Done() != nil && s.token != nil {
		w.signalling(s.token)
	}
	return w, nil
}

func (s *Session) finish(w *watch) {
	w.done()
	s.spent = s.spent || w.signalled
}

func (s *Session) next(w *watch) (Made, error) {
	defer runtime.KeepAlive(s)
	handle, err := s.handle()
	if err != nil {
		return Made{}, err
	}
	piece := native.NewPeft_piece()
	defer native.DeletePeft_piece(piece)
	var made string
	var status Status
	if s.hasText {
		made, status, err = text(func(buffer native.PeftBuffer) int64 {
			return native.Peft_session_next(handle, piece, buffer.Swigcptr())
		})
	} else {
		status, err = outcome(native.Peft_session_next(handle, piece, 0))
	}
	if err != nil {
		s.spent = errors.Is(err, ErrCancelled)
		return Made{}, w.cancelled(err)
	}
	if status == StatusEnd {
		err = io.EOF
	}
	return Made{pieceOf(piece), made}, err
}

// Pieces makes tokens until the generation is over.
func (s *Session) Pieces(ctx context.Context) iter.Seq2[Made, error] {
	return func(yield func(Made, error) bool) {
		w, err := s.watching(ctx)
		if err != nil {
			yield(Made{}, err)
			return
		}
		defer s.finish(w)
		for {
			if ctx != nil && ctx.Err() != nil { // the token's signal may still be on its way
				yield(Made{}, w.cancelled(&Error{Status: ErrCancelled}))
				return
			}
			made, err := s.next(w)
			if err == io.EOF || !yield(made, err) || err != nil {
				return
			}
		}
	}
}

// Generate makes the whole text until the generation is over.
func (s *Session) Generate(ctx context.Context) (string, error) {
	var all strings.Builder
	for made, err := range s.Pieces(ctx) {
		if err != nil {
			return all.String(), err
		}
		all.WriteString(made.Text)
	}
	return all.String(), nil
}
