package peft

import (
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Tokenizer turns text into token ids and back, exactly as the original one. Text may hold NUL; invalid
// UTF-8 is ErrInvalidArgument.
type Tokenizer struct{ object }

func tokenizerOf(handle int64) *Tokenizer {
	t := &Tokenizer{}
	return own(t, &t.object, "tokenizer", handle, native.Peft_tokenizer_free)
}

// Info reads what the tokenizer is.
func (t *Tokenizer) Info() (TokenizerInfo, error) {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return TokenizerInfo{}, err
	}
	n := native.NewPeft_tokenizer_info()
	defer native.DeletePeft_tokenizer_info(n)
	if err := fails(native.Peft_tokenizer_get_info(handle, n)); err != nil {
		return TokenizerInfo{}, err
	}
	return tokenizerInfoOf(n), nil
}

// Save writes tokenizer and chat template into a folder, as Transformers reads them.
func (t *Tokenizer) Save(path string) error {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return err
	}
	if err := checkName(path); err != nil {
		return err
	}
	return fails(native.Peft_tokenizer_save(handle, path))
}

// Encode turns text into ids. addSpecial adds the tokens that the tokenizer puts around a sequence.
func (t *Tokenizer) Encode(text string, addSpecial bool) ([]int32, error) {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return nil, err
	}
	return manyIntegers(len(text)+16, func(buffer native.PeftBuffer) int64 {
		return native.Peft_tokenizer_encode(handle, text, number(addSpecial), buffer.Swigcptr())
	})
}

// Decode turns ids into text. Bytes that form no code point become U+FFFD.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) (string, error) {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return "", err
	}
	decoded, _, err := longText(8*len(ids), func(buffer native.PeftBuffer) int64 {
		return native.Peft_tokenizer_decode(handle, ids, number(skipSpecial), buffer.Swigcptr())
	})
	return decoded, err
}

// TokenText is the spelling of a token in the vocabulary.
func (t *Tokenizer) TokenText(id int32) (string, error) {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return "", err
	}
	spelling, _, err := text(func(buffer native.PeftBuffer) int64 {
		return native.Peft_tokenizer_token_text(handle, int(id), buffer.Swigcptr())
	})
	return spelling, err
}

// TokenID is the id of a token by its spelling in the vocabulary.
func (t *Tokenizer) TokenID(spelling string) (int32, error) {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return 0, err
	}
	id := make([]int32, 1)
	err = fails(native.Peft_tokenizer_token_id(handle, spelling, id))
	return id[0], err
}

// StreamDecoder makes a decoder for tokens that arrive one by one.
func (t *Tokenizer) StreamDecoder(skipSpecial bool) (*StreamDecoder, error) {
	defer runtime.KeepAlive(t)
	handle, err := t.handle()
	if err != nil {
		return nil, err
	}
	made := make([]int64, 1)
	if err := fails(native.Peft_stream_decoder_create(handle, number(skipSpecial), made)); err != nil {
		return nil, err
	}
	d := &StreamDecoder{}
	return own(d, &d.object, "stream decoder", made[0], native.Peft_stream_decoder_free), nil
}

// StreamDecoder turns tokens into text as they arrive, whole code points only.
type StreamDecoder struct{ object }

// Push takes one token and gives the text that is complete with it, perhaps none.
func (d *StreamDecoder) Push(id int32) (string, error) {
	defer runtime.KeepAlive(d)
	handle, err := d.handle()
	if err != nil {
		return "", err
	}
	piece, _, err := text(func(buffer native.PeftBuffer) int64 {
		return native.Peft_stream_decoder_push(handle, int(id), buffer.Swigcptr())
	})
	return piece, err
}

// Finish gives what is left and makes the decoder new.
func (d *StreamDecoder) Finish() (string, error) { return d.Push(-1) }
