package peft

import (
	"context"
	"iter"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Merge folds an adapter into the base weights and tells how much of the update survived, also with
// ErrRefused.
func (m *Model) Merge(ctx context.Context, adapter *Adapter, options *MergeOptions) (MergeResult, error) {
	defer runtime.KeepAlive(m)
	defer runtime.KeepAlive(adapter)
	model, err := m.handle()
	if err != nil {
		return MergeResult{}, err
	}
	merged, err := adapter.handle()
	if err != nil {
		return MergeResult{}, err
	}
	n, err := options.native()
	if err != nil {
		return MergeResult{}, err
	}
	defer native.DeletePeft_merge_options(n)
	result := native.NewPeft_merge_result()
	defer native.DeletePeft_merge_result(result)
	_, err = cancellable(ctx, func(token int64) int64 {
		n.SetCancel(token)
		return native.Peft_merge(model, merged, n, result)
	})
	return mergeResultOf(result), err
}

// MergedTensor is one row of the report of a merge.
type MergedTensor struct {
	Name string
	MergeTensor
}

// MergeTensorAt reads one row of the report of the last merge; ErrNotFound past the end.
func (m *Model) MergeTensorAt(index int64) (MergedTensor, error) {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return MergedTensor{}, err
	}
	n := native.NewPeft_merge_tensor()
	defer native.DeletePeft_merge_tensor(n)
	name, _, err := text(func(buffer native.PeftBuffer) int64 {
		return native.Peft_merge_tensor_at(handle, index, n, buffer.Swigcptr())
	})
	if err != nil {
		return MergedTensor{}, err
	}
	return MergedTensor{name, mergeTensorOf(n)}, nil
}

// MergeReport reads the report of the last merge, dry or refused ones too.
func (m *Model) MergeReport() iter.Seq2[MergedTensor, error] {
	return func(yield func(MergedTensor, error) bool) {
		info, err := m.Info()
		if err != nil {
			yield(MergedTensor{}, err)
			return
		}
		counted(info.MergeTensorCount, m.MergeTensorAt)(yield)
	}
}

// Unmerge puts the originals back, bit for bit.
func (m *Model) Unmerge() error {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return err
	}
	return fails(native.Peft_unmerge(handle))
}

// DiscardOriginals makes all merges final.
func (m *Model) DiscardOriginals() error {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return err
	}
	return fails(native.Peft_merge_discard(handle))
}
