package peft

import "libpeft.org/go/peft/internal/native"

// MergeOptions: how to merge. Made by NewMergeOptions, which fills in the defaults.
type MergeOptions struct {
	made bool
	// Refuse if a tensor would keep less of its update than this share; default 0.99.
	MinimumRetained float64
	// 1: merge all the same, the report tells what was lost; default 0.
	Force bool
	// 1: only make the report and change nothing; default 0.
	DryRun bool
	// 1: do not keep what Model.Unmerge needs; default 0.
	DiscardOriginals bool
	// Type that the merged model will be saved as: the report counts its rounding too, the model in memory
	// does not have it. Default DTypeAsStored = as in memory; _FLOAT32, _FLOAT16, _BFLOAT16, _Q8_0.
	SaveDType DType
}

// NewMergeOptions gives the defaults.
func NewMergeOptions() *MergeOptions {
	n := native.NewPeft_merge_options()
	defer native.DeletePeft_merge_options(n)
	return &MergeOptions{
		made:             true,
		MinimumRetained:  n.GetMinimum_retained(),
		Force:            n.GetForce() != 0,
		DryRun:           n.GetDry_run() != 0,
		DiscardOriginals: n.GetDiscard_originals() != 0,
		SaveDType:        DType(n.GetSave_dtype()),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *MergeOptions) native() (native.Peft_merge_options, error) {
	n := native.NewPeft_merge_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("MergeOptions", o.made)
	n.SetMinimum_retained(o.MinimumRetained)
	n.SetForce(number(o.Force))
	n.SetDry_run(number(o.DryRun))
	n.SetDiscard_originals(number(o.DiscardOriginals))
	n.SetSave_dtype(native.Peft_dtype(o.SaveDType))
	if check.failed != nil {
		native.DeletePeft_merge_options(n)
		return nil, check.failed
	}
	return n, nil
}

// MergeResult: outcome of a merge. The share of an update dW that survived is <dW effective, dW> / |dW|^2.
type MergeResult struct {
	// 1: the weights were changed.
	Merged bool
	// Tensors that the adapter changes.
	TensorCount int64
	// Of which below MinimumRetained.
	BelowMinimum int64
	// Smallest share over the tensors.
	MinimumRetained float64
	// Mean share over the tensors.
	MeanRetained float64
	// Memory of the originals that are kept.
	OriginalBytes int64
}

func mergeResultOf(n native.Peft_merge_result) MergeResult {
	return MergeResult{
		Merged:          n.GetMerged() != 0,
		TensorCount:     n.GetTensor_count(),
		BelowMinimum:    n.GetBelow_minimum(),
		MinimumRetained: n.GetMinimum_retained(),
		MeanRetained:    n.GetMean_retained(),
		OriginalBytes:   n.GetOriginal_bytes(),
	}
}

// MergeTensor: one tensor in the report of a merge.
type MergeTensor struct {
	// Type that the update was rounded to.
	DType DType
	// Share of the update that survived; 1 = all.
	Retained float64
	// |dW|, Frobenius.
	UpdateNorm float64
	// |W| before, Frobenius.
	WeightNorm float64
}

func mergeTensorOf(n native.Peft_merge_tensor) MergeTensor {
	return MergeTensor{
		DType:      DType(n.GetDtype()),
		Retained:   n.GetRetained(),
		UpdateNorm: n.GetUpdate_norm(),
		WeightNorm: n.GetWeight_norm(),
	}
}
