/*
 * Status codes, errors, version, log, cancel tokens and devices. The conventions are in peft/peft.h.
 */
#ifndef PEFT_BASE_H
#define PEFT_BASE_H

#include <stddef.h>
#include <stdint.h>

#define PEFT_VERSION_MAJOR 0
#define PEFT_VERSION_MINOR 1
#define PEFT_VERSION_PATCH 0

/*
 * Grows when a caller compiled against an older header could break. Compare with peft_abi_version() at load.
 */
#define PEFT_ABI_VERSION 1

#if !defined(SWIG) && (defined(__GNUC__) || defined(__clang__))
#define PEFT_API __attribute__((visibility("default")))
#else
#define PEFT_API
#endif

/* Enumerations are four bytes wide: signed wherever C++ can say so, by PEFT_..._FORCE32 in C. */
#if defined(__cplusplus) && !defined(SWIG)
#define PEFT_ENUM : int32_t
#else
#define PEFT_ENUM
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Result of a call: one of peft_status_code. 0 is success, errors are below it, information above. */
typedef int32_t peft_status;

/** Values of peft_status. */
typedef enum peft_status_code PEFT_ENUM {
  PEFT_OK = 0,
  PEFT_END = 1,          /**< nothing more comes: end of data, of generation, of the log */
  PEFT_PENDING = 2,      /**< stopped by a time budget; call again to go on (kept for later versions) */
  PEFT_STEP_SKIPPED = 3, /**< a training step had a non-finite loss or gradient: counted, nothing was
                              updated */
  PEFT_NOTE = 4,         /**< done, and peft_last_error holds a remark that the user should see */
  PEFT_E_INVALID_ARGUMENT = -1, /**< a value is NULL, out of its range, not finite, or not initialised */
  PEFT_E_BAD_HANDLE = -2,       /**< the handle is NULL, freed, foreign or of another type */
  PEFT_E_BUSY = -3,             /**< another thread or another object uses what this call needs for itself */
  PEFT_E_OUT_OF_MEMORY = -4,    /**< host or device memory is exhausted, or the context's bound is reached */
  PEFT_E_IO = -5,               /**< the operating system refused to read or write */
  PEFT_E_FORMAT = -6,           /**< a file or text is malformed */
  PEFT_E_UNSUPPORTED = -7,      /**< well formed, but this build cannot do it */
  PEFT_E_NOT_FOUND = -8,        /**< no such file, tensor, module, adapter or checkpoint */
  PEFT_E_MISMATCH = -9,         /**< two things that must fit do not, such as an adapter and a model */
  PEFT_E_LIMIT = -10,           /**< a limit would be exceeded, or an output buffer is too small */
  PEFT_E_CANCELLED = -11,       /**< the cancel token was signalled, or a callback returned 1 */
  PEFT_E_CALLBACK = -12,        /**< a callback reported failure */
  PEFT_E_NUMERIC = -13,         /**< a non-finite value where a finite one is needed */
  PEFT_E_DEVICE = -14,          /**< the device is absent or failed */
  PEFT_E_DEVICE_LOST = -15,     /**< the device failed for good; only freeing still works on it */
  PEFT_E_REFUSED = -16,         /**< it would do harm and was not forced */
  PEFT_E_REENTRANT = -17,       /**< called from inside a callback of the same object */
  PEFT_E_FORKED = -18,          /**< used in a child process after fork */
  PEFT_E_STATE = -19,           /**< a legal call at the wrong moment */
  PEFT_E_INTERNAL = -20,        /**< a bug of the library */
  PEFT_STATUS_FORCE32 = 0x7fffffff
} peft_status_code;

/**
 * Element types of tensors. Block layouts are storage only; arithmetic is in float32 unless asked otherwise.
 */
