package peft

import (
	"context"
	"iter"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// AttachLoRA attaches a new LoRA adapter; nil for r 16, alpha 32, all linear layers.
func (m *Model) AttachLoRA(name string, config *LoRAConfig) (*Adapter, error) {
	n, err := config.native()
	if err != nil {
		return nil, err
	}
	defer native.DeletePeft_lora_config(n)
	return m.adapter([]string{name}, func(model int64, made []int64) (int64, error) {
		return native.Peft_attach_lora(model, name, n, made), nil
	})
}

// Attach attaches a new adapter of any method by the text of PEFT's adapter_config.json.
func (m *Model) Attach(ctx context.Context, name, config string, options *AdapterOptions) (*Adapter, error) {
	return m.withOptions(ctx, []string{name}, options,
		func(model int64, n native.Peft_adapter_options, made []int64) int64 {
			return native.Peft_attach(model, name, config, n, made)
		})
}

// LoadAdapter loads an adapter folder of PEFT's. Adapter.Note tells what the library remarked.
func (m *Model) LoadAdapter(ctx context.Context, name, path string, options *AdapterOptions) (*Adapter, error) {
	return m.withOptions(ctx, []string{name, path}, options,
		func(model int64, n native.Peft_adapter_options, made []int64) int64 {
			return native.Peft_adapter_load(model, name, path, n, made)
		})
}

// AdapterAt gives an attached adapter in the order of attaching; ErrNotFound past the end.
func (m *Model) AdapterAt(index int64) (*Adapter, error) {
	return m.adapter(nil, func(model int64, made []int64) (int64, error) {
		return native.Peft_model_adapter_at(model, index, made), nil
	})
}

// FindAdapter gives an attached adapter by its name.
func (m *Model) FindAdapter(name string) (*Adapter, error) {
	return m.adapter([]string{name}, func(model int64, made []int64) (int64, error) {
		return native.Peft_model_adapter_find(model, name, made), nil
	})
}

// Adapters gives all attached adapters, each to be closed.
func (m *Model) Adapters() iter.Seq2[*Adapter, error] {
	return func(yield func(*Adapter, error) bool) {
		info, err := m.Info()
		if err != nil {
			yield(nil, err)
			return
		}
		counted(info.AdapterCount, m.AdapterAt)(yield)
	}
}

func (m *Model) withOptions(ctx context.Context, names []string, options *AdapterOptions,
	call func(model int64, n native.Peft_adapter_options, made []int64) int64) (*Adapter, error) {
	n, err := options.native()
	if err != nil {
		return nil, err
	}
	defer native.DeletePeft_adapter_options(n)
	return m.adapter(names, func(model int64, made []int64) (int64, error) {
		w, err := watching(ctx)
		if err != nil {
			return 0, err
		}
		defer w.done()
		token, err := w.handle()
		if err != nil {
			return 0, err
		}
		n.SetCancel(token)
		value := call(model, n, made)
		if value < 0 {
			return 0, w.cancelled(fails(value))
		}
		return value, nil
	})
}

func (m *Model) adapter(names []string, call func(model int64, made []int64) (int64, error)) (*Adapter, error) {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return nil, err
	}
	if err := checkName(names...); err != nil {
		return nil, err
	}
	made := make([]int64, 1)
	value, err := call(handle, made)
	if err != nil {
		return nil, err
	}
	_, note, err := outcomeAndNote(value)
	if err != nil {
		return nil, err
	}
	return adapterOf(made[0], note), nil
}
