// Package peft fine-tunes transformers with adapters and serves them, by libpeft.
//
// A Context is where everything begins: load a Model in it, attach or load an Adapter, make a Dataset, train
// with a Trainer, generate with a Session. Options are structures that New...Options fills with the
// defaults; nil stands for all defaults. Calls that may take long have a context.Context, which cancels
// them.
//
// Errors are *Error with the library's status and message; errors.Is compares with ErrBusy, ErrNotFound and
// so on, and with the cause of a cancelled context.Context. What ends by itself ends with io.EOF.
//
// Objects hold memory outside Go: Close them. A forgotten one is freed some time after the garbage collector
// found it. Objects keep alive what they need, so any order of closing is right.
//
// Goroutines: Context, Model, Tokenizer, Dataset, Adapter and Cancel may be used by many at once, except by
// Model.QuantizeNF4, Merge, Unmerge and DiscardOriginals, Adapter.SetScale and Detach, which need the object
// for themselves, as all methods of Trainer, Session and StreamDecoder do but those that only read. A clash
// is ErrBusy. Close may be called from everywhere.
package peft
