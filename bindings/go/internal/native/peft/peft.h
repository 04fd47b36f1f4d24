/*
 * libpeft: parameter-efficient fine-tuning of language models, as a library with a C API.
 *
 * This header brings all of it. Each of the headers it includes also stands alone.
 *
 * Conventions, true for every function unless its comment says otherwise:
 *
 *  1. Results. A function returns peft_status (PEFT_OK = 0, errors < 0, information > 0), or a plain scalar,
 *     or a static string, or nothing. Objects and figures come back through pointers. No call aborts, exits,
 *     prints, or lets an exception out.
 *  2. Errors. Every function that returns peft_status first clears the calling thread's error message and
 *     sets it when it fails; peft_last_error copies it. A failed call leaves its outputs, its objects and its
 *     files as they were. Every such function can also return PEFT_E_BAD_HANDLE, PEFT_E_INVALID_ARGUMENT,
 *     PEFT_E_BUSY, PEFT_E_OUT_OF_MEMORY, PEFT_E_REENTRANT, PEFT_E_FORKED, PEFT_E_DEVICE_LOST and
 *     PEFT_E_INTERNAL; comments name the others.
 *  3. Handles. Objects are opaque pointers whose value is never an address: a freed, foreign or wrong-typed
 *     handle is PEFT_E_BAD_HANDLE, not a crash. peft_X_free(NULL) and the free of a dead handle do nothing.
 *     Objects keep alive what they need, so any order of frees is legal, from any thread. Where peft_X_retain
 *     exists, each retain asks for one free more.
 *  4. Options. An option structure begins with struct_size and is filled with the defaults by
 *     peft_X_init(&options, sizeof options), which never writes past that size. Fields are only ever added at
 *     the end; a structure of an older caller is valid and the new fields take their defaults. NULL for an
 *     options pointer means all defaults. The structure, and the strings and arrays it points to, are read
 *     during the call and never kept. A structure that was not initialised is PEFT_E_INVALID_ARGUMENT.
 *  5. Result structures and peft_row begin with struct_size too; the caller sets it and zeroes the rest:
 *     peft_model_info info = {sizeof info}; the library writes no more than that.
 *  6. Text is UTF-8. Names, paths and settings are NUL-terminated; text is a pointer and a length in bytes
 *     (text, text_len; JSON: json, json_len) and may hold NUL. Invalid UTF-8 is PEFT_E_INVALID_ARGUMENT.
 *  7. Outputs of variable size take (buf, cap, len) for text or (data, cap, len) for numbers. *len always
 *     becomes the full size in bytes or elements, without a final NUL. With buf NULL and cap 0 the call only
 *     measures and returns PEFT_OK. If cap is below the size the call returns PEFT_E_LIMIT, writes nothing
 *     but *len and changes no object. Text gets a final NUL where cap has room for it. len may be NULL.
 *  8. Arrays of input numbers are (data, n): n elements, which may be NULL if n is 0. Booleans are int32_t, 0
 *     or 1. Sizes, counts and positions are int64_t or size_t; bytes are bytes and seconds are seconds.
 *  9. Threads. A parameter that points to a const handle may be used by several threads at once ("shared");
 *     one that points to a non-const handle by one thread at a time ("exclusive"), and a clash is
 *     PEFT_E_BUSY. Functions without a handle may be called from any thread ("any"). Different handles are
 *     independent. When the process ends by exit, calls of other threads end with PEFT_E_CANCELLED.
 * 10. Callbacks come as (function, user_data, drop). They run only on the thread of the call they were given
 *     to (log callbacks: on the thread that logs), return 0 to go on, 1 to cancel, < 0 to fail with
 *     PEFT_E_CALLBACK, must not let exceptions out, and may use other objects but not the one that is calling
 *     (PEFT_E_REENTRANT). drop(user_data), where not NULL, is called exactly once when the library is done
 *     with user_data, also when the call fails. Whatever has a callback can be pulled or polled instead.
 * 11. Long calls take a cancel token. They stop within 100 ms or one layer with PEFT_E_CANCELLED, at a state
 *     from which work can go on; one text of tens of megabytes that is being encoded, within seconds.
 * 12. Files are never trusted: sizes are checked before anything is allocated, nothing in a file is executed,
 *     no path outside the given folder is opened (but through a symbolic link in it, where follow_links or a
 *     comment allows that). Saving writes a temporary name, syncs and renames: a failed or interrupted save
 *     leaves what was there.
 */
#ifndef PEFT_PEFT_H
#define PEFT_PEFT_H

#include "peft/adapter.h"
#include "peft/base.h"
#include "peft/context.h"
#include "peft/data.h"
#include "peft/estimate.h"
#include "peft/generate.h"
#include "peft/model.h"
#include "peft/text.h"
#include "peft/train.h"

#endif
