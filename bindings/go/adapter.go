package peft

import (
	"context"
	"iter"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Adapter is a set of small weights of one method on one model.
type Adapter struct {
	object
	note string
}

func adapterOf(handle int64, note string) *Adapter {
	a := &Adapter{note: note}
	return own(a, &a.object, "adapter", handle, native.Peft_adapter_free)
}

// Note is what the library remarked when the adapter was loaded, such as another base model's name; mostly
// empty.
func (a *Adapter) Note() string { return a.note }

// Retain gives a second object for the same adapter, to be closed by itself.
func (a *Adapter) Retain() (*Adapter, error) {
	defer runtime.KeepAlive(a)
	handle, err := a.handle()
	if err != nil {
		return nil, err
	}
	if err := fails(native.Peft_adapter_retain(handle)); err != nil {
		return nil, err
	}
	return adapterOf(handle, a.note), nil
}

// Info reads what the adapter is.
func (a *Adapter) Info() (AdapterInfo, error) {
	defer runtime.KeepAlive(a)
	handle, err := a.handle()
	if err != nil {
		return AdapterInfo{}, err
	}
	n := native.NewPeft_adapter_info()
	defer native.DeletePeft_adapter_info(n)
	if err := fails(native.Peft_adapter_get_info(handle, n)); err != nil {
		return AdapterInfo{}, err
	}
	return adapterInfoOf(n), nil
}

// Name of the adapter on its model.
func (a *Adapter) Name() (string, error) {
	defer runtime.KeepAlive(a)
	handle, err := a.handle()
	if err != nil {
		return "", err
	}
	name, _, err := text(func(buffer native.PeftBuffer) int64 {
		return native.Peft_adapter_get_name(handle, buffer.Swigcptr())
	})
	return name, err
}

// Config is the text of PEFT's adapter_config.json.
func (a *Adapter) Config() (string, error) {
	defer runtime.KeepAlive(a)
	handle, err := a.handle()
	if err != nil {
		return "", err
	}
	config, _, err := text(func(buffer native.PeftBuffer) int64 {
		return native.Peft_adapter_get_config(handle, buffer.Swigcptr())
	})
	return config, err
}

// ParameterAt describes a tensor; ErrNotFound past the end.
func (a *Adapter) ParameterAt(index int64) (Parameter, error) {
	defer runtime.KeepAlive(a)
	handle, err := a.handle()
	if err != nil {
		return Parameter{}, err
	}
	return parameterAt(func(n native.Peft_parameter_info, buffer native.PeftBuffer) int64 {
		return native.Peft_adapter_parameter_at(handle, index, n, buffer.Swigcptr())
	})
}

// Parameters describes all tensors.
func (a *Adapter) Parameters() iter.Seq2[Parameter, error] {
	return func(yield func(Parameter, error) bool) {
		info, err := a.Info()
		if err != nil {
			yield(Parameter{}, err)
			return
		}
		counted(info.ParameterCount, a.ParameterAt)(yield)
	}
}

// ReadParameter copies a tensor as float32, row by row.
func (a *Adapter) ReadParameter(name string) ([]float32, error) {
	defer runtime.KeepAlive(a)
	handle, err := a.handle()
	if err != nil {
		return nil, err
	}
	return readParameter(name, a.Parameters(), func(data []float32) int64 {
		return native.Peft_adapter_parameter_read(handle, name, data)
	})
}

// Save writes the adapter as PEFT does: a folder, or a GGUF file.
func (a *Adapter) Save(ctx context.Context, path string, options *SaveOptions) error {
	defer runtime.KeepAlive(a)
	handle, err := a.handle()
	if err != nil {
		return err
	}
	return save(ctx, path, options, func(n native.Peft_save_options) int64 {
		return native.Peft_adapter_save(handle, path, n)
	})
}

// SetScale sets a factor on the adapter's effect, for trainers, sessions and scores that begin after it.
func (a *Adapter) SetScale(scale float64) error {
	defer runtime.KeepAlive(a)
	handle, err := a.handle()
	if err != nil {
		return err
	}
	return fails(native.Peft_adapter_set_scale(handle, scale))
}

// Detach takes the adapter off its model; who holds it keeps it.
func (a *Adapter) Detach() error {
	defer runtime.KeepAlive(a)
	handle, err := a.handle()
	if err != nil {
		return err
	}
	return fails(native.Peft_adapter_detach(handle))
}
