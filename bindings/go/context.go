package peft

import (
	"context"
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Context says what the library may use; models, tokenizers and data sets live in one.
type Context struct{ object }

// NewContext makes a context; nil for the defaults.
func NewContext(options *ContextOptions) (*Context, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	n, err := options.native()
	if err != nil {
		return nil, err
	}
	defer native.DeletePeft_context_options(n)
	made := make([]int64, 1)
	if err := fails(native.Peft_context_create(n, made)); err != nil {
		return nil, err
	}
	c := &Context{}
	return own(c, &c.object, "context", made[0], native.Peft_context_free), nil
}

// Info reads the live figures.
func (c *Context) Info() (ContextInfo, error) {
	defer runtime.KeepAlive(c)
	handle, err := c.handle()
	if err != nil {
		return ContextInfo{}, err
	}
	n := native.NewPeft_context_info()
	defer native.DeletePeft_context_info(n)
	if err := fails(native.Peft_context_get_info(handle, n)); err != nil {
		return ContextInfo{}, err
	}
	return contextInfoOf(n), nil
}

// Trim gives cached memory back to the system.
func (c *Context) Trim() error {
	defer runtime.KeepAlive(c)
	handle, err := c.handle()
	if err != nil {
		return err
	}
	return fails(native.Peft_context_trim(handle))
}

// Inspect checks a model folder, a GGUF file or an adapter folder strictly and describes it as a JSON
// object.
func (c *Context) Inspect(ctx context.Context, path string) (string, error) {
	defer runtime.KeepAlive(c)
	handle, err := c.handle()
	if err != nil {
		return "", err
	}
	if err := checkName(path); err != nil {
		return "", err
	}
	var found string
	_, err = cancellable(ctx, func(token int64) int64 {
		buffer := native.NewPeftBuffer()
		defer native.DeletePeftBuffer(buffer)
		value := native.Peft_inspect(handle, path, token, buffer.Swigcptr())
		found = string(bytesAt(buffer.Address(), buffer.Size()))
		return value
	})
	return found, err
}

// LoadModel loads a Hugging Face folder or a GGUF file.
func (c *Context) LoadModel(ctx context.Context, path string, options *ModelOptions) (*Model, error) {
	defer runtime.KeepAlive(c)
	handle, err := c.handle()
	if err != nil {
		return nil, err
	}
	n, err := options.native()
	if err != nil {
		return nil, err
	}
	defer native.DeletePeft_model_options(n)
	// What the structure points to lives as long as the call.
	free, err := options.quantizing(n)
	if err != nil {
		return nil, err
	}
	defer free()
	if err := checkName(path); err != nil {
		return nil, err
	}
	made := make([]int64, 1)
	_, err = cancellable(ctx, func(token int64) int64 {
		n.SetCancel(token)
		return native.Peft_model_load(handle, path, n, made)
	})
	if err != nil {
		return nil, err
	}
	return modelOf(made[0]), nil
}

// LoadTokenizer loads a tokenizer alone: of a model folder, a tokenizer.json or a GGUF file.
func (c *Context) LoadTokenizer(path string) (*Tokenizer, error) {
	defer runtime.KeepAlive(c)
	handle, err := c.handle()
	if err != nil {
		return nil, err
	}
	if err := checkName(path); err != nil {
		return nil, err
	}
	made := make([]int64, 1)
	if err := fails(native.Peft_tokenizer_load(handle, path, made)); err != nil {
		return nil, err
	}
	return tokenizerOf(made[0]), nil
}
