package peft

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const modulePath, moduleVersion = "libpeft.org/go/peft", "v0.1.0"

// publishModule makes a module proxy in a folder: what `go get` would find after a release.
func publishModule(t *testing.T, proxy string) {
	folder := filepath.Join(proxy, modulePath, "@v")
	need(t, os.MkdirAll(folder, 0o755))
	put := func(name, text string) { need(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644)) }
	mod, err := os.ReadFile("go.mod")
	need(t, err)
	put("list", moduleVersion+"\n")
	put(moduleVersion+".mod", string(mod))
	put(moduleVersion+".info", `{"Version": "`+moduleVersion+`", "Time": "2026-01-01T00:00:00Z"}`)
	file, err := os.Create(filepath.Join(folder, moduleVersion+".zip"))
	need(t, err)
	defer file.Close()
	archive := zip.NewWriter(file)
	need(t, filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		need(t, err)
		member, err := archive.Create(modulePath + "@" + moduleVersion + "/" + filepath.ToSlash(path))
		need(t, err)
		_, err = member.Write(text)
		return err
	}))
	need(t, archive.Close())
}

// The README's program, outside the tree: all it has is the module as released and what pkg-config says.
func TestQuickStart(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	need(t, err)
	_, program, _ := strings.Cut(string(readme), "```go\n")
	program, _, _ = strings.Cut(program, "```")
	proxy, folder := t.TempDir(), t.TempDir()
	publishModule(t, proxy)
	module := "module quickstart\n\ngo 1.24\n\nrequire " + modulePath + " " + moduleVersion + "\n"
	need(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte(module), 0o644))
	need(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(program), 0o644))
	saved := filepath.Join(folder, "adapter")
	command := exec.Command("go", "run", "-mod=mod", "-modcacherw", ".", tinyPath(t), saved)
	command.Dir = folder
	command.Env = append(os.Environ(), "GOPROXY=file://"+proxy, "GOSUMDB=off", "GOMODCACHE="+t.TempDir(), "GOWORK=off")
	output, err := command.CombinedOutput()
	if err != nil || strings.Count(string(output), "loss") != 10 {
		t.Fatal(string(output), err)
	}
	if _, err := os.Stat(filepath.Join(saved, "adapter_model.safetensors")); err != nil {
		t.Fatal(err)
	}
}
