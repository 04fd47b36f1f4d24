package peft

import "libpeft.org/go/peft/internal/native"

// SessionOptions: what a session is made of. Made by NewSessionOptions, which fills in the defaults.
type SessionOptions struct {
	made bool
	// Active for the life of the session, with their values of now.
	Adapters []*Adapter
	// Most tokens it can hold; default 0 = the model's own. Memory is taken as the sequence grows.
	ContextLength int64
	// DTypeFloat32 (default: exact) or _BFLOAT16.
	ComputeDType DType
	// Default ActivationsExact.
	Activations Activations
}

// NewSessionOptions gives the defaults.
func NewSessionOptions() *SessionOptions {
	n := native.NewPeft_session_options()
	defer native.DeletePeft_session_options(n)
	return &SessionOptions{
		made:          true,
		ContextLength: n.GetContext_length(),
		ComputeDType:  DType(n.GetCompute_dtype()),
		Activations:   Activations(n.GetActivations()),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *SessionOptions) native() (native.Peft_session_options, error) {
	n := native.NewPeft_session_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("SessionOptions", o.made)
	for _, adapter := range o.Adapters {
		n.Add_adapter(check.handle(adapter.handle()))
	}
	n.SetContext_length(o.ContextLength)
	n.SetCompute_dtype(native.Peft_dtype(o.ComputeDType))
	n.SetActivations(native.Peft_activations(o.Activations))
	if check.failed != nil {
		native.DeletePeft_session_options(n)
		return nil, check.failed
	}
	return n, nil
}

// PrefillOptions: how a prompt enters a session. Made by NewPrefillOptions, which fills in the defaults.
type PrefillOptions struct {
	made bool
	// Text: the tokenizer's special tokens; default auto: at position 0 only.
	AddSpecial Choice
	// Chat: 1 (default) ends with what the answer begins after.
	AddGenerationPrompt bool
	// Chat: a template instead of the tokenizer's own; default none.
	ChatTemplate string
	// Chat: JSON array of tool descriptions; default none.
	ToolsJSON string
}

// NewPrefillOptions gives the defaults.
func NewPrefillOptions() *PrefillOptions {
	n := native.NewPeft_prefill_options()
	defer native.DeletePeft_prefill_options(n)
	return &PrefillOptions{
		made:                true,
		AddSpecial:          Choice(n.GetAdd_special()),
		AddGenerationPrompt: n.GetAdd_generation_prompt() != 0,
		ChatTemplate:        n.GetChat_template(),
		ToolsJSON:           n.GetTools_json(),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *PrefillOptions) native() (native.Peft_prefill_options, error) {
	n := native.NewPeft_prefill_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("PrefillOptions", o.made)
	n.SetAdd_special(native.Peft_choice(o.AddSpecial))
	n.SetAdd_generation_prompt(number(o.AddGenerationPrompt))
	if o.ChatTemplate != "" {
		n.SetChat_template(check.name(o.ChatTemplate))
	}
	if o.ToolsJSON != "" {
		n.SetTools_json(check.name(o.ToolsJSON))
	}
	if check.failed != nil {
		native.DeletePeft_prefill_options(n)
		return nil, check.failed
	}
	return n, nil
}

// Piece: one piece of a generation.
type Piece struct {
	// The token made, the end of the sequence included; -1: rest of the text only.
	TokenID int32
	// Of the token in the session.
	Position int64
	// Natural logarithm of its probability before sampling filters.
	Logprob float64
	// NONE until the end.
	FinishReason FinishReason
}

func pieceOf(n native.Peft_piece) Piece {
	return Piece{
		TokenID:      int32(n.GetToken_id()),
		Position:     n.GetPosition(),
		Logprob:      n.GetLogprob(),
		FinishReason: FinishReason(n.GetFinish_reason()),
	}
}

// SessionInfo: where a session stands.
type SessionInfo struct {
	// Of the last generation.
	FinishReason FinishReason
	// Tokens held.
	Position int64
	// Most that it can hold.
	ContextLength int64
	// Made since the last prefill or change of the sampling.
	NewTokens int64
	// Key/value cache, a share of pages shared with forks included.
	CacheBytes int64
	// All that it holds.
	MemoryBytes int64
	// Of the last prefill.
	PrefillSeconds float64
	// Spent on NewTokens.
	DecodeSeconds float64
}

func sessionInfoOf(n native.Peft_session_info) SessionInfo {
	return SessionInfo{
		FinishReason:   FinishReason(n.GetFinish_reason()),
		Position:       n.GetPosition(),
		ContextLength:  n.GetContext_length(),
		NewTokens:      n.GetNew_tokens(),
		CacheBytes:     n.GetCache_bytes(),
		MemoryBytes:    n.GetMemory_bytes(),
		PrefillSeconds: n.GetPrefill_seconds(),
		DecodeSeconds:  n.GetDecode_seconds(),
	}
}
