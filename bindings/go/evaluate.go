package peft

import (
	"context"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Evaluate evaluates a model on a data set, with the adapters of the options or without.
func (m *Model) Evaluate(ctx context.Context, dataset *Dataset, options *EvaluateOptions) (Evaluation, error) {
	defer runtime.KeepAlive(m)
	defer runtime.KeepAlive(dataset)
	defer runtime.KeepAlive(options)
	model, err := m.handle()
	if err != nil {
		return Evaluation{}, err
	}
	rows, err := dataset.handle()
	if err != nil {
		return Evaluation{}, err
	}
	n, err := options.native()
	if err != nil {
		return Evaluation{}, err
	}
	defer native.DeletePeft_evaluate_options(n)
	result := native.NewPeft_evaluate_result()
	defer native.DeletePeft_evaluate_result(result)
	_, err = cancellable(ctx, func(token int64) int64 {
		n.SetCancel(token)
		return native.Peft_evaluate(model, rows, n, result)
	})
	if err != nil {
		return Evaluation{}, err
	}
	return evaluationOf(result), nil
}
