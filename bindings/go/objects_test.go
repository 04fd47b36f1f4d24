package peft

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestModelTellsWhatItIs(t *testing.T) {
	c := newContext(t)
	m := tinyModel(t, c)
	info, err := m.Info()
	need(t, err)
	names, modules := 0, 0
	for parameter, err := range m.Parameters() {
		need(t, err)
		names++
		if parameter.Name == "model.norm.weight" {
			values, err := m.ReadParameter(parameter.Name)
			if err != nil || len(values) != 32 || parameter.Shape[0] != 32 || len(parameter.Shape) != 1 {
				t.Fatal(parameter, len(values), err)
			}
		}
	}
	for module, err := range m.Modules() {
		need(t, err)
		modules++
		if strings.HasSuffix(module.Name, "k_proj") && (module.InFeatures != 32 || module.OutFeatures != 16) {
			t.Fatal(module)
		}
	}
	if int64(names) != info.ParameterCount || int64(modules) != info.ModuleCount || names == 0 || modules == 0 {
		t.Fatal(names, modules)
	}
	_, err = m.ReadParameter("no.such.weight")
	needStatus(t, err, ErrNotFound)
	_, err = m.ParameterAt(int64(names))
	needStatus(t, err, ErrNotFound)
	_, err = m.Tokenizer()
	needStatus(t, err, ErrNotFound)
	for _, describe := range []func() (string, error){m.Describe,
		func() (string, error) { return c.Inspect(background, tinyPath(t)) }} {
		text, err := describe()
		need(t, err)
		if !json.Valid([]byte(text)) || !strings.Contains(text, "llama") {
			t.Fatal(text)
		}
	}
	second, err := m.Retain()
	second = closing(t, second, err)
	need(t, m.Close())
	if _, err := second.Info(); err != nil {
		t.Fatal(err)
	}
}

func TestAdapters(t *testing.T) {
	c := newContext(t)
	m := tinyModel(t, c)
	config := NewLoRAConfig()
	config.R, config.TargetModules = 4, "q_proj,v_proj"
	config.RankPattern = map[string]int{"v_proj": 2}
	config.LayersToTransform = []int{1}
	adapter, err := m.AttachLoRA("first", config)
	adapter = closing(t, adapter, err)
	info, err := adapter.Info()
	if err != nil || info.ModuleCount != 2 || info.R != 4 {
		t.Fatal(info, err)
	}
	for parameter, err := range adapter.Parameters() {
		need(t, err)
		values, err := adapter.ReadParameter(parameter.Name)
		if err != nil || int64(len(values)) != parameter.Elements {
			t.Fatal(parameter, err)
		}
	}
	text, err := adapter.Config()
	if err != nil || !strings.Contains(text, `"v_proj"`) {
		t.Fatal(text, err)
	}
	other, err := m.Attach(background, "second", `{"peft_type": "IA3", "task_type": "CAUSAL_LM"}`, nil)
	other = closing(t, other, err)
	_, err = m.AttachLoRA("first", nil)
	needStatus(t, err, ErrState)
	var names []string
	for attached, err := range m.Adapters() {
		need(t, err)
		name, err := attached.Name()
		need(t, err)
		names = append(names, name)
		attached.Close()
	}
	if strings.Join(names, " ") != "first second" {
		t.Fatal(names)
	}
	path := filepath.Join(t.TempDir(), "first")
	need(t, adapter.Save(background, path, nil))
	need(t, adapter.Detach())
	needStatus(t, adapter.Detach(), ErrState)
	again, err := m.LoadAdapter(background, "first", path, nil)
	again = closing(t, again, err)
	need(t, again.SetScale(0.5))
	retained, err := again.Retain()
	retained = closing(t, retained, err)
	if info, err := retained.Info(); err != nil || info.Scale != 0.5 {
		t.Fatal(info, err)
	}
}

func TestScoresAndLogits(t *testing.T) {
	m := tinyModel(t, newContext(t))
	ids := []int32{5, 8, 13, 21, 34}
	score, tokens, err := m.ScoreTokens(background, ids, nil)
	need(t, err)
	sum := 0.0
	for _, value := range tokens {
		sum -= float64(value)
	}
	if len(tokens) != 4 || sum-score.NLL > 1e-4 || score.NLL-sum > 1e-4 {
		t.Fatal(tokens, score)
	}
	options := NewScoreOptions()
	options.FirstPosition, options.PositionCount = 3, 1
	rows, err := m.Logits(background, ids, options)
	if err != nil || len(rows) != 1 || len(rows[0]) != 96 {
		t.Fatal(len(rows), err)
	}
	session, err := m.NewSession(nil)
	session = closing(t, session, err)
	_, err = session.Logits()
	needStatus(t, err, ErrState)
	need(t, session.Prefill(background, ids[:4], nil))
	logits, err := session.Logits()
	need(t, err)
	for i := range logits {
		if difference := logits[i] - rows[0][i]; difference > 1e-4 || difference < -1e-4 {
			t.Fatal(i, logits[i], rows[0][i])
		}
	}
	if _, _, err := m.ScoreTokens(background, nil, nil); err == nil {
		t.Fatal("a score of nothing")
	}
}

func TestEstimate(t *testing.T) {
	c := newContext(t)
	options := NewEstimateOptions()
	options.LoRAConfig, options.TrainerOptions = NewLoRAConfig(), NewTrainerOptions()
	options.ModelOptions, options.SessionOptions = NewModelOptions(), NewSessionOptions()
	options.LoRAConfig.R, options.SequenceLength = 4, 64
	estimated, err := c.Estimate(tinyPath(t), options)
	if err != nil || estimated.PeakBytes <= 0 || !estimated.Fits {
		t.Fatal(estimated, err)
	}
	options.LoRAConfig.R = 8
	larger, err := tinyModel(t, c).Estimate(options)
	if err != nil || larger.TrainableElements != 2*estimated.TrainableElements {
		t.Fatal(larger.TrainableElements, estimated.TrainableElements, err)
	}
}

func TestLibrary(t *testing.T) {
	need(t, Check())
	if Version() == "" || LibraryABIVersion() != ABIVersion || BuildInfo() == "" {
		t.Fatal(Version(), LibraryABIVersion(), BuildInfo())
	}
	if !HasFeature("cpu") || HasFeature("no such thing") {
		t.Fatal("features")
	}
	devices := 0
	for device, err := range Devices() {
		need(t, err)
		if devices++; devices == 1 && device.ID != "cpu" {
			t.Fatal(device)
		}
	}
	_, err := Device(devices)
	needStatus(t, err, ErrNotFound)
	c := newContext(t)
	need(t, c.Trim())
	info, err := c.Info()
	if err != nil || info.Threads < 1 || info.ResidentBytes <= 0 {
		t.Fatal(info, err)
	}
}
