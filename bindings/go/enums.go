package peft

import "strconv"

// DType: element types of tensors. Block layouts are storage only; arithmetic is in float32 unless asked
// otherwise.
type DType int32

const (
	// As the file has it, or as the model holds it.
	DTypeAsStored DType = 0
	DTypeFloat32  DType = 1
	DTypeFloat16  DType = 2
	DTypeBFloat16 DType = 3
	DTypeInt32    DType = 4
	DTypeInt64    DType = 5
	DTypeUint8    DType = 6
	// Bitsandbytes' NormalFloat4, one float32 maximum a block.
	DTypeNF4 DType = 7
	// The same with the maxima quantized to 8 bits.
	DTypeNF4Double DType = 8
	// GGUF block types from here on.
	DTypeQ40 DType = 9
	DTypeQ41 DType = 10
	DTypeQ50 DType = 11
	DTypeQ51 DType = 12
	DTypeQ80 DType = 13
	DTypeQ2K DType = 14
	DTypeQ3K DType = 15
	DTypeQ4K DType = 16
	DTypeQ5K DType = 17
	DTypeQ6K DType = 18
)

func (v DType) String() string {
	return named(int(v), "as_stored", "float32", "float16", "bfloat16", "int32", "int64", "uint8", "nf4", "nf4_double",
		"q4_0", "q4_1",
		"q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k")
}

// Placement: which memory holds what a GPU touches seldom. Host memory is pinned, and read and written by the
// GPU over the bus; it is ErrUnsupported on the CPU, whose memory is the host's.
type Placement int32

const (
	PlacementDevice Placement = 0
	PlacementHost   Placement = 1
	// The host's where the memory estimate does not fit the device otherwise.
	PlacementAuto Placement = 2
)

func (v Placement) String() string {
	return named(int(v), "device", "host", "auto")
}

// Choice: a choice that the library makes unless told.
type Choice int32

const (
	ChoiceNo   Choice = 0
	ChoiceYes  Choice = 1
	ChoiceAuto Choice = 2
)

func (v Choice) String() string {
	return named(int(v), "no", "yes", "auto")
}

// FileFormat: file formats for saving.
type FileFormat int32

const (
	// GGUF where the path ends in ".gguf", else a safetensors folder.
	FileFormatAuto        FileFormat = 0
	FileFormatSafetensors FileFormat = 1
	FileFormatGguf        FileFormat = 2
)

func (v FileFormat) String() string {
	return named(int(v), "auto", "safetensors", "gguf")
}

// DataFormat: shapes of rows in files and text.
type DataFormat int32

const (
	// Found by the file's name and first row, and reported.
	DataFormatAuto DataFormat = 0
	// JSONL, {"messages": [...]} or {"conversations": [...]}.
	DataFormatChat DataFormat = 1
	// JSONL, {"instruction", "input"?, "output"}.
	DataFormatInstruction DataFormat = 2
	// JSONL, {"prompt", "completion"}.
	DataFormatPromptCompletion DataFormat = 3
	// JSONL, {"text"}.
	DataFormatText DataFormat = 4
	// Plain text, cut into rows of MaxSeqLen tokens.
	DataFormatPlain DataFormat = 5
	// JSONL, {"token_ids", "labels"?}; needs no tokenizer.
	DataFormatTokens DataFormat = 6
)

func (v DataFormat) String() string {
	return named(int(v), "auto", "chat", "instruction", "prompt_completion", "text", "plain", "tokens")
}

// LabelKind: what the labels of a row mean.
type LabelKind int32

const (
	// No labels given: each token predicts the next one.
	LabelKindNextToken LabelKind = 0
	// Labels[i] is ids[i], or LabelIgnored: no loss on predicting it.
	LabelKindTokens LabelKind = 1
	// Labels[0] is the class of the row (classification models).
	LabelKindClass LabelKind = 2
	// Labels[0], labels[1]: first and last token of the answer (question answering).
	LabelKindSpan LabelKind = 3
	// Values[0] is the number to predict (regression).
	LabelKindValue LabelKind = 4
)

func (v LabelKind) String() string {
	return named(int(v), "next_token", "tokens", "class", "span", "value")
}

// RowPart: columns of a row.
type RowPart int32

const (
	RowPartIDs RowPart = 0
	// As many as ids for token labels, LabelIgnored where there is no loss.
	RowPartLabels RowPart = 1
	// None if the row has none.
	RowPartTypeIDs RowPart = 2
	// None if the row has none.
	RowPartDecoderIDs RowPart = 3
)

func (v RowPart) String() string {
	return named(int(v), "ids", "labels", "type_ids", "decoder_ids")
}

// TargetKind: how TargetModules is read, after Hugging Face PEFT.
type TargetKind int32

const (
	// "all-linear": that; else a list.
	TargetKindAuto TargetKind = 0
	// Comma list; each a whole module name or its end after a dot.
	TargetKindList TargetKind = 1
	// One pattern that matches the whole module name, as Python's re.fullmatch.
	TargetKindRegex TargetKind = 2
	// PEFT's defaults of the model family; TargetModules is not read.
	TargetKindDefaults TargetKind = 3
)

