package peft

import "libpeft.org/go/peft/internal/native"

// SamplingOptions: how the next token is chosen. Filters apply in this order: repetition penalty,
// temperature, top-k, top-p, min-p. Made by NewSamplingOptions, which fills in the defaults.
type SamplingOptions struct {
	made bool
	// Only the k most probable; default 0 = all.
	TopK int
	// Default 0 = greedy: always the most probable token.
	Temperature float64
	// Smallest set of the most probable with this sum; default 1 = all.
	TopP float64
	// Only those with this share of the most probable one's; default 0 = all.
	MinP float64
	// Divides (positive) or multiplies (negative) the logits of tokens in the session, as Transformers does;
	// default 1 = none.
	RepetitionPenalty float64
	// Equal seeds give equal draws; >= 0; default 0.
	Seed int64
	// Default 256; 0 = until the end or the session is full.
	MaxNewTokens int64
	// Strings that end the text and are left out of it; default nil.
	Stop []string
	// 1: the model's end of sequence does not end the generation; default 0.
	IgnoreEOS bool
	// 1: special tokens appear in the text; default 0.
	IncludeSpecial bool
}

// NewSamplingOptions gives the defaults.
func NewSamplingOptions() *SamplingOptions {
	n := native.NewPeft_sampling_options()
	defer native.DeletePeft_sampling_options(n)
	return &SamplingOptions{
		made:              true,
		TopK:              n.GetTop_k(),
		Temperature:       n.GetTemperature(),
		TopP:              n.GetTop_p(),
		MinP:              n.GetMin_p(),
		RepetitionPenalty: n.GetRepetition_penalty(),
		Seed:              n.GetSeed(),
		MaxNewTokens:      n.GetMax_new_tokens(),
		IgnoreEOS:         n.GetIgnore_eos() != 0,
		IncludeSpecial:    n.GetInclude_special() != 0,
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *SamplingOptions) native() (native.Peft_sampling_options, error) {
	n := native.NewPeft_sampling_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("SamplingOptions", o.made)
	n.SetTop_k(o.TopK)
	n.SetTemperature(o.Temperature)
	n.SetTop_p(o.TopP)
	n.SetMin_p(o.MinP)
	n.SetRepetition_penalty(o.RepetitionPenalty)
	n.SetSeed(o.Seed)
	n.SetMax_new_tokens(o.MaxNewTokens)
	if o.Stop != nil {
		n.SetStop_json(check.json(o.Stop))
	}
	n.SetIgnore_eos(number(o.IgnoreEOS))
	n.SetInclude_special(number(o.IncludeSpecial))
	if check.failed != nil {
		native.DeletePeft_sampling_options(n)
		return nil, check.failed
	}
	return n, nil
}
