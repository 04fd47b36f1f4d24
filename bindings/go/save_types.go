package peft

import "libpeft.org/go/peft/internal/native"

// SaveOptions: how to save a model or an adapter. Made by NewSaveOptions, which fills in the defaults.
type SaveOptions struct {
	made bool
	// Default FileFormatAuto.
	Format FileFormat
	// DTypeAsStored (default), _FLOAT32, _FLOAT16, _BFLOAT16; _Q8_0 in GGUF.
	DType DType
	// Models: 1 leaves tokenizer and chat template out; default 0.
	WithoutTokenizer bool
	// Models: size of one shard; default 0 = 5 GB, as Transformers has it.
	MaxFileBytes int64
	// Adapters: what base_model_name_or_path shall say; default none = the path or name that the model was
	// loaded from.
	BaseModelName string
}

// NewSaveOptions gives the defaults.
func NewSaveOptions() *SaveOptions {
	n := native.NewPeft_save_options()
	defer native.DeletePeft_save_options(n)
	return &SaveOptions{
		made:             true,
		Format:           FileFormat(n.GetFormat()),
		DType:            DType(n.GetDtype()),
		WithoutTokenizer: n.GetWithout_tokenizer() != 0,
		MaxFileBytes:     n.GetMax_file_bytes(),
		BaseModelName:    n.GetBase_model_name(),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *SaveOptions) native() (native.Peft_save_options, error) {
	n := native.NewPeft_save_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("SaveOptions", o.made)
	n.SetFormat(native.Peft_file_format(o.Format))
	n.SetDtype(native.Peft_dtype(o.DType))
	n.SetWithout_tokenizer(number(o.WithoutTokenizer))
	n.SetMax_file_bytes(o.MaxFileBytes)
	if o.BaseModelName != "" {
		n.SetBase_model_name(check.name(o.BaseModelName))
	}
	if check.failed != nil {
		native.DeletePeft_save_options(n)
		return nil, check.failed
	}
	return n, nil
}

// QuantizeOptions: how to quantize a model to NF4. Made by NewQuantizeOptions, which fills in the defaults.
type QuantizeOptions struct {
	made bool
	// Weights per maximum: 64 (default, as bitsandbytes); this version has no other.
	BlockSize int
	// 1 (default, as QLoRA): the maxima are quantized to 8 bits in blocks of 256.
	DoubleQuantize bool
	// Module names or suffixes that stay as they are; default nil = the output head, as bitsandbytes'
	// integration in Transformers. Empty = none.
	SkipModules []string
}

// NewQuantizeOptions gives the defaults.
func NewQuantizeOptions() *QuantizeOptions {
	n := native.NewPeft_quantize_options()
	defer native.DeletePeft_quantize_options(n)
	return &QuantizeOptions{
		made:           true,
		BlockSize:      n.GetBlock_size(),
		DoubleQuantize: n.GetDouble_quantize() != 0,
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *QuantizeOptions) native() (native.Peft_quantize_options, error) {
	n := native.NewPeft_quantize_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("QuantizeOptions", o.made)
	n.SetBlock_size(o.BlockSize)
	n.SetDouble_quantize(number(o.DoubleQuantize))
	if o.SkipModules != nil {
		n.SetSkip_modules(check.list(o.SkipModules))
	}
	if check.failed != nil {
		native.DeletePeft_quantize_options(n)
		return nil, check.failed
	}
	return n, nil
}
