//go:build !peft_open

package native

// The library is linked: pkg-config says where it is.

// #cgo pkg-config: libpeft
import "C"
