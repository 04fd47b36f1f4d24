package peft

import (
	"context"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Score is the negative log-likelihood of a row of tokens.
func (m *Model) Score(ctx context.Context, ids []int32, options *ScoreOptions) (ScoreResult, error) {
	return m.score(ctx, ids, options, nil)
}

// ScoreTokens also gives the log-probability of each token after the first.
func (m *Model) ScoreTokens(ctx context.Context, ids []int32, options *ScoreOptions) (ScoreResult, []float32, error) {
	values := make([]float32, max(len(ids), 1)-1)
	result, err := m.score(ctx, ids, options, values)
	return result, values, err
}

func (m *Model) score(ctx context.Context, ids []int32, options *ScoreOptions, values []float32) (ScoreResult, error) {
	result := native.NewPeft_score_result()
	defer native.DeletePeft_score_result(result)
	err := m.scoring(ctx, options, func(model int64, n native.Peft_score_options) int64 {
		return native.Peft_score(model, ids, n, result, values)
	})
	if err != nil {
		return ScoreResult{}, err
	}
	return scoreResultOf(result), nil
}

// Logits gives a row of logits for each position that the options ask for, of what follows the tokens up to
// it.
func (m *Model) Logits(ctx context.Context, ids []int32, options *ScoreOptions) ([][]float32, error) {
	info, err := m.Info()
	if err != nil {
		return nil, err
	}
	count := int64(len(ids))
	if options != nil {
		count = max(count-options.FirstPosition, 0)
		if options.PositionCount > 0 {
			count = min(count, options.PositionCount)
		}
	}
	values := make([]float32, count*info.VocabularySize)
	err = m.scoring(ctx, options, func(model int64, n native.Peft_score_options) int64 {
		return native.Peft_logits(model, ids, n, values)
	})
	if err != nil {
		return nil, err
	}
	rows := make([][]float32, count)
	for i := range rows {
		rows[i] = values[int64(i)*info.VocabularySize : int64(i+1)*info.VocabularySize]
	}
	return rows, nil
}

func (m *Model) scoring(ctx context.Context, options *ScoreOptions,
	call func(model int64, n native.Peft_score_options) int64) error {
	defer runtime.KeepAlive(m)
	defer runtime.KeepAlive(options)
	model, err := m.handle()
	if err != nil {
		return err
	}
	n, err := options.native()
	if err != nil {
		return err
	}
	defer native.DeletePeft_score_options(n)
	_, err = cancellable(ctx, func(token int64) int64 {
		n.SetCancel(token)
		return call(model, n)
	})
	return err
}
