// Package native is the C API of libpeft as SWIG makes it from bindings/swig/go.i; generate.go tells how.
// Nothing in it is for users of libpeft.
package native

// #cgo CXXFLAGS: -std=c++17 -O1 -I${SRCDIR}
// #cgo CFLAGS: -O1 -I${SRCDIR}
import "C"

// The headers that the generated code was made from must come along when a module is vendored.
import _ "libpeft.org/go/peft/internal/native/peft"
