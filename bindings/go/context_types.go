package peft

import "libpeft.org/go/peft/internal/native"

// DeviceInfo: what a device is.
type DeviceInfo struct {
	// Position in the list of devices.
	Index int
	// What device options take: "cpu", "cuda:0".
	ID string
	// Marketing name of the processor or GPU.
	Name string
	// Instruction sets or compute capability: "avx2 avx512 amx-bf16", "sm_90".
	Capabilities string
	// Memory of the device.
	MemoryBytes int64
	// Of which free now; for the CPU within the bound of the process's cgroup.
	FreeBytes int64
}

func deviceInfoOf(n native.Peft_device_info) DeviceInfo {
	return DeviceInfo{
		Index:        n.GetIndex(),
		ID:           n.GetId(),
		Name:         n.GetName(),
		Capabilities: n.GetCapabilities(),
		MemoryBytes:  n.GetMemory_bytes(),
		FreeBytes:    n.GetFree_bytes(),
	}
}

// ContextOptions: what a context may use. 0 in a bound means the library's own default, which fits real
// models. Made by NewContextOptions, which fills in the defaults.
type ContextOptions struct {
	made bool
	// Threads of one computation; default 0 = as many as the process may run on. The process has one pool:
	// later contexts share it. No result depends on it.
	Threads int
	// Bytes of weights, adapters and work held by all objects of the context; default 0 = no bound. Beyond
	// it calls fail with ErrOutOfMemory.
	MaxMemoryBytes int64
	// One JSON file; default 0 = 256 MiB (tokenizers of 256k words have 30 MB).
	MaxJSONBytes int64
	// One text to encode; default 0 = 64 MiB.
	MaxTextBytes int64
	// One row of a data set; default 0 = 64 MiB.
	MaxDataRowBytes int64
	// Tokens of one row or session; default 0 = 1048576.
	MaxTokens int64
	// Work of one chat template; default 0 = 10 million steps of its interpreter.
	MaxTemplateSteps int64
}

// NewContextOptions gives the defaults.
func NewContextOptions() *ContextOptions {
	n := native.NewPeft_context_options()
	defer native.DeletePeft_context_options(n)
	return &ContextOptions{
		made:             true,
		Threads:          n.GetThreads(),
		MaxMemoryBytes:   n.GetMax_memory_bytes(),
		MaxJSONBytes:     n.GetMax_json_bytes(),
		MaxTextBytes:     n.GetMax_text_bytes(),
		MaxDataRowBytes:  n.GetMax_data_row_bytes(),
		MaxTokens:        n.GetMax_tokens(),
		MaxTemplateSteps: n.GetMax_template_steps(),
	}
}

// native makes the structure of C, with the defaults for nil; whoever asked for it deletes it.
func (o *ContextOptions) native() (native.Peft_context_options, error) {
	n := native.NewPeft_context_options()
	if o == nil {
		return n, nil
	}
	var check fields
	check.made("ContextOptions", o.made)
	n.SetThreads(o.Threads)
	n.SetMax_memory_bytes(o.MaxMemoryBytes)
	n.SetMax_json_bytes(o.MaxJSONBytes)
	n.SetMax_text_bytes(o.MaxTextBytes)
	n.SetMax_data_row_bytes(o.MaxDataRowBytes)
	n.SetMax_tokens(o.MaxTokens)
	n.SetMax_template_steps(o.MaxTemplateSteps)
	if check.failed != nil {
		native.DeletePeft_context_options(n)
		return nil, check.failed
	}
	return n, nil
}

// ContextInfo: what a context and the process use now.
type ContextInfo struct {
	// Threads of one computation.
	Threads int
	// Held now by all objects of the context.
	MemoryBytes int64
	// The most that was ever held.
	PeakMemoryBytes int64
	// Resident set of the process.
	ResidentBytes int64
	// The largest resident set of the process so far.
	PeakResidentBytes int64
	// What the system could still give, within the cgroup's bound.
	AvailableBytes int64
}

func contextInfoOf(n native.Peft_context_info) ContextInfo {
	return ContextInfo{
		Threads:           n.GetThreads(),
		MemoryBytes:       n.GetMemory_bytes(),
		PeakMemoryBytes:   n.GetPeak_memory_bytes(),
		ResidentBytes:     n.GetResident_bytes(),
		PeakResidentBytes: n.GetPeak_resident_bytes(),
		AvailableBytes:    n.GetAvailable_bytes(),
	}
}
