package peft

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHardTexts(t *testing.T) {
	tokenizer := byteTokenizer(t, newContext(t))
	for _, text := range []string{"", "a\x00b\x00\x00c", "👩🏽‍💻 👨‍👧", "안녕하세요 각", "e\u0301\u0327", "\U0010ffff\ufeff"} {
		ids, err := tokenizer.Encode(text, false)
		need(t, err)
		if len(ids) != len(text) {
			t.Errorf("%q has %d ids", text, len(ids))
		}
		decoded, err := tokenizer.Decode(ids, false)
		if err != nil || decoded != text {
			t.Errorf("%q became %q, %v", text, decoded, err)
		}
	}
}

func TestInvalidUTF8(t *testing.T) {
	c := newContext(t)
	tokenizer := byteTokenizer(t, c)
	for _, text := range []string{"\x80", "a\xe2\x9c", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"} {
		_, err := tokenizer.Encode(text, false)
		needStatus(t, err, ErrInvalidArgument)
		_, err = tokenizer.ApplyChat([]Message{{"user", text}}, nil)
		needStatus(t, err, ErrInvalidArgument)
		_, err = c.DatasetFromText(background, tokenizer, `{"text": "`+text+`"}`, nil)
		if err == nil {
			t.Errorf("a data set of %q", text)
		}
		session, err := tinyModel(t, c).NewSession(nil)
		session = closing(t, session, err)
		options := NewSamplingOptions()
		options.Stop = []string{text}
		needStatus(t, session.SetSampling(options), ErrInvalidArgument)
	}
}

func TestTenMegabytesOfOneLetter(t *testing.T) {
	tokenizer := byteTokenizer(t, newContext(t))
	text := strings.Repeat("a", 10<<20)
	ids, err := tokenizer.Encode(text, false)
	need(t, err)
	if len(ids) != len(text) || ids[0] != 'a' || ids[len(ids)-1] != 'a' {
		t.Fatal(len(ids))
	}
	decoded, err := tokenizer.Decode(ids, false)
	if err != nil || decoded != text {
		t.Fatal(len(decoded), err)
	}
}

func TestStreamGivesWholeCodePoints(t *testing.T) {
	tokenizer := byteTokenizer(t, newContext(t))
	decoder, err := tokenizer.StreamDecoder(false)
	decoder = closing(t, decoder, err)
	text := "👩🏽‍💻 é"
	ids, err := tokenizer.Encode(text, false)
	need(t, err)
	var all strings.Builder
	for _, id := range ids {
		piece, err := decoder.Push(id)
		if err != nil || !utf8.ValidString(piece) {
			t.Fatalf("%q %v", piece, err)
		}
		all.WriteString(piece)
	}
	rest, err := decoder.Finish()
	if err != nil || all.String()+rest != text {
		t.Fatal(all.String(), rest, err)
	}
	_, err = decoder.Push(5000)
	needStatus(t, err, ErrInvalidArgument)
	if spelling, err := tokenizer.TokenText(' '); err != nil || spelling != "Ġ" {
		t.Fatal(spelling, err)
	}
	_, err = tokenizer.TokenID("no such token")
	needStatus(t, err, ErrNotFound)
}
