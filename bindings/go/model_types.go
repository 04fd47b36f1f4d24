package peft

import "libpeft.org/go/peft/internal/native"

// ModelOptions: how to load a model. Made by NewModelOptions, which fills in the defaults.
type ModelOptions struct {
	made bool
	// DTypeAsStored (default: nothing is lost or grown), _FLOAT32 or _BFLOAT16. Quantized blocks stay
	// as stored unless a plain type is asked for.
	DType DType
	// "cpu" (default), "cuda:0" and so on, or "auto": the first GPU where there is one, else the CPU. No
	// silent fallback otherwise.
	Device string
	// 1: do not look for a tokenizer; default 0.
	WithoutTokenizer bool
	// 1: files may be symbolic links that lead out of the folder, as in Hugging Face's cache; default 0.
	FollowLinks bool
	// Of the token embedding, of which a step reads a few rows; default PlacementDevice; PlacementAuto is not
	// offered. PlacementHost is ErrUnsupported where the head is the embedding (ModelInfo.TiedHead).
	EmbeddingPlacement Placement
	// Linear layers become NF4 as they are read, with the bits of Model.QuantizeNF4: one at a time is held as
	// stored, so that a model fits whose stored weights do not. What is NF4 already stays. Default nil =
	// nothing is quantized.
	QuantizeNF4 *QuantizeOptions
}

// NewModelOptions gives the defaults.
func NewModelOptions() *ModelOptions {
	n := native.NewPeft_model_options()
	defer native.DeletePeft_model_options(n)
	return &ModelOptions{
		made:               true,
		DType:              DType(n.GetDtype()),
		Device:             n.GetDevice(),
		WithoutTokenizer:   n.GetWithout_tokenizer() != 0,
		FollowLinks:        n.GetFollow_links() != 0,
		EmbeddingPlacement: Placement(n.GetEmbedding_placement()),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *ModelOptions) native() (native.Peft_model_options, error) {
	n := native.NewPeft_model_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("ModelOptions", o.made)
	n.SetDtype(native.Peft_dtype(o.DType))
	if o.Device != "" {
		n.SetDevice(check.name(o.Device))
	}
	n.SetWithout_tokenizer(number(o.WithoutTokenizer))
	n.SetFollow_links(number(o.FollowLinks))
	n.SetEmbedding_placement(native.Peft_placement(o.EmbeddingPlacement))
	if check.failed != nil {
		native.DeletePeft_model_options(n)
		return nil, check.failed
	}
	return n, nil
}

// quantizing puts into n what it points to; whoever asked for it calls free.
func (o *ModelOptions) quantizing(n native.Peft_model_options) (free func(), err error) {
	if o == nil || o.QuantizeNF4 == nil {
		return func() {}, nil
	}
	part, err := o.QuantizeNF4.native()
	if err != nil {
		return nil, err
	}
	n.SetQuantize_nf4(part)
	return func() { native.DeletePeft_quantize_options(part) }, nil
}

// ModelInfo: what a model is. Figures that a family does not have are 0.
type ModelInfo struct {
	// Type that holds most of the weights.
	DType DType
	// "llama", "qwen2", "qwen3", "mistral", "gpt2" ...
	Family string
	// "cpu", "cuda:0".
	Device string
	// Numbers in the base weights, a tied one counted once.
	ParameterElements int64
	// Memory of the base weights.
	WeightBytes int64
	// Memory of originals that a merge keeps for Model.Unmerge.
	OriginalBytes int64
	// Tensors; see Model.Parameters.
	ParameterCount int64
	// Modules that adapters can target; see Model.Modules.
	ModuleCount int64
	// Attached adapters; see Model.Adapters.
	AdapterCount    int64
	Layers          int64
	HiddenSize      int64
	AttentionHeads  int64
	KeyValueHeads   int64
	HeadSize        int64
	FeedForwardSize int64
	// Rows of the embedding, which may exceed the tokenizer's words.
	VocabularySize int64
	// Longest sequence that the model was made for.
	ContextLength int64
	// Tensors in the report of the last merge; see Model.MergeReport.
	MergeTensorCount int64
	// Adapters merged and not undone.
	MergedAdapters int
	// 1: the output head is the embedding.
	TiedHead        bool
	HasTokenizer    bool
	HasChatTemplate bool
	// Of WeightBytes those in pinned host memory (ModelOptions.EmbeddingPlacement).
	HostWeightBytes int64
}

func modelInfoOf(n native.Peft_model_info) ModelInfo {
	return ModelInfo{
		DType:             DType(n.GetDtype()),
		Family:            n.GetFamily(),
		Device:            n.GetDevice(),
		ParameterElements: n.GetParameter_elements(),
		WeightBytes:       n.GetWeight_bytes(),
		OriginalBytes:     n.GetOriginal_bytes(),
		ParameterCount:    n.GetParameter_count(),
		ModuleCount:       n.GetModule_count(),
		AdapterCount:      n.GetAdapter_count(),
		Layers:            n.GetLayers(),
		HiddenSize:        n.GetHidden_size(),
		AttentionHeads:    n.GetAttention_heads(),
		KeyValueHeads:     n.GetKey_value_heads(),
		HeadSize:          n.GetHead_size(),
		FeedForwardSize:   n.GetFeed_forward_size(),
		VocabularySize:    n.GetVocabulary_size(),
		ContextLength:     n.GetContext_length(),
		MergeTensorCount:  n.GetMerge_tensor_count(),
		MergedAdapters:    n.GetMerged_adapters(),
		TiedHead:          n.GetTied_head() != 0,
		HasTokenizer:      n.GetHas_tokenizer() != 0,
		HasChatTemplate:   n.GetHas_chat_template() != 0,
		HostWeightBytes:   n.GetHost_weight_bytes(),
	}
}

// ParameterInfo: one tensor of a model or an adapter.
type ParameterInfo struct {
	// As held in memory.
	DType DType
	// Outermost first; unused places are 0.
	Shape []int64
	// 1: training changes it (adapters only).
	Trainable bool
	Elements  int64
	Bytes     int64
}

func parameterInfoOf(n native.Peft_parameter_info) ParameterInfo {
	return ParameterInfo{
		DType:     DType(n.GetDtype()),
		Shape:     shapeOf(n),
		Trainable: n.GetTrainable() != 0,
		Elements:  n.GetElements(),
		Bytes:     n.GetBytes(),
	}
}

// ModuleInfo: one module that adapters can target.
type ModuleInfo struct {
	// Number of its layer, -1 outside the layers.
	Layer int
	// "linear", "conv1d" (stored transposed), "embedding", "norm".
	Kind        string
	InFeatures  int64
	OutFeatures int64
	// Type of its weight.
	DType DType
	// 1: "all-linear" leaves it out.
	IsOutputHead bool
}

func moduleInfoOf(n native.Peft_module_info) ModuleInfo {
	return ModuleInfo{
		Layer:        n.GetLayer(),
		Kind:         n.GetKind(),
		InFeatures:   n.GetIn_features(),
		OutFeatures:  n.GetOut_features(),
		DType:        DType(n.GetDtype()),
		IsOutputHead: n.GetIs_output_head() != 0,
	}
}
