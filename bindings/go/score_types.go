package peft

import "libpeft.org/go/peft/internal/native"

// ScoreOptions: how to score. Made by NewScoreOptions, which fills in the defaults.
type ScoreOptions struct {
	made bool
	// Active ones.
	Adapters []*Adapter
	// DTypeFloat32 (default: exact) or _BFLOAT16.
	ComputeDType DType
	// Default ActivationsExact. INT8 scores as a session decodes, 8 tokens a pass: slower than exact.
	Activations Activations
	// Peft_logits: first token to give a row for; default 0.
	FirstPosition int64
	// Peft_logits: rows; default 0 = up to the last token.
	PositionCount int64
}

// NewScoreOptions gives the defaults.
func NewScoreOptions() *ScoreOptions {
	n := native.NewPeft_score_options()
	defer native.DeletePeft_score_options(n)
	return &ScoreOptions{
		made:          true,
		ComputeDType:  DType(n.GetCompute_dtype()),
		Activations:   Activations(n.GetActivations()),
		FirstPosition: n.GetFirst_position(),
		PositionCount: n.GetPosition_count(),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *ScoreOptions) native() (native.Peft_score_options, error) {
	n := native.NewPeft_score_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("ScoreOptions", o.made)
	for _, adapter := range o.Adapters {
		n.Add_adapter(check.handle(adapter.handle()))
	}
	n.SetCompute_dtype(native.Peft_dtype(o.ComputeDType))
	n.SetActivations(native.Peft_activations(o.Activations))
	n.SetFirst_position(o.FirstPosition)
	n.SetPosition_count(o.PositionCount)
	if check.failed != nil {
		native.DeletePeft_score_options(n)
		return nil, check.failed
	}
	return n, nil
}

// ScoreResult: outcome of a score.
type ScoreResult struct {
	// Tokens of the row, the first included.
	Count int64
	// Negative log-likelihood of all tokens after the first, natural logarithm, summed.
	NLL float64
}

func scoreResultOf(n native.Peft_score_result) ScoreResult {
	return ScoreResult{
		Count: n.GetCount(),
		NLL:   n.GetNll(),
	}
}
