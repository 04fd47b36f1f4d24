package peft

import (
	"context"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Prefill appends tokens and begins a new generation.
func (s *Session) Prefill(ctx context.Context, ids []int32, options *PrefillOptions) error {
	return s.prefill(ctx, options, func(session int64, n native.Peft_prefill_options) int64 {
		return native.Peft_session_prefill(session, ids, n)
	})
}

// PrefillText encodes text, appends it and begins a new generation.
func (s *Session) PrefillText(ctx context.Context, text string, options *PrefillOptions) error {
	return s.prefill(ctx, options, func(session int64, n native.Peft_prefill_options) int64 {
		return native.Peft_session_prefill_text(session, text, n)
	})
}

// PrefillChat renders a whole conversation, keeping what the session already holds of it.
func (s *Session) PrefillChat(ctx context.Context, messages []Message, options *PrefillOptions) error {
	json, err := jsonOf(messages)
	if err != nil {
		return err
	}
	return s.PrefillChatJSON(ctx, json, options)
}

// PrefillChatJSON is PrefillChat for messages with more than role and content, as a JSON array.
func (s *Session) PrefillChatJSON(ctx context.Context, messages string, options *PrefillOptions) error {
	return s.prefill(ctx, options, func(session int64, n native.Peft_prefill_options) int64 {
		return native.Peft_session_prefill_chat(session, messages, n)
	})
}

func (s *Session) prefill(ctx context.Context, options *PrefillOptions,
	call func(session int64, n native.Peft_prefill_options) int64) error {
	defer runtime.KeepAlive(s)
	handle, err := s.handle()
	if err != nil {
		return err
	}
	n, err := options.native()
	if err != nil {
		return err
	}
	defer native.DeletePeft_prefill_options(n)
	_, err = cancellable(ctx, func(token int64) int64 {
		n.SetCancel(token)
		return call(handle, n)
	})
	return err
}

// Info reads where the session stands.
func (s *Session) Info() (SessionInfo, error) {
	defer runtime.KeepAlive(s)
	handle, err := s.handle()
	if err != nil {
		return SessionInfo{}, err
	}
	n := native.NewPeft_session_info()
	defer native.DeletePeft_session_info(n)
	if err := fails(native.Peft_session_get_info(handle, n)); err != nil {
		return SessionInfo{}, err
	}
	return sessionInfoOf(n), nil
}

// Fork makes a second session with the same tokens, sampling and adapters; the cache is shared until one
// changes it. One signal of a cancelled context stops the Next of both.
func (s *Session) Fork() (*Session, error) {
	defer runtime.KeepAlive(s)
	handle, err := s.handle()
	if err != nil {
		return nil, err
	}
	made := make([]int64, 1)
	if err := fails(native.Peft_session_fork(handle, made)); err != nil {
		return nil, err
	}
	fork := &Session{hasText: s.hasText, vocabulary: s.vocabulary, sampling: s.sampling, token: s.token}
	return fork.own(made[0]), nil
}

// Rewind drops the tokens from a position on.
func (s *Session) Rewind(position int64) error {
	defer runtime.KeepAlive(s)
	handle, err := s.handle()
	if err != nil {
		return err
	}
	return fails(native.Peft_session_rewind(handle, position))
}

// Tokens copies the tokens of the session, prompt and new ones.
func (s *Session) Tokens() ([]int32, error) {
	defer runtime.KeepAlive(s)
	handle, err := s.handle()
	if err != nil {
		return nil, err
	}
	return integers(func(buffer native.PeftBuffer) int64 {
		return native.Peft_session_tokens(handle, buffer.Swigcptr())
	})
}

// Logits copies the logits for the token that comes next.
func (s *Session) Logits() ([]float32, error) {
	defer runtime.KeepAlive(s)
	handle, err := s.handle()
	if err != nil {
		return nil, err
	}
	values := make([]float32, s.vocabulary)
	if err := fails(native.Peft_session_logits(handle, values)); err != nil {
		return nil, err
	}
	return values, nil
}
