package peft

import (
	"context"
	"iter"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Model is a loaded transformer with its adapters and, where its files have one, its tokenizer.
type Model struct{ object }

func modelOf(handle int64) *Model {
	m := &Model{}
	return own(m, &m.object, "model", handle, native.Peft_model_free)
}

// Retain gives a second object for the same model, to be closed by itself.
func (m *Model) Retain() (*Model, error) {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return nil, err
	}
	if err := fails(native.Peft_model_retain(handle)); err != nil {
		return nil, err
	}
	return modelOf(handle), nil
}

// Info reads what the model is.
func (m *Model) Info() (ModelInfo, error) {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return ModelInfo{}, err
	}
	n := native.NewPeft_model_info()
	defer native.DeletePeft_model_info(n)
	if err := fails(native.Peft_model_get_info(handle, n)); err != nil {
		return ModelInfo{}, err
	}
	return modelInfoOf(n), nil
}

// Describe gives a JSON object: config, metadata, bytes per tensor type, adapters.
func (m *Model) Describe() (string, error) {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return "", err
	}
	found, _, err := text(func(buffer native.PeftBuffer) int64 {
		return native.Peft_model_describe(handle, buffer.Swigcptr())
	})
	return found, err
}

// Save writes the base weights as they are now with config and tokenizer: a folder, or a GGUF file.
func (m *Model) Save(ctx context.Context, path string, options *SaveOptions) error {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return err
	}
	return save(ctx, path, options, func(n native.Peft_save_options) int64 {
		return native.Peft_model_save(handle, path, n)
	})
}

func save(ctx context.Context, path string, options *SaveOptions, call func(native.Peft_save_options) int64) error {
	n, err := options.native()
	if err != nil {
		return err
	}
	defer native.DeletePeft_save_options(n)
	if err := checkName(path); err != nil {
		return err
	}
	_, err = cancellable(ctx, func(token int64) int64 {
		n.SetCancel(token)
		return call(n)
	})
	return err
}

// QuantizeNF4 quantizes the linear layers in place, as bitsandbytes does.
func (m *Model) QuantizeNF4(ctx context.Context, options *QuantizeOptions) error {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return err
	}
	n, err := options.native()
	if err != nil {
		return err
	}
	defer native.DeletePeft_quantize_options(n)
	_, err = cancellable(ctx, func(token int64) int64 {
		n.SetCancel(token)
		return native.Peft_quantize_nf4(handle, n)
	})
	return err
}

// Tokenizer gives the model's own; ErrNotFound if it came without one.
func (m *Model) Tokenizer() (*Tokenizer, error) {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return nil, err
	}
	made := make([]int64, 1)
	if err := fails(native.Peft_tokenizer_from_model(handle, made)); err != nil {
		return nil, err
	}
	return tokenizerOf(made[0]), nil
}

// Parameter is one tensor with its name.
type Parameter struct {
	Name string
	ParameterInfo
}

// Module is one module that adapters can target.
type Module struct {
	Name string
	ModuleInfo
}

// ParameterAt describes a tensor; ErrNotFound past the end.
func (m *Model) ParameterAt(index int64) (Parameter, error) {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return Parameter{}, err
	}
	return parameterAt(func(n native.Peft_parameter_info, buffer native.PeftBuffer) int64 {
		return native.Peft_model_parameter_at(handle, index, n, buffer.Swigcptr())
	})
}

func parameterAt(call func(native.Peft_parameter_info, native.PeftBuffer) int64) (Parameter, error) {
	n := native.NewPeft_parameter_info()
	defer native.DeletePeft_parameter_info(n)
	name, _, err := text(func(buffer native.PeftBuffer) int64 { return call(n, buffer) })
	if err != nil {
		return Parameter{}, err
	}
	return Parameter{name, parameterInfoOf(n)}, nil
}

// Parameters describes all tensors.
func (m *Model) Parameters() iter.Seq2[Parameter, error] {
	return func(yield func(Parameter, error) bool) {
		info, err := m.Info()
		if err != nil {
			yield(Parameter{}, err)
			return
		}
		counted(info.ParameterCount, m.ParameterAt)(yield)
	}
}

// ReadParameter copies a tensor as float32, row by row, dequantized.
func (m *Model) ReadParameter(name string) ([]float32, error) {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return nil, err
	}
	return readParameter(name, m.Parameters(), func(data []float32) int64 {
		return native.Peft_model_parameter_read(handle, name, data)
	})
}

func readParameter(name string, all iter.Seq2[Parameter, error], read func([]float32) int64) ([]float32, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	for parameter, err := range all {
		if err != nil {
			return nil, err
		}
		if parameter.Name == name {
			data := make([]float32, parameter.Elements)
			return data, fails(read(data))
		}
	}
	return nil, &Error{Status: ErrNotFound, Message: "no parameter is named '" + name + "'"}
}

// ModuleAt describes a module that adapters can target; ErrNotFound past the end.
func (m *Model) ModuleAt(index int64) (Module, error) {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return Module{}, err
	}
	n := native.NewPeft_module_info()
	defer native.DeletePeft_module_info(n)
	name, _, err := text(func(buffer native.PeftBuffer) int64 {
		return native.Peft_model_module_at(handle, index, n, buffer.Swigcptr())
	})
	if err != nil {
		return Module{}, err
	}
	return Module{name, moduleInfoOf(n)}, nil
}

// Modules describes all modules that adapters can target.
func (m *Model) Modules() iter.Seq2[Module, error] {
	return func(yield func(Module, error) bool) {
		info, err := m.Info()
		if err != nil {
			yield(Module{}, err)
			return
		}
		counted(info.ModuleCount, m.ModuleAt)(yield)
	}
}
