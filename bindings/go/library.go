package peft

import (
	"fmt"
	"iter"
	"sync"

	"libpeft.org/go/peft/internal/native"
)

// ABIVersion is the binary interface that this package was made for.
const ABIVersion = native.PEFT_ABI_VERSION

// Check finds out whether the library is there and has the right version. Functions that need no object call
// it first; its error says what was looked for and found.
func Check() error { return check() }

var check = sync.OnceValue(func() error {
	found := native.Peft_abi_version()
	if found == -1 { // only a library that is opened at run time can be missing here
		message, _, _ := text(func(buffer native.PeftBuffer) int64 { return native.Peft_last_error(buffer.Swigcptr()) })
		return &Error{Status: ErrNotFound, Message: message}
	}
	if found != ABIVersion {
		message := fmt.Sprintf("libpeft %q was found with ABI version %d, this package needs %d",
			native.Peft_version(), found, ABIVersion)
		return &Error{Status: ErrMismatch, Message: message}
	}
	return nil
})

// Version of the library that runs, such as "0.1.0".
func Version() string { return native.Peft_version() }

// LibraryABIVersion is the binary interface of the library that runs.
func LibraryABIVersion() int { return native.Peft_abi_version() }

// BuildInfo says how the library was built.
func BuildInfo() string { return native.Peft_build_info() }

// HasFeature asks for a capability: "cuda", "gguf", "nf4", "lora", "family:llama" and so on.
func HasFeature(name string) bool {
	return checkName(name) == nil && native.Peft_has_feature(name) != 0
}

// DeviceCount is the number of devices that can be used now; the CPU is always the first.
func DeviceCount() (int, error) {
	if err := Check(); err != nil {
		return 0, err
	}
	count := make([]int32, 1)
	err := fails(native.Peft_device_count(count))
	return int(count[0]), err
}

// Device describes a device.
func Device(index int) (DeviceInfo, error) {
	if err := Check(); err != nil {
		return DeviceInfo{}, err
	}
	n := native.NewPeft_device_info()
	defer native.DeletePeft_device_info(n)
	if err := fails(native.Peft_device_get_info(index, n)); err != nil {
		return DeviceInfo{}, err
	}
	return deviceInfoOf(n), nil
}

// Devices describes all devices.
func Devices() iter.Seq2[DeviceInfo, error] {
	return func(yield func(DeviceInfo, error) bool) {
		count, err := DeviceCount()
		if err != nil {
			yield(DeviceInfo{}, err)
			return
		}
		counted(int64(count), func(index int64) (DeviceInfo, error) { return Device(int(index)) })(yield)
	}
}

// counted yields what at gives for 0 to count - 1, and ends after an error.
func counted[T any](count int64, at func(index int64) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for i := range count {
			item, err := at(i)
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}
