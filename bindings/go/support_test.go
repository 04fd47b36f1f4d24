package peft

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var background = context.Background()

// projectRoot is the root of the tree that the module lies in.
func projectRoot(t testing.TB) string {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "include/peft/peft.h")); err != nil {
		t.Skip("SKIPPED: go: not inside the project's tree")
	}
	return root
}

func tinyPath(t testing.TB) string { return filepath.Join(projectRoot(t), "tests/data/families/llama") }

func closing[T interface{ Close() error }](t testing.TB, made T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { made.Close() })
	return made
}

func newContext(t testing.TB) *Context {
	made, err := NewContext(nil)
	return closing(t, made, err)
}

func tinyModel(t testing.TB, c *Context) *Model {
	made, err := c.LoadModel(background, tinyPath(t), nil)
	return closing(t, made, err)
}

func byteTokenizer(t testing.TB, c *Context) *Tokenizer {
	made, err := c.LoadTokenizer(filepath.Join(projectRoot(t), "tests/capi/tokenizer.json"))
	return closing(t, made, err)
}

func smallRows() []Row {
	return []Row{{IDs: []int32{5, 8, 13, 21, 34, 55, 89}}, {IDs: []int32{2, 4, 8, 16, 32, 64}},
		{IDs: []int32{1, 2, 3, 4, 5, 6, 7, 8, 9}, Labels: []int32{-100, -100, 3, 4, 5, 6, 7, 8, 9}}}
}

// lesson is all that training needs.
type lesson struct {
	context *Context
	model   *Model
	adapter *Adapter
	dataset *Dataset
	trainer *Trainer
}

func newLesson(t testing.TB, steps int64) lesson {
	c := newContext(t)
	m := tinyModel(t, c)
	adapter, err := m.AttachLoRA("mine", nil)
	adapter = closing(t, adapter, err)
	dataset, err := c.DatasetFromRows(background, smallRows(), nil)
	dataset = closing(t, dataset, err)
	options := NewTrainerOptions()
	options.MaxSteps, options.LearningRate = steps, 5e-3
	trainer, err := m.NewTrainer(adapter, dataset, options)
	return lesson{c, m, adapter, dataset, closing(t, trainer, err)}
}

func need(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func needStatus(t testing.TB, err error, status Status) {
	t.Helper()
	var failure *Error
	if !errors.Is(err, status) || !errors.As(err, &failure) || failure.Message == "" && failure.Cause == nil {
		t.Fatalf("found %v instead of %v with a message", err, status)
	}
}

func needText(t testing.TB, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Fatalf("%q is not in: %v", part, err)
		}
	}
}