typedef enum peft_dtype PEFT_ENUM {
  PEFT_DTYPE_AS_STORED = 0, /**< as the file has it, or as the model holds it */
  PEFT_DTYPE_FLOAT32 = 1,
  PEFT_DTYPE_FLOAT16 = 2,
  PEFT_DTYPE_BFLOAT16 = 3,
  PEFT_DTYPE_INT32 = 4,
  PEFT_DTYPE_INT64 = 5,
  PEFT_DTYPE_UINT8 = 6,
  PEFT_DTYPE_NF4 = 7,        /**< bitsandbytes' NormalFloat4, one float32 maximum a block */
  PEFT_DTYPE_NF4_DOUBLE = 8, /**< the same with the maxima quantized to 8 bits */
  PEFT_DTYPE_Q4_0 = 9,       /**< GGUF block types from here on */
  PEFT_DTYPE_Q4_1 = 10,
  PEFT_DTYPE_Q5_0 = 11,
  PEFT_DTYPE_Q5_1 = 12,
  PEFT_DTYPE_Q8_0 = 13,
  PEFT_DTYPE_Q2_K = 14,
  PEFT_DTYPE_Q3_K = 15,
  PEFT_DTYPE_Q4_K = 16,
  PEFT_DTYPE_Q5_K = 17,
  PEFT_DTYPE_Q6_K = 18,
  PEFT_DTYPE_FORCE32 = 0x7fffffff
} peft_dtype;

/**
 * Which memory holds what a GPU touches seldom. Host memory is pinned, and read and written by the GPU over
 * the bus; it is PEFT_E_UNSUPPORTED on the CPU, whose memory is the host's.
 */
typedef enum peft_placement PEFT_ENUM {
  PEFT_PLACEMENT_DEVICE = 0,
  PEFT_PLACEMENT_HOST = 1,
  PEFT_PLACEMENT_AUTO = 2, /**< the host's where the memory estimate does not fit the device otherwise */
  PEFT_PLACEMENT_FORCE32 = 0x7fffffff
} peft_placement;

/** A choice that the library makes unless told. */
typedef enum peft_choice PEFT_ENUM {
  PEFT_CHOICE_NO = 0,
  PEFT_CHOICE_YES = 1,
  PEFT_CHOICE_AUTO = 2,
  PEFT_CHOICE_FORCE32 = 0x7fffffff
} peft_choice;

/** How much is logged; each level includes the ones below it. */
typedef enum peft_log_level PEFT_ENUM {
  PEFT_LOG_OFF = 0,
  PEFT_LOG_ERROR = 1,
  PEFT_LOG_WARNING = 2,
  PEFT_LOG_INFO = 3,
  PEFT_LOG_DEBUG = 4,
  PEFT_LOG_FORCE32 = 0x7fffffff
} peft_log_level;

/**
 * A request to stop, shared by the call that polls it and the thread that signals it. Always used as shared.
 */
typedef struct peft_cancel peft_cancel;

/** What a device is. */
typedef struct peft_device_info {
  uint32_t struct_size;  /**< set by the caller */
  int32_t index;         /**< position in the list of devices */
  char id[32];           /**< what device options take: "cpu", "cuda:0" */
  char name[128];        /**< marketing name of the processor or GPU */
  char capabilities[128]; /**< instruction sets or compute capability: "avx2 avx512 amx-bf16", "sm_90" */
  int64_t memory_bytes;  /**< memory of the device */
  int64_t free_bytes;    /**< of which free now; for the CPU within the bound of the process's cgroup */
} peft_device_info;

/** Receives one log record. The returned value is ignored. */
typedef int32_t (*peft_log_fn)(void *user_data, peft_log_level level, const char *text, size_t text_len);

/** Called once when the library no longer needs user_data. */
typedef void (*peft_drop_fn)(void *user_data);

/**
 * Version of the library that runs.
 * @return static string such as "0.1.0"
 * Threads: any. @since 0.1
 */
PEFT_API const char *peft_version(void);

/**
 * Binary interface of the library that runs; it must equal the PEFT_ABI_VERSION a caller was compiled with.
 * @return the number
 * Threads: any. @since 0.1
 */
PEFT_API int32_t peft_abi_version(void);

/**
 * How the library was built.
 * @return static string: version, compiler, configuration, backends
 * Threads: any. @since 0.1
 */
PEFT_API const char *peft_build_info(void);

