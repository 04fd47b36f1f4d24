package peft

import "libpeft.org/go/peft/internal/native"

// EvaluateOptions: how to evaluate. Made by NewEvaluateOptions, which fills in the defaults.
type EvaluateOptions struct {
	made bool
	// Rows at a time; default 2.
	BatchSize int
	// Active ones; default nil = the base model.
	Adapters []*Adapter
	// DTypeFloat32 (default) or _BFLOAT16.
	ComputeDType DType
}

// NewEvaluateOptions gives the defaults.
func NewEvaluateOptions() *EvaluateOptions {
	n := native.NewPeft_evaluate_options()
	defer native.DeletePeft_evaluate_options(n)
	return &EvaluateOptions{
		made:         true,
		BatchSize:    n.GetBatch_size(),
		ComputeDType: DType(n.GetCompute_dtype()),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *EvaluateOptions) native() (native.Peft_evaluate_options, error) {
	n := native.NewPeft_evaluate_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("EvaluateOptions", o.made)
	n.SetBatch_size(o.BatchSize)
	for _, adapter := range o.Adapters {
		n.Add_adapter(check.handle(adapter.handle()))
	}
	n.SetCompute_dtype(native.Peft_dtype(o.ComputeDType))
	if check.failed != nil {
		native.DeletePeft_evaluate_options(n)
		return nil, check.failed
	}
	return n, nil
}

// Evaluation: outcome of an evaluation.
type Evaluation struct {
	// Nll / LossTokens.
	Loss float64
	// Exp(loss).
	Perplexity float64
	// Negative log-likelihood, natural logarithm, summed over the loss-bearing tokens.
	NLL float64
	// Share of loss-bearing tokens that are the most probable one.
	TokenAccuracy   float64
	Rows            int64
	Tokens          int64
	LossTokens      int64
	Seconds         float64
	TokensPerSecond float64
}

func evaluationOf(n native.Peft_evaluate_result) Evaluation {
	return Evaluation{
		Loss:            n.GetLoss(),
		Perplexity:      n.GetPerplexity(),
		NLL:             n.GetNll(),
		TokenAccuracy:   n.GetToken_accuracy(),
		Rows:            n.GetRows(),
		Tokens:          n.GetTokens(),
		LossTokens:      n.GetLoss_tokens(),
		Seconds:         n.GetSeconds(),
		TokensPerSecond: n.GetTokens_per_second(),
	}
}
