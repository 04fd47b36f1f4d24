package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"libpeft.org/go/peft"
)

// scenario is the flattened scenario: values by their path.
type scenario map[string]string

func readScenario(path string) (scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	values := scenario{}
	for _, line := range strings.Split(string(text), "\n") {
		if key, value, ok := strings.Cut(line, "\t"); ok {
			values[key] = value
		}
	}
	return values, nil
}

func (s scenario) value(format string, arguments ...any) string {
	key := fmt.Sprintf(format, arguments...)
	value, ok := s[key]
	if !ok {
		panic(failed("the scenario has no " + key))
	}
	return value
}

func (s scenario) number(format string, arguments ...any) float64 {
	return must(strconv.ParseFloat(s.value(format, arguments...), 64))
}

func (s scenario) integer(format string, arguments ...any) int64 {
	return int64(s.number(format, arguments...))
}

func (s scenario) ids(format string, arguments ...any) []int32 {
	var ids []int32
	for _, word := range strings.Fields(s.value(format, arguments...)) {
		ids = append(ids, int32(must(strconv.Atoi(word))))
	}
	return ids
}

func (s scenario) hex(format string, arguments ...any) string {
	return string(must(hex.DecodeString(s.value(format, arguments...))))
}

func (w *world) print(key, value string) { fmt.Printf("value\t%s\t%s\t%s\n", w.step, key, value) }

func (w *world) printBits(key string, value float64) {
	w.print(key, fmt.Sprintf("%016x", math.Float64bits(value)))
}

func (w *world) printInteger(key string, value int64) { w.print(key, strconv.FormatInt(value, 10)) }

func (w *world) printHex(key, text string) { w.print(key, hex.EncodeToString([]byte(text))) }

func (w *world) printIDs(key string, ids []int32) {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(int(id))
	}
	w.print(key, strings.Join(words, " "))
}

func must[T any](value T, err error) T {
	ok(err)
	return value
}

func ok(err error) {
	if err != nil {
		panic(failed(err.Error()))
	}
}

func that(condition bool, format string, arguments ...any) {
	if !condition {
		panic(failed("not so: " + fmt.Sprintf(format, arguments...)))
	}
}

func gives(expected peft.Status, err error) {
	that(errors.Is(err, expected), "%v instead of %v", err, expected)
}
