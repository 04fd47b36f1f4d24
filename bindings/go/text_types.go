package peft

import "libpeft.org/go/peft/internal/native"

// TokenizerInfo: what a tokenizer is. Token ids that it does not have are -1.
type TokenizerInfo struct {
	// Ids are below it, added tokens included.
	VocabularySize int
	// Beginning of a sequence.
	BOSID int32
	// End of a sequence.
	EOSID     int32
	PadID     int32
	UnknownID int32
	// 1: encoding with special tokens puts BOSID before the text.
	AddsBOS bool
	// 1: encoding with special tokens puts EOSID after the text.
	AddsEOS         bool
	HasChatTemplate bool
	// "byte_level_bpe", "sentencepiece", else the model's name in tokenizer.json, such as "unigram".
	Kind string
	// What GGUF calls the way of a byte-level BPE to cut text into words: "gpt-2", "smollm", "llama-bpe"
	// ...; empty if it has no name there.
	PreTokenizer string
}

func tokenizerInfoOf(n native.Peft_tokenizer_info) TokenizerInfo {
	return TokenizerInfo{
		VocabularySize:  n.GetVocabulary_size(),
		BOSID:           int32(n.GetBos_id()),
		EOSID:           int32(n.GetEos_id()),
		PadID:           int32(n.GetPad_id()),
		UnknownID:       int32(n.GetUnknown_id()),
		AddsBOS:         n.GetAdds_bos() != 0,
		AddsEOS:         n.GetAdds_eos() != 0,
		HasChatTemplate: n.GetHas_chat_template() != 0,
		Kind:            n.GetKind(),
		PreTokenizer:    n.GetPre_tokenizer(),
	}
}

// ChatOptions: how to render messages. Made by NewChatOptions, which fills in the defaults.
type ChatOptions struct {
	made bool
	// 1 (default): end with what the assistant's answer begins after.
	AddGenerationPrompt bool
	// A Jinja template instead of the tokenizer's own; default none = its own.
	ChatTemplate string
	// JSON array of tool descriptions for the template; default none.
	ToolsJSON string
}

// NewChatOptions gives the defaults.
func NewChatOptions() *ChatOptions {
	n := native.NewPeft_chat_options()
	defer native.DeletePeft_chat_options(n)
	return &ChatOptions{
		made:                true,
		AddGenerationPrompt: n.GetAdd_generation_prompt() != 0,
		ChatTemplate:        n.GetChat_template(),
		ToolsJSON:           n.GetTools_json(),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *ChatOptions) native() (native.Peft_chat_options, error) {
	n := native.NewPeft_chat_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("ChatOptions", o.made)
	n.SetAdd_generation_prompt(number(o.AddGenerationPrompt))
	if o.ChatTemplate != "" {
		n.SetChat_template(check.name(o.ChatTemplate))
	}
	if o.ToolsJSON != "" {
		n.SetTools_json(check.name(o.ToolsJSON))
	}
	if check.failed != nil {
		native.DeletePeft_chat_options(n)
		return nil, check.failed
	}
	return n, nil
}
