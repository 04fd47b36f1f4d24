package peft

import (
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// ApplyChat renders messages with the chat template. Encode the result without special tokens.
func (t *Tokenizer) ApplyChat(messages []Message, options *ChatOptions) (string, error) {
	json, err := jsonOf(messages)
	if err != nil {
		return "", err
	}
	return t.ApplyChatJSON(json, options)
}

// ApplyChatJSON is ApplyChat for messages with more than role and content, as a JSON array.
func (t *Tokenizer) ApplyChatJSON(messages string, options *ChatOptions) (string, error) {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return "", err
	}
	n, err := options.native()
	if err != nil {
		return "", err
	}
	defer native.DeletePeft_chat_options(n)
	rendered, _, err := text(func(buffer native.PeftBuffer) int64 {
		return native.Peft_chat_apply(handle, messages, n, buffer.Swigcptr())
	})
	return rendered, err
}
