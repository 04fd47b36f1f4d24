package peft

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What is committed under internal/native is what the headers and go.i give now.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	root := projectRoot(t)
	version, err := exec.Command("swig", "-version").Output()
	if err != nil || !strings.Contains(string(version), "SWIG Version 4.1.") {
		t.Skip("SKIPPED: go: there is no swig 4.1, which made the generated code")
	}
	folder := t.TempDir()
	output, err := exec.Command("go", "run", "./internal/generate", root, folder).CombinedOutput()
	if err != nil {
		t.Fatal(string(output))
	}
	need(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, _ := filepath.Rel(folder, path)
		made, err := os.ReadFile(path)
		need(t, err)
		committed, err := os.ReadFile(filepath.Join("internal/native", name))
		if filepath.Ext(name) == ".h" { // what a comment says may have become better
			made, committed = withoutComments(made), withoutComments(committed)
		}
		if err != nil || !bytes.Equal(made, committed) {
			t.Errorf("%s is not current: bash bindings/go/run.sh generate", name)
		}
		return nil
	}))
}

func withoutComments(text []byte) []byte {
	text = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAll(text, nil)
	return bytes.Join(bytes.Fields(text), []byte(" "))
}