func (v TargetKind) String() string {
	return named(int(v), "auto", "list", "regex", "defaults")
}

// LoRABias: which biases train with LoRA.
type LoRABias int32

const (
	LoRABiasNone LoRABias = 0
	// Every bias of the model.
	LoRABiasAll LoRABias = 1
	// The biases of the targeted modules.
	LoRABiasLoRAOnly LoRABias = 2
)

func (v LoRABias) String() string {
	return named(int(v), "none", "all", "lora_only")
}

// LoRAInit: first values of LoRA's factors, after PEFT's InitLoRAWeights.
type LoRAInit int32

const (
	// True: A uniform in +-1/sqrt(InFeatures), B zero.
	LoRAInitDefault LoRAInit = 0
	// "gaussian": A normal with deviation 1/r, B zero.
	LoRAInitGaussian LoRAInit = 1
	// False: A and B random, the adapter changes the model from the start.
	LoRAInitNone LoRAInit = 2
)

func (v LoRAInit) String() string {
	return named(int(v), "default", "gaussian", "none")
}

// Schedule: how the learning rate goes after the warm-up. Warm-up rises linearly from 0, so that its first
// step is at 0, as Transformers has it.
type Schedule int32

const (
	// As Transformers' constant_with_warmup; its plain "constant" has no warm-up: set WarmupRatio and
	// WarmupSteps to 0 for that.
	ScheduleConstant Schedule = 0
	// Down to 0 at the last step.
	ScheduleLinear Schedule = 1
	// Half a cosine down to 0 at the last step.
	ScheduleCosine Schedule = 2
)

func (v Schedule) String() string {
	return named(int(v), "constant", "linear", "cosine")
}

// ActivationPolicy: what a step keeps of its forward pass for the gradients.
type ActivationPolicy int32

const (
	// All that they need.
	ActivationPolicyKeep ActivationPolicy = 0
	// The inputs of layers; the layers are run again: about a third more time.
	ActivationPolicyCheckpoint ActivationPolicy = 1
	// Those, in pinned host memory, copied beside the computation; bit for bit the same as
	// ActivationPolicyCheckpoint. ErrUnsupported on the CPU, whose memory is the host's.
	ActivationPolicyOffload ActivationPolicy = 2
	// The first of these whose estimate fits what the device has free when the trainer is made; needs a data
	// set.
	ActivationPolicyAuto ActivationPolicy = 3
)

func (v ActivationPolicy) String() string {
	return named(int(v), "keep", "checkpoint", "offload", "auto")
}

// EventKind: what happened.
type EventKind int32

const (
	// A step was made, or skipped.
	EventKindStep EventKind = 0
	// The EvalDataset was evaluated.
	EventKindEvaluation EventKind = 1
	// Output_dir/checkpoint-<step> is complete.
	EventKindCheckpoint EventKind = 2
	// Training is over; KeepBest has been done.
	EventKindEnd EventKind = 3
)

func (v EventKind) String() string {
	return named(int(v), "step", "evaluation", "checkpoint", "end")
}

// Activations: how activations enter products of up to 8 rows with GGUF's quantized blocks. Other products
// are exact.
type Activations int32

const (
	// As they are.
	ActivationsExact Activations = 0
	// Rounded to 8 bits in blocks of 32, as llama.cpp does: faster, not exact.
	ActivationsInt8 Activations = 1
)

func (v Activations) String() string {
	return named(int(v), "exact", "int8")
}

// FinishReason: why a generation ended.
type FinishReason int32

const (
	// It goes on.
	FinishReasonNone FinishReason = 0
	// The model ended the sequence.
	FinishReasonEOS FinishReason = 1
	// A stop string was made.
	FinishReasonStop FinishReason = 2
	// Max_new_tokens were made.
	FinishReasonLength FinishReason = 3
	// The session is full.
	FinishReasonContext FinishReason = 4
)

func (v FinishReason) String() string {
	return named(int(v), "none", "eos", "stop", "length", "context")
}

// Job: jobs that can be estimated.
type Job int32

const (
	JobTrain    Job = 0
	JobGenerate Job = 1
)

func (v Job) String() string {
	return named(int(v), "train", "generate")
}

// LogLevel: how much is logged; each level includes the ones below it.
type LogLevel int32

const (
	LogLevelOff     LogLevel = 0
	LogLevelError   LogLevel = 1
	LogLevelWarning LogLevel = 2
	LogLevelInfo    LogLevel = 3
	LogLevelDebug   LogLevel = 4
)

func (v LogLevel) String() string {
	return named(int(v), "off", "error", "warning", "info", "debug")
}

// named gives a value's name by its place in the list.
func named(value int, names ...string) string {
	if value >= 0 && value < len(names) {
		return names[value]
	}
	return strconv.Itoa(value)
}
