package main

import (
	"context"
	"errors"
	"log"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"libpeft.org/go/peft"
)

// base is the resident model with everyone's adapter.
type base struct {
	engine    *peft.Context
	model     *peft.Model
	tokenizer *peft.Tokenizer // nil for a model without one: rows and prompts are token ids then
	folder    string
	mutex     sync.RWMutex
	adapters  map[string]*peft.Adapter
}

func openBase(ctx context.Context, model, data string) (*base, error) {
	b := &base{folder: filepath.Join(data, "adapters"), adapters: map[string]*peft.Adapter{}}
	err := os.MkdirAll(b.folder, 0o755)
	if err == nil {
		b.engine, err = peft.NewContext(nil)
	}
	if err == nil {
		b.model, err = b.engine.LoadModel(ctx, model, nil)
	}
	if err == nil {
		if b.tokenizer, err = b.model.Tokenizer(); errors.Is(err, peft.ErrNotFound) {
			err = nil
		}
	}
	if err == nil {
		err = b.load(ctx)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// load takes up the adapters of an earlier run. A broken one must not keep the others from being served.
func (b *base) load(ctx context.Context) error {
	entries, err := os.ReadDir(b.folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() || !customerName.MatchString(name) {
			continue
		}
		adapter, err := b.model.LoadAdapter(ctx, "customer-"+name, filepath.Join(b.folder, name), nil)
		if err != nil {
			log.Printf("the adapter of %s: %v", name, err)
			continue
		}
		b.adapters[name] = adapter
	}
	return nil
}

// publish saves an adapter and serves it from now on, if it could be saved. Sessions that hold the one before keep it.
func (b *base) publish(customer string, adapter *peft.Adapter) (bool, error) {
	if err := adapter.Save(context.Background(), filepath.Join(b.folder, customer), nil); err != nil {
		return false, err
	}
	b.mutex.Lock()
	before := b.adapters[customer]
	b.adapters[customer] = adapter
	b.mutex.Unlock()
	if before == nil {
		return true, nil
	}
	defer before.Close()
	return true, before.Detach()
}

func (b *base) customers() []string {
	b.mutex.RLock()
	defer b.mutex.RUnlock()
	names := []string{}
	for name := range b.adapters {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// session speaks with the customer's adapter, or as the base for who has none.
func (b *base) session(customer string) (*peft.Session, error) {
	options := peft.NewSessionOptions()
	b.mutex.RLock()
	defer b.mutex.RUnlock()
	if adapter := b.adapters[customer]; adapter != nil {
		options.Adapters = []*peft.Adapter{adapter}
	}
	return b.model.NewSession(options)
}

// close gives up everything; any order is right.
func (b *base) close() {
	for _, adapter := range b.adapters {
		adapter.Close()
	}
	if b.tokenizer != nil {
		b.tokenizer.Close()
	}
	if b.model != nil {
		b.model.Close()
	}
	if b.engine != nil {
		b.engine.Close()
	}
}
