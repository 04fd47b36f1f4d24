package peft

import (
	"strconv"

	"libpeft.org/go/peft/internal/native"
)

// Status is how a call of the library ended. Those below zero are errors, and values to compare with by
// errors.Is.
type Status int32

const (
	StatusOK          Status = 0
	StatusEnd         Status = 1
	StatusPending     Status = 2
	StatusStepSkipped Status = 3
	StatusNote        Status = 4

	// A value is out of its range, not finite, or not initialised.
	ErrInvalidArgument Status = -1
	// The object is nil or closed.
	ErrBadHandle Status = -2
	// Another goroutine or another object uses what this call needs for itself.
	ErrBusy Status = -3
	// Memory is exhausted, or the context's bound is reached.
	ErrOutOfMemory Status = -4
	// The operating system refused to read or write.
	ErrIO Status = -5
	// A file or text is malformed.
	ErrFormat Status = -6
	// Well formed, but this build cannot do it.
	ErrUnsupported Status = -7
	// No such file, tensor, module, adapter or checkpoint; or no libpeft.
	ErrNotFound Status = -8
	// Two things that must fit do not, such as an adapter and a model; or a libpeft of another version.
	ErrMismatch Status = -9
	// A limit would be exceeded.
	ErrLimit Status = -10
	// The context.Context or the Cancel was cancelled.
	ErrCancelled Status = -11
	// A callback reported failure.
	ErrCallback Status = -12
	// A value is not finite where a finite one is needed.
	ErrNumeric Status = -13
	// The device is absent or failed.
	ErrDevice Status = -14
	// The device failed for good; only closing still works on it.
	ErrDeviceLost Status = -15
	// It would do harm and was not forced.
	ErrRefused Status = -16
	// Called from inside a callback of the same object.
	ErrReentrant Status = -17
	// Used in a child process after fork.
	ErrForked Status = -18
	// A legal call at the wrong moment.
	ErrState Status = -19
	// A bug of the library.
	ErrInternal Status = -20
)

// String is the name in C, such as "PEFT_E_FORMAT".
func (s Status) String() string {
	if name := native.Peft_status_name(int32(s)); name != "" {
		return name
	}
	switch s { // there is no library to ask
	case ErrNotFound:
		return "PEFT_E_NOT_FOUND"
	case ErrMismatch:
		return "PEFT_E_MISMATCH"
	}
	return strconv.Itoa(int(s))
}

// Error makes a status an error to compare with.
func (s Status) Error() string { return "libpeft: " + s.String() }

// Error is a failed call.
type Error struct {
	Status  Status
	Message string
	// Why a context.Context was cancelled, for ErrCancelled.
	Cause error
}

func (e *Error) Error() string {
	text := e.Status.Error()
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Cause != nil {
		text += " (" + e.Cause.Error() + ")"
	}
	return text
}

// Is compares with a Status.
func (e *Error) Is(target error) bool {
	status, ok := target.(Status)
	return ok && status == e.Status
}

func (e *Error) Unwrap() error { return e.Cause }

func invalid(message string) error { return &Error{Status: ErrInvalidArgument, Message: message} }
