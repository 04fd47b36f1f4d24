package peft

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checker is a program that opens or links libpeft and tells what is wrong with it.
func checker(t *testing.T, tags string) string {
	program := filepath.Join(t.TempDir(), "check")
	output, err := exec.Command("go", "build", "-tags", tags, "-o", program, "./internal/check").CombinedOutput()
	if err != nil {
		t.Fatal(string(output))
	}
	return program
}

func run(program string, environment ...string) (string, error) {
	command := exec.Command(program)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "LIBPEFT_DIR=") && !strings.HasPrefix(variable, "LD_LIBRARY_PATH=") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, environment...)
	output, err := command.CombinedOutput()
	return string(output), err
}

// wrongLibrary makes a libpeft.so.1 with all functions but another ABI version.
func wrongLibrary(t *testing.T, abi int, functions []string) string {
	folder := t.TempDir()
	var source strings.Builder
	for _, name := range functions {
		switch name {
		case "peft_abi_version":
			fmt.Fprintf(&source, "int %s(void) { return %d; }\n", name, abi)
		case "peft_version":
			fmt.Fprintf(&source, "const char *%s(void) { return \"9.9.9\"; }\n", name)
		case "peft_build_info", "peft_status_name":
			fmt.Fprintf(&source, "const char *%s(void) { return \"\"; }\n", name)
		default:
			fmt.Fprintf(&source, "int %s(void) { return -20; }\n", name)
		}
	}
	file := filepath.Join(folder, "wrong.c")
	need(t, os.WriteFile(file, []byte(source.String()), 0o644))
	versions := filepath.Join(folder, "versions")
	need(t, os.WriteFile(versions, []byte("LIBPEFT_1 { global: peft_*; local: *; };\n"), 0o644))
	output, err := exec.Command("cc", "-shared", "-fPIC", "-Wl,-soname,libpeft.so.1,--version-script="+versions, "-o",
		filepath.Join(folder, "libpeft.so.1"), file).CombinedOutput()
	if err != nil {
		t.Fatal(string(output))
	}
	return folder
}

func symbols(t *testing.T) []string {
	list, err := os.ReadFile(filepath.Join(projectRoot(t), "tests/capi/symbols.txt"))
	need(t, err)
	return strings.Fields(string(list))
}

func needOutput(t *testing.T, output string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(output, part) {
			t.Errorf("%q is not in: %s", part, output)
		}
	}
}

func TestLibraryIsOpenedAtRunTime(t *testing.T) {
	program := checker(t, "peft_open")
	real := os.Getenv("LIBPEFT_DIR")
	if real == "" {
		t.Skip("SKIPPED: go: LIBPEFT_DIR is not set")
	}
	if output, err := run(program, "LIBPEFT_DIR="+real); err != nil || !strings.HasPrefix(output, "libpeft ") {
		t.Error(output, err)
	}
	empty := t.TempDir()
	output, err := run(program, "LIBPEFT_DIR="+empty)
	if err == nil {
		t.Error("no library is needed:", output)
	}
	needOutput(t, output, "PEFT_E_NOT_FOUND", "looked at:", empty+"/libpeft.so.1", "/usr/local/lib/libpeft.so.1",
		"No such file")
	output, _ = run(program, "PEFT_LIBRARY="+filepath.Join(projectRoot(t), "README.md"))
	needOutput(t, output, "README.md", "looked at:")
	wrong := wrongLibrary(t, 99, symbols(t))
	output, _ = run(program, "LIBPEFT_DIR="+wrong)
	needOutput(t, output, "PEFT_E_MISMATCH", "ABI version 99", `"9.9.9"`, fmt.Sprintf("needs %d", ABIVersion))
	older := wrongLibrary(t, 0, []string{"peft_abi_version", "peft_version"})
	output, _ = run(program, "LIBPEFT_DIR="+older)
	needOutput(t, output, "has no function", "ABI version 0")
}

func TestLinkedLibraryIsChecked(t *testing.T) {
	program := checker(t, "")
	wrong := wrongLibrary(t, 99, symbols(t))
	output, _ := run(program, "LD_PRELOAD="+filepath.Join(wrong, "libpeft.so.1"))
	needOutput(t, output, "ABI version 99", `"9.9.9"`)
	if output, err := run(program); err != nil {
		t.Error(output, err)
	}
}