/**
 * Asks for a named capability of this build on this machine: "cpu", "cuda", "gguf", "safetensors",
 * "peft_adapters", "bitsandbytes", "chat_template", "nf4", "bfloat16_compute", "int8_activations", "amx",
 * "avx512", "avx2", a method ("lora", "ia3", "prompt_tuning") or a model family ("family:llama").
 * @param[in] name the capability
 * @return 1 if it is there, 0 if not or if name is NULL or unknown
 * Threads: any. @since 0.1
 */
PEFT_API int32_t peft_has_feature(const char *name);

/**
 * Name of a status code.
 * @param[in] status any value
 * @return static string such as "PEFT_E_FORMAT"; "PEFT_UNKNOWN" for a value that is none
 * Threads: any. @since 0.1
 */
PEFT_API const char *peft_status_name(peft_status status);

/**
 * Copies the message of the calling thread's last failed (or PEFT_NOTE) call; empty after a success. Two
 * things differ from convention 7: this call neither clears nor sets the message, and a text longer than the
 * buffer is cut at a whole code point, with PEFT_OK. A final NUL is always written where cap > 0.
 * @param[out] buf receives the text, or NULL
 * @param[in] cap bytes of buf
 * @param[out] len full length in bytes, or NULL
 * @return PEFT_OK; PEFT_E_INVALID_ARGUMENT (buf is NULL but cap is not 0)
 * Threads: any; the message belongs to the calling thread. @since 0.1
 */
PEFT_API peft_status peft_last_error(char *buf, size_t cap, size_t *len);

/**
 * Sets how much is logged, for the whole process. Default PEFT_LOG_OFF: a library is silent until asked.
 * @param[in] level the highest level to keep
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_log_set_level(peft_log_level level);

/**
 * Takes the oldest queued log record. The queue holds 1024; older ones are dropped.
 * @param[out] level level of the record, or NULL
 * @param[out] buf receives the text
 * @param[in] cap bytes of buf
 * @param[out] len length of the text
 * @return PEFT_OK; PEFT_END when the queue is empty; PEFT_E_LIMIT when cap is too small (the record stays)
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_log_poll(peft_log_level *level, char *buf, size_t cap, size_t *len);

/**
 * Sends log records to a function instead of the queue, for the whole process. It is called on the thread
 * that called the library and replaces an earlier one, whose drop is then called.
 * @param[in] function receives the records; NULL goes back to the queue
 * @param[in] user_data handed to function
 * @param[in] drop called once with user_data when the function is replaced; may be NULL
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_log_set_callback(peft_log_fn function, void *user_data, peft_drop_fn drop);

/**
 * Makes a cancel token. One token may be given to any number of calls; once signalled it stays so.
 * @param[out] out the token; free it with peft_cancel_free
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_cancel_create(peft_cancel **out);

/**
 * Asks every call that was given the token to stop.
 * @param[in] cancel the token
 * @return PEFT_OK
 * Threads: shared. Not for signal handlers: set a flag there and call this from a thread. @since 0.1
 */
PEFT_API peft_status peft_cancel_signal(const peft_cancel *cancel);

/**
 * How far the latest peft_model_load, peft_trainer_next or peft_trainer_run that was given the token has
 * come: of the weights, of the trainer's steps. Other calls do not tell.
 * @param[in] cancel the token
 * @param[out] fraction from 0 to 1; 0 before any
 * @return PEFT_OK
 * Threads: shared. @since 0.1
 */
PEFT_API peft_status peft_cancel_progress(const peft_cancel *cancel, double *fraction);

/**
 * Frees the token; calls that still hold it go on unharmed.
 * @param[in] cancel the token or NULL
 * Threads: any. @since 0.1
 */
PEFT_API void peft_cancel_free(peft_cancel *cancel);

/**
 * Counts the devices that can be used now. The CPU is always the first.
 * @param[out] count their number
 * @return PEFT_OK
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_device_count(int32_t *count);

/**
 * Describes a device.
 * @param[in] index from 0 to peft_device_count - 1
 * @param[out] info struct_size set by the caller
 * @return PEFT_OK; PEFT_E_NOT_FOUND
 * Threads: any. @since 0.1
 */
PEFT_API peft_status peft_device_get_info(int32_t index, peft_device_info *info);

#ifdef __cplusplus
}
#endif

#endif
