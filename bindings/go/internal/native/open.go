//go:build peft_open && !windows

package native

// The library is opened by the first call that needs it; open.c and functions_open.c stand in for it until
// then.

// #cgo linux LDFLAGS: -ldl -lpthread
import "C"
