package main

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"libpeft.org/go/peft"
)

var background = context.Background()

func (w *world) tiny() *peft.Model {
	return must(w.context.LoadModel(background, filepath.Join(w.root, w.value("model.path")), nil))
}

func (w *world) row() []int32 { return w.ids("row.ids") }

// score is the nll with an adapter, or without for nil.
func score(model *peft.Model, adapter *peft.Adapter, ids []int32) float64 {
	options := peft.NewScoreOptions()
	if adapter != nil {
		options.Adapters = []*peft.Adapter{adapter}
	}
	result := must(model.Score(background, ids, options))
	that(result.Count == int64(len(ids)), "%d tokens scored", result.Count)
	return result.NLL
}

func (w *world) attach(name string, r int, seed int64) *peft.Adapter {
	config := peft.NewLoRAConfig()
	config.R, config.Seed = r, seed
	return must(w.model.AttachLoRA(name, config))
}

func drop(adapter *peft.Adapter) {
	ok(adapter.Detach())
	adapter.Close()
}

func (w *world) load() {
	w.context = must(peft.NewContext(nil))
	w.model = w.tiny()
	info := must(w.model.Info())
	that(info.Family == w.value("model.family"), "family %s", info.Family)
	tied := int64(0)
	if info.TiedHead {
		tied = 1
	}
	for key, found := range map[string]int64{
		"layers": info.Layers, "hidden_size": info.HiddenSize, "attention_heads": info.AttentionHeads,
		"key_value_heads": info.KeyValueHeads, "vocabulary_size": info.VocabularySize, "tied_head": tied,
		"parameter_elements": info.ParameterElements, "weight_bytes": info.WeightBytes,
	} {
		that(found == w.integer("model.%s", key), "%s is %d", key, found)
	}
	nll := score(w.model, nil, w.row())
	that(math.Abs(nll-w.number("row.nll")) <= w.number("row.tolerance"), "nll is %v", nll)
	w.printBits("nll", nll)
}

// encodeAndDecode also streams: every token alone through a decoder, the pieces together are the text.
func encodeAndDecode(tokenizer *peft.Tokenizer, text string, expected []int32) {
	ids := must(tokenizer.Encode(text, false))
	that(slices.Equal(ids, expected), "%q has the ids %v", text, ids)
	decoded := must(tokenizer.Decode(ids, false))
	that(decoded == text, "%q decodes to %q", text, decoded)
	decoder := must(tokenizer.StreamDecoder(false))
	defer decoder.Close()
	var all strings.Builder
	for _, id := range ids {
		piece := must(decoder.Push(id))
		that(utf8.ValidString(piece), "a piece is %q", piece)
		all.WriteString(piece)
	}
	all.WriteString(must(decoder.Finish()))
	that(all.String() == text, "%q streams as %q", text, all.String())
}

func (w *world) text() {
	tokenizer := must(w.context.LoadTokenizer(filepath.Join(w.root, w.value("text.tokenizer"))))
	defer tokenizer.Close()
	info := must(tokenizer.Info())
	that(int64(info.VocabularySize) == w.integer("text.vocabulary_size"), "vocabulary %d", info.VocabularySize)
	end := must(tokenizer.TokenID(w.value("text.end_token")))
	that(int64(end) == w.integer("text.end_token_id"), "end token %d", end)
	for i := range w.integer("text.cases.count") {
		encodeAndDecode(tokenizer, w.hex("text.cases.%d.utf8_hex", i), w.ids("text.cases.%d.ids", i))
	}
	for i := range w.integer("text.invalid.count") {
		_, err := tokenizer.Encode(w.hex("text.invalid.%d.hex", i), false)
		gives(peft.ErrInvalidArgument, err)
	}
	options := peft.NewChatOptions()
	options.ChatTemplate = "{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}"
	json := `[{"role": "user", "content": "caf\u00e9 \ud83d\ude00"}]`
	rendered := must(tokenizer.ApplyChatJSON(json, options))
	that(rendered == "user=café 😀;", "rendered %q", rendered)
	rendered = must(tokenizer.ApplyChat([]peft.Message{{Role: "user", Content: "café 😀"}}, options))
	that(rendered == "user=café 😀;", "rendered %q", rendered)
}

func (w *world) loadSmolLM2() {
	path := os.Getenv("PEFT_SMOLLM2_GGUF")
	if path == "" {
		path = filepath.Join(os.Getenv("HOME"), ".cache/libpeft/SmolLM2-135M-Instruct.Q4_1.gguf")
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		panic(skipped("no model"))
	}
	w.smollm2 = must(w.context.LoadModel(background, path, nil))
	info := must(w.smollm2.Info())
	that(info.Family == w.value("smollm2.family"), "family %s", info.Family)
	that(info.VocabularySize == w.integer("smollm2.vocabulary_size"), "vocabulary %d", info.VocabularySize)
	that(info.Layers == w.integer("smollm2.layers"), "layers %d", info.Layers)
	that(info.HasTokenizer && info.HasChatTemplate, "tokenizer and chat template")
	w.printInteger("parameter_elements", info.ParameterElements)
}

func (w *world) textSmolLM2() {
	if w.smollm2 == nil {
		panic(skipped("no model"))
	}
	tokenizer := must(w.smollm2.Tokenizer())
	defer tokenizer.Close()
	for i := range w.integer("smollm2.cases.count") {
		encodeAndDecode(tokenizer, w.hex("smollm2.cases.%d.utf8_hex", i), w.ids("smollm2.cases.%d.ids", i))
	}
	rendered := must(tokenizer.ApplyChatJSON(w.value("smollm2.messages_json"), nil))
	that(rendered == w.hex("smollm2.rendered_hex"), "rendered %q", rendered)
	ids := must(tokenizer.Encode(rendered, false))
	that(slices.Equal(ids, w.ids("smollm2.prompt_ids")), "prompt ids %v", ids)
}

func (w *world) adapter() {
	that(w.model != nil, "a model")
	path := filepath.Join(w.root, w.value("adapter.path"))
	w.given = must(w.model.LoadAdapter(background, w.value("adapter.name"), path, nil))
	info := must(w.given.Info())
	that(info.Method == w.value("adapter.method"), "method %s", info.Method)
	that(int64(info.R) == w.integer("adapter.r") && info.LoRAAlpha == w.number("adapter.lora_alpha"), "r and alpha")
	that(info.ParameterCount == w.integer("adapter.parameter_count"), "parameters %d", info.ParameterCount)
	that(info.Trainable && info.Attached && info.Scale == 1, "trainable, attached, scale 1")
	nll := score(w.model, w.given, w.ids("adapter.row_ids"))
	that(math.Abs(nll-w.number("adapter.nll")) <= w.number("adapter.tolerance"), "nll is %v", nll)
	w.printBits("nll", nll)
}
