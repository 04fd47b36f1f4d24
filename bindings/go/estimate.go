package peft

import (
	"runtime"

	"libpeft.org/go/peft/internal/native"
)

// Estimate tells how much memory a job on a model that is not loaded will take.
func (c *Context) Estimate(path string, options *EstimateOptions) (Estimate, error) {
	defer runtime.KeepAlive(c)
	handle, err := c.handle()
	if err != nil {
		return Estimate{}, err
	}
	if err := checkName(path); err != nil {
		return Estimate{}, err
	}
	return estimate(options, func(n native.Peft_estimate_options, result native.Peft_estimate_result) int64 {
		return native.Peft_estimate(handle, path, n, result)
	})
}

// Estimate tells how much memory a job on the model will take.
func (m *Model) Estimate(options *EstimateOptions) (Estimate, error) {
	defer runtime.KeepAlive(m)
	handle, err := m.handle()
	if err != nil {
		return Estimate{}, err
	}
	return estimate(options, func(n native.Peft_estimate_options, result native.Peft_estimate_result) int64 {
		return native.Peft_estimate_model(handle, n, result)
	})
}

func estimate(options *EstimateOptions, call func(native.Peft_estimate_options, native.Peft_estimate_result) int64,
) (Estimate, error) {
	defer runtime.KeepAlive(options)
	n, err := options.native()
	if err != nil {
		return Estimate{}, err
	}
	defer native.DeletePeft_estimate_options(n)
	// What the structure points to lives as long as the call.
	if options != nil && options.ModelOptions != nil {
		part, err := options.ModelOptions.native()
		if err != nil {
			return Estimate{}, err
		}
		defer native.DeletePeft_model_options(part)
		free, err := options.ModelOptions.quantizing(part)
		if err != nil {
			return Estimate{}, err
		}
		defer free()
		n.SetModel_options(part)
	}
	if options != nil && options.LoRAConfig != nil {
		part, err := options.LoRAConfig.native()
		if err != nil {
			return Estimate{}, err
		}
		defer native.DeletePeft_lora_config(part)
		n.SetLora_config(part)
	}
	if options != nil && options.TrainerOptions != nil {
		part, err := options.TrainerOptions.native()
		if err != nil {
			return Estimate{}, err
		}
		defer native.DeletePeft_trainer_options(part)
		n.SetTrainer_options(part)
	}
	if options != nil && options.SessionOptions != nil {
		part, err := options.SessionOptions.native()
		if err != nil {
			return Estimate{}, err
		}
		defer native.DeletePeft_session_options(part)
		n.SetSession_options(part)
	}
	result := native.NewPeft_estimate_result()
	defer native.DeletePeft_estimate_result(result)
	if err := fails(call(n, result)); err != nil {
		return Estimate{}, err
	}
	return estimateOf(result), nil
}
