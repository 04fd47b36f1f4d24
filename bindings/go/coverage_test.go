package peft

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"libpeft.org/go/peft/internal/native"
)

// Every exported function is called by the facade; X_init by the constructor of its structure.
func TestEveryFunctionIsReached(t *testing.T) {
	list, err := os.ReadFile(filepath.Join(projectRoot(t), "tests/capi/symbols.txt"))
	need(t, err)
	files, err := filepath.Glob("*.go")
	need(t, err)
	called := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		need(t, err)
		for _, found := range regexp.MustCompile(`native\.(New)?Peft_(\w+)`).FindAllStringSubmatch(string(text), -1) {
			name := "peft_" + found[2]
			if found[1] != "" {
				name += "_init"
			}
			called[name] = true
		}
	}
	symbols := strings.Fields(string(list))
	missing := 0
	for _, symbol := range symbols {
		if !called[symbol] {
			missing++
			t.Errorf("%s is not reached", symbol)
		}
	}
	t.Logf("%d of %d exported functions are reached", len(symbols)-missing, len(symbols))
}

var structures = map[reflect.Type]any{
	reflect.TypeFor[native.Peft_device_info]():      DeviceInfo{},
	reflect.TypeFor[native.Peft_context_options]():  ContextOptions{},
	reflect.TypeFor[native.Peft_context_info]():     ContextInfo{},
	reflect.TypeFor[native.Peft_model_options]():    ModelOptions{},
	reflect.TypeFor[native.Peft_model_info]():       ModelInfo{},
	reflect.TypeFor[native.Peft_parameter_info]():   ParameterInfo{},
	reflect.TypeFor[native.Peft_module_info]():      ModuleInfo{},
	reflect.TypeFor[native.Peft_save_options]():     SaveOptions{},
	reflect.TypeFor[native.Peft_quantize_options](): QuantizeOptions{},
	reflect.TypeFor[native.Peft_lora_config]():      LoRAConfig{},
	reflect.TypeFor[native.Peft_adapter_options]():  AdapterOptions{},
	reflect.TypeFor[native.Peft_adapter_info]():     AdapterInfo{},
	reflect.TypeFor[native.Peft_merge_options]():    MergeOptions{},
	reflect.TypeFor[native.Peft_merge_result]():     MergeResult{},
	reflect.TypeFor[native.Peft_merge_tensor]():     MergeTensor{},
	reflect.TypeFor[native.Peft_tokenizer_info]():   TokenizerInfo{},
	reflect.TypeFor[native.Peft_chat_options]():     ChatOptions{},
	reflect.TypeFor[native.Peft_dataset_options]():  DatasetOptions{},
	reflect.TypeFor[native.Peft_dataset_info]():     DatasetInfo{},
	reflect.TypeFor[native.Peft_trainer_options]():  TrainerOptions{},
	reflect.TypeFor[native.Peft_step_result]():      Event{},
	reflect.TypeFor[native.Peft_trainer_info]():     TrainerInfo{},
	reflect.TypeFor[native.Peft_evaluate_options](): EvaluateOptions{},
	reflect.TypeFor[native.Peft_evaluate_result]():  Evaluation{},
	reflect.TypeFor[native.Peft_session_options]():  SessionOptions{},
	reflect.TypeFor[native.Peft_prefill_options]():  PrefillOptions{},
	reflect.TypeFor[native.Peft_sampling_options](): SamplingOptions{},
	reflect.TypeFor[native.Peft_piece]():            Piece{},
	reflect.TypeFor[native.Peft_session_info]():     SessionInfo{},
	reflect.TypeFor[native.Peft_score_options]():    ScoreOptions{},
	reflect.TypeFor[native.Peft_score_result]():     ScoreResult{},
	reflect.TypeFor[native.Peft_estimate_options](): EstimateOptions{},
	reflect.TypeFor[native.Peft_estimate_result]():  Estimate{},
}

// Every field of C's structures has one in Go; cancel tokens come with the context.
func TestEveryFieldIsThere(t *testing.T) {
	other := map[string]string{"dimensions": "shape", "stopjson": "stop"}
	for source, target := range structures {
		fields := map[string]bool{"cancel": true}
		for _, field := range reflect.VisibleFields(reflect.TypeOf(target)) {
			fields[strings.ToLower(field.Name)] = true
		}
		for i := range source.NumMethod() {
			name, isGetter := strings.CutPrefix(source.Method(i).Name, "Get")
			name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
			if other[name] != "" {
				name = other[name]
			}
			if isGetter && !fields[name] {
				t.Errorf("%T has no %s of %s", target, name, source)
			}
		}
	}
}

// Options hold what the library's own initialisation gives.
func TestDefaultsAreTheLibrarys(t *testing.T) {
	lora, trainer, sampling := NewLoRAConfig(), NewTrainerOptions(), NewSamplingOptions()
	if lora.R != 16 || lora.LoRAAlpha != 32 || lora.TargetModules != "all-linear" || lora.Seed != 42 {
		t.Error(lora)
	}
	if trainer.BatchSize != 2 || trainer.LearningRate != 2e-4 || trainer.Schedule != ScheduleCosine || !trainer.KeepBest {
		t.Error(trainer)
	}
	if sampling.MaxNewTokens != 256 || sampling.TopP != 1 || sampling.Temperature != 0 {
		t.Error(sampling)
	}
	if merge := NewMergeOptions(); merge.MinimumRetained != 0.99 {
		t.Error(merge)
	}
}
