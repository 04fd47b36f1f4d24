package peft

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"libpeft.org/go/peft/internal/native"
)

// fields checks what goes into a structure and remembers the first thing that was wrong.
type fields struct{ failed error }

func (f *fields) fail(err error) {
	if f.failed == nil {
		f.failed = err
	}
}

func (f *fields) made(kind string, made bool) {
	if !made {
		f.fail(invalid(kind + " was not made by New" + kind))
	}
}

func (f *fields) name(text string) string {
	if err := checkName(text); err != nil {
		f.fail(err)
	}
	return text
}

func (f *fields) list(texts []string) string { return f.name(strings.Join(texts, ",")) }

func (f *fields) json(value any) string {
	text, err := jsonOf(value)
	if err != nil {
		f.fail(err)
	}
	return text
}

func (f *fields) handle(value int64, err error) int64 {
	if err != nil {
		f.fail(err)
	}
	return value
}

// checkName refuses what C would cut.
func checkName(texts ...string) error {
	for _, text := range texts {
		if strings.IndexByte(text, 0) >= 0 {
			return invalid("a name, path or setting holds NUL")
		}
	}
	return nil
}

// jsonOf refuses invalid UTF-8, which encoding/json would replace.
func jsonOf(value any) (string, error) {
	switch texts := value.(type) {
	case []string:
		for _, text := range texts {
			if !utf8.ValidString(text) {
				return "", invalid("a text is not valid UTF-8")
			}
		}
	case []Message:
		for _, message := range texts {
			if !utf8.ValidString(message.Role) || !utf8.ValidString(message.Content) {
				return "", invalid("a message is not valid UTF-8")
			}
		}
	}
	made, err := json.Marshal(value)
	if err != nil {
		return "", invalid(err.Error())
	}
	return string(made), nil
}

// number is C's boolean.
func number(value bool) int {
	if value {
		return 1
	}
	return 0
}

func shapeOf(n native.Peft_parameter_info) []int64 {
	shape := make([]int64, n.GetDimensions())
	for i := range shape {
		shape[i] = n.Extent(i)
	}
	return shape
}
