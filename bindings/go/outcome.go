package peft

import (
	"unsafe"

	"libpeft.org/go/peft/internal/native"
)

// What generated functions give: a status below this, or the address of a remark, or minus that of a
// failure.
const firstAddress = 4096

func outcome(value int64) (Status, error) {
	status, _, err := outcomeAndNote(value)
	return status, err
}

// fails is outcome where success is all there is to know.
func fails(value int64) error {
	_, err := outcome(value)
	return err
}

// outcomeAndNote also gives the remark that comes with StatusNote.
func outcomeAndNote(value int64) (Status, string, error) {
	if value >= 0 && value < firstAddress {
		return Status(value), "", nil
	}
	address := max(value, -value)
	defer native.Peft_failure_free(address)
	status := Status(native.Peft_failure_code(address))
	message := bytesAt(native.Peft_failure_text(address), native.Peft_failure_size(address))
	if value > 0 {
		return status, string(message), nil
	}
	return status, "", &Error{Status: status, Message: string(message)}
}

// pointer makes an address outside Go a pointer.
func pointer(address int64) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// bytesAt is memory of the library's, to be copied at once.
func bytesAt(address, size int64) []byte {
	if size == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(address)), size)
}

// text makes a call that writes text into a buffer.
func text(call func(buffer native.PeftBuffer) int64) (string, Status, error) {
	return longText(0, call)
}

// longText has room for a size in bytes that is guessed: a call that finds too little is made twice.
func longText(guess int, call func(buffer native.PeftBuffer) int64) (string, Status, error) {
	buffer := native.NewPeftBuffer()
	defer native.DeletePeftBuffer(buffer)
	buffer.Reserve(int64(guess))
	status, err := outcome(call(buffer))
	if err != nil {
		return "", status, err
	}
	return string(bytesAt(buffer.Address(), buffer.Size())), status, nil
}

// integers makes a call that writes numbers into a buffer.
func integers(call func(buffer native.PeftBuffer) int64) ([]int32, error) {
	return manyIntegers(0, call)
}

// manyIntegers has room for a number that is guessed: a call that finds too little is made twice.
func manyIntegers(guess int, call func(buffer native.PeftBuffer) int64) ([]int32, error) {
	buffer := native.NewPeftBuffer()
	defer native.DeletePeftBuffer(buffer)
	buffer.Reserve(4 * int64(guess))
	if err := fails(call(buffer)); err != nil {
		return nil, err
	}
	count := buffer.Size() / 4
	if count == 0 {
		return nil, nil
	}
	return append([]int32(nil), unsafe.Slice((*int32)(pointer(buffer.Address())), count)...), nil
}
