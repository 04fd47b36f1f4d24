// Command conformance runs the scenario of bindings/conformance: conformance SCENARIO.tsv ROOT WORK.
package main

import (
	"fmt"
	"os"
	"strings"

	"libpeft.org/go/peft"
)

// world is what later steps use of earlier ones; nil where that step failed.
type world struct {
	scenario
	root, work string
	step       string
	context    *peft.Context
	model      *peft.Model
	smollm2    *peft.Model
	given      *peft.Adapter
	dataset    *peft.Dataset
}

var steps = []struct {
	name string
	run  func(*world)
}{
	{"load", (*world).load},
	{"text", (*world).text},
	{"load_smollm2", (*world).loadSmolLM2},
	{"text_smollm2", (*world).textSmolLM2},
	{"adapter", (*world).adapter},
	{"train", (*world).train},
	{"evaluate", (*world).evaluate},
	{"save", (*world).save},
	{"load_beside", (*world).loadBeside},
	{"stream", (*world).stream},
	{"chat", (*world).chat},
	{"sessions", (*world).sessions},
	{"quantize", (*world).quantize},
	{"merge", (*world).merge},
	{"cancel", (*world).cancel},
	{"resume", (*world).resume},
	{"errors", (*world).errors},
	{"close", (*world).close},
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: conformance SCENARIO.tsv ROOT WORK")
		os.Exit(2)
	}
	values, err := readScenario(os.Args[1])
	if err == nil {
		err = peft.Check()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	w := &world{scenario: values, root: os.Args[2], work: os.Args[3]}
	failures := 0
	for _, step := range steps {
		w.step = step.name
		verdict := w.try(step.run)
		if verdict != "ok" && !strings.HasPrefix(verdict, "skipped: ") {
			failures++
		}
		fmt.Printf("step\t%s\t%s\n", step.name, verdict)
	}
	if failures > 0 {
		os.Exit(1)
	}
}

// failed and skipped end a step.
type failed string
type skipped string

func (w *world) try(run func(*world)) (verdict string) {
	defer func() {
		switch found := recover().(type) {
		case nil:
		case failed:
			verdict = oneLine(string(found))
		case skipped:
			verdict = "skipped: " + string(found)
		default:
			verdict = oneLine(fmt.Sprintf("panic: %v", found))
		}
	}()
	run(w)
	return "ok"
}

func oneLine(text string) string {
	return strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(text)
}
