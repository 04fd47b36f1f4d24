package peft

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The README's program, in a module of its own that has the package as its only dependency.
func TestQuickStart(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	need(t, err)
	_, program, _ := strings.Cut(string(readme), "```go\n")
	program, _, _ = strings.Cut(program, "```")
	here, err := filepath.Abs(".")
	need(t, err)
	folder := t.TempDir()
	module := "module quickstart\n\ngo 1.24\n\nrequire libpeft.org/go/peft v0.0.0\n\nreplace libpeft.org/go/peft => " +
		here + "\n"
	need(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte(module), 0o644))
	need(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(program), 0o644))
	saved := filepath.Join(folder, "adapter")
	command := exec.Command("go", "run", ".", tinyPath(t), saved)
	command.Dir = folder
	output, err := command.CombinedOutput()
	if err != nil || strings.Count(string(output), "loss") != 10 {
		t.Fatal(string(output), err)
	}
	if _, err := os.Stat(filepath.Join(saved, "adapter_model.safetensors")); err != nil {
		t.Fatal(err)
	}
}
