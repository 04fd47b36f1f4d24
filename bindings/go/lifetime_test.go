package peft

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// resident is the memory of the process in bytes.
func resident(t testing.TB) int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("SKIPPED: go: no /proc")
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	need(t, err)
	return pages * int64(os.Getpagesize())
}

func cycles() int {
	if count, err := strconv.Atoi(os.Getenv("PEFT_GO_CYCLES")); err == nil {
		return count
	}
	if raceDetector {
		return 300
	}
	return 10_000
}

// makers make one object of each kind.
func makers(t testing.TB) map[string]func() (interface{ Close() error }, error) {
	l := newLesson(t, 3)
	tokenizer := byteTokenizer(t, l.context)
	options := NewTrainerOptions()
	free := attach(t, l.model, "free")
	rows := smallRows()
	path := tinyPath(t)
	type closer = interface{ Close() error }
	return map[string]func() (closer, error){
		"context":   func() (closer, error) { return NewContext(nil) },
		"cancel":    func() (closer, error) { return NewCancel() },
		"model":     func() (closer, error) { return l.context.LoadModel(background, path, nil) },
		"tokenizer": func() (closer, error) { return l.context.LoadTokenizer(path + "/../../../capi/tokenizer.json") },
		"decoder":   func() (closer, error) { return tokenizer.StreamDecoder(true) },
		"data set":  func() (closer, error) { return l.context.DatasetFromRows(background, rows, nil) },
		"adapter": func() (closer, error) {
			adapter, err := l.model.AttachLoRA("again", nil)
			if err == nil {
				err = adapter.Detach()
			}
			return adapter, err
		},
		"trainer": func() (closer, error) { return l.model.NewTrainer(free, l.dataset, options) },
		"session": func() (closer, error) { return l.model.NewSession(nil) },
	}
}

func TestMemoryStaysFlat(t *testing.T) {
	count := cycles()
	for kind, create := range makers(t) {
		t.Run(kind, func(t *testing.T) {
			run := func(count int) {
				for range count {
					made, err := create()
					need(t, err)
					need(t, made.Close())
				}
				runtime.GC()
			}
			run(max(count/5, 50))
			begin, before := time.Now(), resident(t)
			run(count)
			grown := resident(t) - before
			t.Logf("%d cycles, %v each, %d KiB more", count, time.Since(begin)/time.Duration(count), grown>>10)
			if grown > 4<<20 && !raceDetector {
				t.Errorf("%d cycles left %d bytes", count, grown)
			}
		})
	}
}

// Everything is forgotten at once: the cleanups run in any order, on other threads. The context's own figure says that
// nothing is left.
func TestForgottenObjectsAreFreed(t *testing.T) {
	all := makers(t)
	c := newContext(t)
	rounds := 8
	if raceDetector {
		rounds = 2
	}
	before := resident(t)
	for range rounds {
		for range 30 {
			for kind, create := range all {
				if kind == "trainer" || kind == "adapter" { // one at a time on an adapter; a name is used once
					continue
				}
				if _, err := create(); err != nil {
					t.Fatal(kind, err)
				}
			}
			chain(t, c)
		}
		held := int64(1)
		for begin := time.Now(); held != 0 && time.Since(begin) < 20*time.Second; {
			runtime.GC()
			time.Sleep(20 * time.Millisecond)
			info, err := c.Info()
			need(t, err)
			held = info.MemoryBytes
		}
		if held != 0 {
			t.Fatalf("%d bytes are held by objects that nobody has", held)
		}
	}
	grown := resident(t) - before
	t.Logf("%d rounds of forgotten objects, %d KiB more", rounds, grown>>10)
	if grown > 96<<20 && !raceDetector { // an arena of the allocator for each thread that freed
		t.Errorf("forgotten objects left %d bytes", grown)
	}
}

// chain makes objects that hold each other, uses the last, and forgets them all.
func chain(t *testing.T, c *Context) {
	m, err := c.LoadModel(background, tinyPath(t), nil)
	need(t, err)
	adapter, err := m.AttachLoRA("forgotten", nil)
	need(t, err)
	dataset, err := c.DatasetFromRows(background, smallRows(), nil)
	need(t, err)
	options := NewTrainerOptions()
	options.MaxSteps = 2
	trainer, err := m.NewTrainer(adapter, dataset, options)
	need(t, err)
	for _, err := range trainer.Steps(background) {
		need(t, err)
	}
	sessions := NewSessionOptions()
	sessions.Adapters = []*Adapter{adapter}
	session, err := m.NewSession(sessions)
	need(t, err)
	closers := []interface{ Close() error }{m, adapter, dataset, trainer}
	rand.Shuffle(len(closers), func(i, j int) { closers[i], closers[j] = closers[j], closers[i] })
	for _, object := range closers[:rand.IntN(len(closers))] {
		object.Close()
	}
	need(t, session.Prefill(background, []int32{1, 2, 3}, nil))
	if _, err := session.Next(background); err != nil {
		t.Fatal(err)
	}
}

func TestCloseWhileInUse(t *testing.T) {
	for range 20 {
		l := newLesson(t, 1_000_000)
		done := make(chan error)
		go func() {
			done <- l.trainer.Run(background, func(Event) error { _, err := l.adapter.Info(); return err })
		}()
		time.Sleep(time.Millisecond)
		for _, object := range []interface{ Close() error }{l.context, l.model, l.adapter, l.dataset, l.trainer} {
			go object.Close()
		}
		needStatus(t, <-done, ErrBadHandle)
	}
}
