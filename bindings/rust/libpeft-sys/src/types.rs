pub const PEFT_VERSION_MAJOR: u32 = 0;
pub const PEFT_VERSION_MINOR: u32 = 1;
pub const PEFT_VERSION_PATCH: u32 = 0;
pub const PEFT_ABI_VERSION: u32 = 1;
pub const PEFT_LABEL_IGNORED: i32 = -100;
#[doc = " Result of a call: one of peft_status_code. 0 is success, errors are below it, information above."]
pub type peft_status = i32;
impl peft_status_code {
    pub const PEFT_OK: peft_status_code = peft_status_code(0);
    #[doc = " nothing more comes: end of data, of generation, of the log"]
    pub const PEFT_END: peft_status_code = peft_status_code(1);
    #[doc = " stopped by a time budget; call again to go on (kept for later versions)"]
    pub const PEFT_PENDING: peft_status_code = peft_status_code(2);
    #[doc = " a training step had a non-finite loss or gradient: counted, nothing was\nupdated"]
    pub const PEFT_STEP_SKIPPED: peft_status_code = peft_status_code(3);
    #[doc = " done, and peft_last_error holds a remark that the user should see"]
    pub const PEFT_NOTE: peft_status_code = peft_status_code(4);
    #[doc = " a value is NULL, out of its range, not finite, or not initialised"]
    pub const PEFT_E_INVALID_ARGUMENT: peft_status_code = peft_status_code(-1);
    #[doc = " the handle is NULL, freed, foreign or of another type"]
    pub const PEFT_E_BAD_HANDLE: peft_status_code = peft_status_code(-2);
    #[doc = " another thread or another object uses what this call needs for itself"]
    pub const PEFT_E_BUSY: peft_status_code = peft_status_code(-3);
    #[doc = " host or device memory is exhausted, or the context's bound is reached"]
    pub const PEFT_E_OUT_OF_MEMORY: peft_status_code = peft_status_code(-4);
    #[doc = " the operating system refused to read or write"]
    pub const PEFT_E_IO: peft_status_code = peft_status_code(-5);
    #[doc = " a file or text is malformed"]
    pub const PEFT_E_FORMAT: peft_status_code = peft_status_code(-6);
    #[doc = " well formed, but this build cannot do it"]
    pub const PEFT_E_UNSUPPORTED: peft_status_code = peft_status_code(-7);
    #[doc = " no such file, tensor, module, adapter or checkpoint"]
    pub const PEFT_E_NOT_FOUND: peft_status_code = peft_status_code(-8);
    #[doc = " two things that must fit do not, such as an adapter and a model"]
    pub const PEFT_E_MISMATCH: peft_status_code = peft_status_code(-9);
    #[doc = " a limit would be exceeded, or an output buffer is too small"]
    pub const PEFT_E_LIMIT: peft_status_code = peft_status_code(-10);
    #[doc = " the cancel token was signalled, or a callback returned 1"]
    pub const PEFT_E_CANCELLED: peft_status_code = peft_status_code(-11);
    #[doc = " a callback reported failure"]
    pub const PEFT_E_CALLBACK: peft_status_code = peft_status_code(-12);
    #[doc = " a non-finite value where a finite one is needed"]
    pub const PEFT_E_NUMERIC: peft_status_code = peft_status_code(-13);
    #[doc = " the device is absent or failed"]
    pub const PEFT_E_DEVICE: peft_status_code = peft_status_code(-14);
    #[doc = " the device failed for good; only freeing still works on it"]
    pub const PEFT_E_DEVICE_LOST: peft_status_code = peft_status_code(-15);
    #[doc = " it would do harm and was not forced"]
    pub const PEFT_E_REFUSED: peft_status_code = peft_status_code(-16);
    #[doc = " called from inside a callback of the same object"]
    pub const PEFT_E_REENTRANT: peft_status_code = peft_status_code(-17);
    #[doc = " used in a child process after fork"]
    pub const PEFT_E_FORKED: peft_status_code = peft_status_code(-18);
    #[doc = " a legal call at the wrong moment"]
    pub const PEFT_E_STATE: peft_status_code = peft_status_code(-19);
    #[doc = " a bug of the library"]
    pub const PEFT_E_INTERNAL: peft_status_code = peft_status_code(-20);
    pub const PEFT_STATUS_FORCE32: peft_status_code = peft_status_code(2147483647);
}
#[repr(transparent)]
#[doc = " Values of peft_status."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_status_code(pub i32);
impl peft_dtype {
    #[doc = " as the file has it, or as the model holds it"]
    pub const PEFT_DTYPE_AS_STORED: peft_dtype = peft_dtype(0);
    pub const PEFT_DTYPE_FLOAT32: peft_dtype = peft_dtype(1);
    pub const PEFT_DTYPE_FLOAT16: peft_dtype = peft_dtype(2);
    pub const PEFT_DTYPE_BFLOAT16: peft_dtype = peft_dtype(3);
    pub const PEFT_DTYPE_INT32: peft_dtype = peft_dtype(4);
    pub const PEFT_DTYPE_INT64: peft_dtype = peft_dtype(5);
    pub const PEFT_DTYPE_UINT8: peft_dtype = peft_dtype(6);
    #[doc = " bitsandbytes' NormalFloat4, one float32 maximum a block"]
    pub const PEFT_DTYPE_NF4: peft_dtype = peft_dtype(7);
    #[doc = " the same with the maxima quantized to 8 bits"]
    pub const PEFT_DTYPE_NF4_DOUBLE: peft_dtype = peft_dtype(8);
    #[doc = " GGUF block types from here on"]
    pub const PEFT_DTYPE_Q4_0: peft_dtype = peft_dtype(9);
    pub const PEFT_DTYPE_Q4_1: peft_dtype = peft_dtype(10);
    pub const PEFT_DTYPE_Q5_0: peft_dtype = peft_dtype(11);
    pub const PEFT_DTYPE_Q5_1: peft_dtype = peft_dtype(12);
    pub const PEFT_DTYPE_Q8_0: peft_dtype = peft_dtype(13);
    pub const PEFT_DTYPE_Q2_K: peft_dtype = peft_dtype(14);
    pub const PEFT_DTYPE_Q3_K: peft_dtype = peft_dtype(15);
    pub const PEFT_DTYPE_Q4_K: peft_dtype = peft_dtype(16);
    pub const PEFT_DTYPE_Q5_K: peft_dtype = peft_dtype(17);
    pub const PEFT_DTYPE_Q6_K: peft_dtype = peft_dtype(18);
    pub const PEFT_DTYPE_FORCE32: peft_dtype = peft_dtype(2147483647);
}
#[repr(transparent)]
#[doc = " Element types of tensors. Block layouts are storage only; arithmetic is in float32 unless asked otherwise."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_dtype(pub i32);
impl peft_choice {
    pub const PEFT_CHOICE_NO: peft_choice = peft_choice(0);
    pub const PEFT_CHOICE_YES: peft_choice = peft_choice(1);
    pub const PEFT_CHOICE_AUTO: peft_choice = peft_choice(2);
    pub const PEFT_CHOICE_FORCE32: peft_choice = peft_choice(2147483647);
}
#[repr(transparent)]
#[doc = " A choice that the library makes unless told."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_choice(pub i32);
impl peft_log_level {
    pub const PEFT_LOG_OFF: peft_log_level = peft_log_level(0);
    pub const PEFT_LOG_ERROR: peft_log_level = peft_log_level(1);
    pub const PEFT_LOG_WARNING: peft_log_level = peft_log_level(2);
    pub const PEFT_LOG_INFO: peft_log_level = peft_log_level(3);
    pub const PEFT_LOG_DEBUG: peft_log_level = peft_log_level(4);
    pub const PEFT_LOG_FORCE32: peft_log_level = peft_log_level(2147483647);
}
#[repr(transparent)]
#[doc = " How much is logged; each level includes the ones below it."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_log_level(pub i32);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_cancel {
    _unused: [u8; 0],
}
#[doc = " What a device is."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_device_info {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " position in the list of devices"]
    pub index: i32,
    #[doc = " what device options take: \"cpu\", \"cuda:0\""]
    pub id: [::std::os::raw::c_char; 32usize],
    #[doc = " marketing name of the processor or GPU"]
    pub name: [::std::os::raw::c_char; 128usize],
    #[doc = " instruction sets or compute capability: \"avx2 avx512 amx-bf16\", \"sm_90\""]
    pub capabilities: [::std::os::raw::c_char; 128usize],
    #[doc = " memory of the device"]
    pub memory_bytes: i64,
    #[doc = " of which free now; for the CPU within the bound of the process's cgroup"]
    pub free_bytes: i64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_device_info"][::std::mem::size_of::<peft_device_info>() - 312usize];
    ["Alignment of peft_device_info"][::std::mem::align_of::<peft_device_info>() - 8usize];
    ["Offset of field: peft_device_info::struct_size"]
        [::std::mem::offset_of!(peft_device_info, struct_size) - 0usize];
    ["Offset of field: peft_device_info::index"][::std::mem::offset_of!(peft_device_info, index) - 4usize];
    ["Offset of field: peft_device_info::id"][::std::mem::offset_of!(peft_device_info, id) - 8usize];
    ["Offset of field: peft_device_info::name"][::std::mem::offset_of!(peft_device_info, name) - 40usize];
    ["Offset of field: peft_device_info::capabilities"]
        [::std::mem::offset_of!(peft_device_info, capabilities) - 168usize];
    ["Offset of field: peft_device_info::memory_bytes"]
        [::std::mem::offset_of!(peft_device_info, memory_bytes) - 296usize];
    ["Offset of field: peft_device_info::free_bytes"]
        [::std::mem::offset_of!(peft_device_info, free_bytes) - 304usize];
};
#[doc = " Receives one log record. The returned value is ignored."]
pub type peft_log_fn = ::std::option::Option<
    unsafe extern "C" fn(
        user_data: *mut ::std::os::raw::c_void,
        level: peft_log_level,
        text: *const ::std::os::raw::c_char,
        text_len: usize,
    ) -> i32,
>;
#[doc = " Called once when the library no longer needs user_data."]
pub type peft_drop_fn = ::std::option::Option<unsafe extern "C" fn(user_data: *mut ::std::os::raw::c_void)>;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_context {
    _unused: [u8; 0],
}
#[doc = " What a context may use. 0 in a bound means the library's own default, which fits real models."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_context_options {
    pub struct_size: u32,
    #[doc = " threads of one computation; default 0 = as many as the process may run\non. The process has one pool: later contexts share it. No result depends\non it"]
    pub threads: i32,
    #[doc = " bytes of weights, adapters and work held by all objects of the context;\ndefault 0 = no bound. Beyond it calls fail with PEFT_E_OUT_OF_MEMORY"]
    pub max_memory_bytes: i64,
    #[doc = " one JSON file; default 0 = 256 MiB (tokenizers of 256k words have 30 MB)"]
    pub max_json_bytes: i64,
    #[doc = " one text to encode; default 0 = 64 MiB"]
    pub max_text_bytes: i64,
    #[doc = " one row of a data set; default 0 = 64 MiB"]
    pub max_data_row_bytes: i64,
    #[doc = " tokens of one row or session; default 0 = 1048576"]
    pub max_tokens: i64,
    #[doc = " work of one chat template; default 0 = 10 million steps of its\ninterpreter"]
    pub max_template_steps: i64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_context_options"][::std::mem::size_of::<peft_context_options>() - 56usize];
    ["Alignment of peft_context_options"][::std::mem::align_of::<peft_context_options>() - 8usize];
    ["Offset of field: peft_context_options::struct_size"]
        [::std::mem::offset_of!(peft_context_options, struct_size) - 0usize];
    ["Offset of field: peft_context_options::threads"]
        [::std::mem::offset_of!(peft_context_options, threads) - 4usize];
    ["Offset of field: peft_context_options::max_memory_bytes"]
        [::std::mem::offset_of!(peft_context_options, max_memory_bytes) - 8usize];
    ["Offset of field: peft_context_options::max_json_bytes"]
        [::std::mem::offset_of!(peft_context_options, max_json_bytes) - 16usize];
    ["Offset of field: peft_context_options::max_text_bytes"]
        [::std::mem::offset_of!(peft_context_options, max_text_bytes) - 24usize];
    ["Offset of field: peft_context_options::max_data_row_bytes"]
        [::std::mem::offset_of!(peft_context_options, max_data_row_bytes) - 32usize];
    ["Offset of field: peft_context_options::max_tokens"]
        [::std::mem::offset_of!(peft_context_options, max_tokens) - 40usize];
    ["Offset of field: peft_context_options::max_template_steps"]
        [::std::mem::offset_of!(peft_context_options, max_template_steps) - 48usize];
};
#[doc = " What a context and the process use now."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_context_info {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " threads of one computation"]
    pub threads: i32,
    #[doc = " held now by all objects of the context"]
    pub memory_bytes: i64,
    #[doc = " the most that was ever held"]
    pub peak_memory_bytes: i64,
    #[doc = " resident set of the process"]
    pub resident_bytes: i64,
    #[doc = " the largest resident set of the process so far"]
    pub peak_resident_bytes: i64,
    #[doc = " what the system could still give, within the cgroup's bound"]
    pub available_bytes: i64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_context_info"][::std::mem::size_of::<peft_context_info>() - 48usize];
    ["Alignment of peft_context_info"][::std::mem::align_of::<peft_context_info>() - 8usize];
    ["Offset of field: peft_context_info::struct_size"]
        [::std::mem::offset_of!(peft_context_info, struct_size) - 0usize];
    ["Offset of field: peft_context_info::threads"]
        [::std::mem::offset_of!(peft_context_info, threads) - 4usize];
    ["Offset of field: peft_context_info::memory_bytes"]
        [::std::mem::offset_of!(peft_context_info, memory_bytes) - 8usize];
    ["Offset of field: peft_context_info::peak_memory_bytes"]
        [::std::mem::offset_of!(peft_context_info, peak_memory_bytes) - 16usize];
    ["Offset of field: peft_context_info::resident_bytes"]
        [::std::mem::offset_of!(peft_context_info, resident_bytes) - 24usize];
    ["Offset of field: peft_context_info::peak_resident_bytes"]
        [::std::mem::offset_of!(peft_context_info, peak_resident_bytes) - 32usize];
    ["Offset of field: peft_context_info::available_bytes"]
        [::std::mem::offset_of!(peft_context_info, available_bytes) - 40usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_model {
    _unused: [u8; 0],
}
#[doc = " Told how far a call has come. Returns 0 to go on, 1 to cancel, < 0 to fail."]
pub type peft_progress_fn =
    ::std::option::Option<unsafe extern "C" fn(user_data: *mut ::std::os::raw::c_void, fraction: f64) -> i32>;
#[doc = " How to load a model."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_model_options {
    pub struct_size: u32,
    #[doc = " PEFT_DTYPE_AS_STORED (default: nothing is lost or grown), _FLOAT32 or\n_BFLOAT16. Quantized blocks stay as stored unless a plain type is asked\nfor"]
    pub dtype: peft_dtype,
    #[doc = " \"cpu\" (default), \"cuda:0\" and so on, or \"auto\": the first GPU where\nthere is one, else the CPU. No silent fallback otherwise. NULL = the\ndefault"]
    pub device: *const ::std::os::raw::c_char,
    #[doc = " 1: do not look for a tokenizer; default 0"]
    pub without_tokenizer: i32,
    #[doc = " 1: files may be symbolic links that lead out of the folder, as in Hugging\nFace's cache; default 0"]
    pub follow_links: i32,
    #[doc = " may be NULL"]
    pub cancel: *const peft_cancel,
    #[doc = " may be NULL; peft_cancel_progress polls the same"]
    pub progress: peft_progress_fn,
    #[doc = " handed to progress"]
    pub user_data: *mut ::std::os::raw::c_void,
    #[doc = " called once with user_data when the call is over; may be NULL"]
    pub drop: peft_drop_fn,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_model_options"][::std::mem::size_of::<peft_model_options>() - 56usize];
    ["Alignment of peft_model_options"][::std::mem::align_of::<peft_model_options>() - 8usize];
    ["Offset of field: peft_model_options::struct_size"]
        [::std::mem::offset_of!(peft_model_options, struct_size) - 0usize];
    ["Offset of field: peft_model_options::dtype"]
        [::std::mem::offset_of!(peft_model_options, dtype) - 4usize];
    ["Offset of field: peft_model_options::device"]
        [::std::mem::offset_of!(peft_model_options, device) - 8usize];
    ["Offset of field: peft_model_options::without_tokenizer"]
        [::std::mem::offset_of!(peft_model_options, without_tokenizer) - 16usize];
    ["Offset of field: peft_model_options::follow_links"]
        [::std::mem::offset_of!(peft_model_options, follow_links) - 20usize];
    ["Offset of field: peft_model_options::cancel"]
        [::std::mem::offset_of!(peft_model_options, cancel) - 24usize];
    ["Offset of field: peft_model_options::progress"]
        [::std::mem::offset_of!(peft_model_options, progress) - 32usize];
    ["Offset of field: peft_model_options::user_data"]
        [::std::mem::offset_of!(peft_model_options, user_data) - 40usize];
    ["Offset of field: peft_model_options::drop"][::std::mem::offset_of!(peft_model_options, drop) - 48usize];
};
#[doc = " What a model is. Figures that a family does not have are 0."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_model_info {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " type that holds most of the weights"]
    pub dtype: peft_dtype,
    #[doc = " \"llama\", \"qwen2\", \"qwen3\", \"mistral\", \"gpt2\" ..."]
    pub family: [::std::os::raw::c_char; 32usize],
    #[doc = " \"cpu\", \"cuda:0\""]
    pub device: [::std::os::raw::c_char; 32usize],
    #[doc = " numbers in the base weights, a tied one counted once"]
    pub parameter_elements: i64,
    #[doc = " memory of the base weights"]
    pub weight_bytes: i64,
    #[doc = " memory of originals that a merge keeps for peft_unmerge"]
    pub original_bytes: i64,
    #[doc = " tensors; see peft_model_parameter_at"]
    pub parameter_count: i64,
    #[doc = " modules that adapters can target; see peft_model_module_at"]
    pub module_count: i64,
    #[doc = " attached adapters; see peft_model_adapter_at"]
    pub adapter_count: i64,
    pub layers: i64,
    pub hidden_size: i64,
    pub attention_heads: i64,
    pub key_value_heads: i64,
    pub head_size: i64,
    pub feed_forward_size: i64,
    #[doc = " rows of the embedding, which may exceed the tokenizer's words"]
    pub vocabulary_size: i64,
    #[doc = " longest sequence that the model was made for"]
    pub context_length: i64,
    #[doc = " tensors in the report of the last merge; see peft_merge_tensor_at"]
    pub merge_tensor_count: i64,
    #[doc = " adapters merged and not undone"]
    pub merged_adapters: i32,
    #[doc = " 1: the output head is the embedding"]
    pub tied_head: i32,
    pub has_tokenizer: i32,
    pub has_chat_template: i32,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_model_info"][::std::mem::size_of::<peft_model_info>() - 208usize];
    ["Alignment of peft_model_info"][::std::mem::align_of::<peft_model_info>() - 8usize];
    ["Offset of field: peft_model_info::struct_size"]
        [::std::mem::offset_of!(peft_model_info, struct_size) - 0usize];
    ["Offset of field: peft_model_info::dtype"][::std::mem::offset_of!(peft_model_info, dtype) - 4usize];
    ["Offset of field: peft_model_info::family"][::std::mem::offset_of!(peft_model_info, family) - 8usize];
    ["Offset of field: peft_model_info::device"][::std::mem::offset_of!(peft_model_info, device) - 40usize];
    ["Offset of field: peft_model_info::parameter_elements"]
        [::std::mem::offset_of!(peft_model_info, parameter_elements) - 72usize];
    ["Offset of field: peft_model_info::weight_bytes"]
        [::std::mem::offset_of!(peft_model_info, weight_bytes) - 80usize];
    ["Offset of field: peft_model_info::original_bytes"]
        [::std::mem::offset_of!(peft_model_info, original_bytes) - 88usize];
    ["Offset of field: peft_model_info::parameter_count"]
        [::std::mem::offset_of!(peft_model_info, parameter_count) - 96usize];
    ["Offset of field: peft_model_info::module_count"]
        [::std::mem::offset_of!(peft_model_info, module_count) - 104usize];
    ["Offset of field: peft_model_info::adapter_count"]
        [::std::mem::offset_of!(peft_model_info, adapter_count) - 112usize];
    ["Offset of field: peft_model_info::layers"][::std::mem::offset_of!(peft_model_info, layers) - 120usize];
    ["Offset of field: peft_model_info::hidden_size"]
        [::std::mem::offset_of!(peft_model_info, hidden_size) - 128usize];
    ["Offset of field: peft_model_info::attention_heads"]
        [::std::mem::offset_of!(peft_model_info, attention_heads) - 136usize];
    ["Offset of field: peft_model_info::key_value_heads"]
        [::std::mem::offset_of!(peft_model_info, key_value_heads) - 144usize];
    ["Offset of field: peft_model_info::head_size"]
        [::std::mem::offset_of!(peft_model_info, head_size) - 152usize];
    ["Offset of field: peft_model_info::feed_forward_size"]
        [::std::mem::offset_of!(peft_model_info, feed_forward_size) - 160usize];
    ["Offset of field: peft_model_info::vocabulary_size"]
        [::std::mem::offset_of!(peft_model_info, vocabulary_size) - 168usize];
    ["Offset of field: peft_model_info::context_length"]
        [::std::mem::offset_of!(peft_model_info, context_length) - 176usize];
    ["Offset of field: peft_model_info::merge_tensor_count"]
        [::std::mem::offset_of!(peft_model_info, merge_tensor_count) - 184usize];
    ["Offset of field: peft_model_info::merged_adapters"]
        [::std::mem::offset_of!(peft_model_info, merged_adapters) - 192usize];
    ["Offset of field: peft_model_info::tied_head"]
        [::std::mem::offset_of!(peft_model_info, tied_head) - 196usize];
    ["Offset of field: peft_model_info::has_tokenizer"]
        [::std::mem::offset_of!(peft_model_info, has_tokenizer) - 200usize];
    ["Offset of field: peft_model_info::has_chat_template"]
        [::std::mem::offset_of!(peft_model_info, has_chat_template) - 204usize];
};
#[doc = " One tensor of a model or an adapter."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_parameter_info {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " as held in memory"]
    pub dtype: peft_dtype,
    #[doc = " outermost first; unused places are 0"]
    pub shape: [i64; 4usize],
    #[doc = " used places of shape"]
    pub dimensions: i32,
    #[doc = " 1: training changes it (adapters only)"]
    pub trainable: i32,
    pub elements: i64,
    pub bytes: i64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_parameter_info"][::std::mem::size_of::<peft_parameter_info>() - 64usize];
    ["Alignment of peft_parameter_info"][::std::mem::align_of::<peft_parameter_info>() - 8usize];
    ["Offset of field: peft_parameter_info::struct_size"]
        [::std::mem::offset_of!(peft_parameter_info, struct_size) - 0usize];
    ["Offset of field: peft_parameter_info::dtype"]
        [::std::mem::offset_of!(peft_parameter_info, dtype) - 4usize];
    ["Offset of field: peft_parameter_info::shape"]
        [::std::mem::offset_of!(peft_parameter_info, shape) - 8usize];
    ["Offset of field: peft_parameter_info::dimensions"]
        [::std::mem::offset_of!(peft_parameter_info, dimensions) - 40usize];
    ["Offset of field: peft_parameter_info::trainable"]
        [::std::mem::offset_of!(peft_parameter_info, trainable) - 44usize];
    ["Offset of field: peft_parameter_info::elements"]
        [::std::mem::offset_of!(peft_parameter_info, elements) - 48usize];
    ["Offset of field: peft_parameter_info::bytes"]
        [::std::mem::offset_of!(peft_parameter_info, bytes) - 56usize];
};
#[doc = " One module that adapters can target."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_module_info {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " number of its layer, -1 outside the layers"]
    pub layer: i32,
    #[doc = " \"linear\", \"conv1d\" (stored transposed), \"embedding\", \"norm\""]
    pub kind: [::std::os::raw::c_char; 32usize],
    pub in_features: i64,
    pub out_features: i64,
    #[doc = " type of its weight"]
    pub dtype: peft_dtype,
    #[doc = " 1: \"all-linear\" leaves it out"]
    pub is_output_head: i32,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_module_info"][::std::mem::size_of::<peft_module_info>() - 64usize];
    ["Alignment of peft_module_info"][::std::mem::align_of::<peft_module_info>() - 8usize];
    ["Offset of field: peft_module_info::struct_size"]
        [::std::mem::offset_of!(peft_module_info, struct_size) - 0usize];
    ["Offset of field: peft_module_info::layer"][::std::mem::offset_of!(peft_module_info, layer) - 4usize];
    ["Offset of field: peft_module_info::kind"][::std::mem::offset_of!(peft_module_info, kind) - 8usize];
    ["Offset of field: peft_module_info::in_features"]
        [::std::mem::offset_of!(peft_module_info, in_features) - 40usize];
    ["Offset of field: peft_module_info::out_features"]
        [::std::mem::offset_of!(peft_module_info, out_features) - 48usize];
    ["Offset of field: peft_module_info::dtype"][::std::mem::offset_of!(peft_module_info, dtype) - 56usize];
    ["Offset of field: peft_module_info::is_output_head"]
        [::std::mem::offset_of!(peft_module_info, is_output_head) - 60usize];
};
impl peft_file_format {
    #[doc = " GGUF where the path ends in \".gguf\", else a safetensors folder"]
    pub const PEFT_FILE_AUTO: peft_file_format = peft_file_format(0);
    pub const PEFT_FILE_SAFETENSORS: peft_file_format = peft_file_format(1);
    pub const PEFT_FILE_GGUF: peft_file_format = peft_file_format(2);
    pub const PEFT_FILE_FORCE32: peft_file_format = peft_file_format(2147483647);
}
#[repr(transparent)]
#[doc = " File formats for saving."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_file_format(pub i32);
#[doc = " How to save a model or an adapter."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_save_options {
    pub struct_size: u32,
    #[doc = " default PEFT_FILE_AUTO"]
    pub format: peft_file_format,
    #[doc = " PEFT_DTYPE_AS_STORED (default), _FLOAT32, _FLOAT16, _BFLOAT16; _Q8_0 in\nGGUF"]
    pub dtype: peft_dtype,
    #[doc = " models: 1 leaves tokenizer and chat template out; default 0"]
    pub without_tokenizer: i32,
    #[doc = " models: size of one shard; default 0 = 5 GB, as Transformers has it"]
    pub max_file_bytes: i64,
    #[doc = " adapters: what base_model_name_or_path shall say; default NULL = the\npath or name that the model was loaded from"]
    pub base_model_name: *const ::std::os::raw::c_char,
    #[doc = " may be NULL"]
    pub cancel: *const peft_cancel,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_save_options"][::std::mem::size_of::<peft_save_options>() - 40usize];
    ["Alignment of peft_save_options"][::std::mem::align_of::<peft_save_options>() - 8usize];
    ["Offset of field: peft_save_options::struct_size"]
        [::std::mem::offset_of!(peft_save_options, struct_size) - 0usize];
    ["Offset of field: peft_save_options::format"]
        [::std::mem::offset_of!(peft_save_options, format) - 4usize];
    ["Offset of field: peft_save_options::dtype"][::std::mem::offset_of!(peft_save_options, dtype) - 8usize];
    ["Offset of field: peft_save_options::without_tokenizer"]
        [::std::mem::offset_of!(peft_save_options, without_tokenizer) - 12usize];
    ["Offset of field: peft_save_options::max_file_bytes"]
        [::std::mem::offset_of!(peft_save_options, max_file_bytes) - 16usize];
    ["Offset of field: peft_save_options::base_model_name"]
        [::std::mem::offset_of!(peft_save_options, base_model_name) - 24usize];
    ["Offset of field: peft_save_options::cancel"]
        [::std::mem::offset_of!(peft_save_options, cancel) - 32usize];
};
#[doc = " How to quantize a model to NF4."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_quantize_options {
    pub struct_size: u32,
    #[doc = " weights per maximum: 64 (default, as bitsandbytes); this version has no\nother"]
    pub block_size: i32,
    #[doc = " 1 (default, as QLoRA): the maxima are quantized to 8 bits in blocks of\n256"]
    pub double_quantize: i32,
    #[doc = " comma list of module names or suffixes that stay as they are; default\nNULL = the output head, as bitsandbytes' integration in Transformers. \"\"\n= none"]
    pub skip_modules: *const ::std::os::raw::c_char,
    #[doc = " may be NULL; a cancelled call leaves the model as it was"]
    pub cancel: *const peft_cancel,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_quantize_options"][::std::mem::size_of::<peft_quantize_options>() - 32usize];
    ["Alignment of peft_quantize_options"][::std::mem::align_of::<peft_quantize_options>() - 8usize];
    ["Offset of field: peft_quantize_options::struct_size"]
        [::std::mem::offset_of!(peft_quantize_options, struct_size) - 0usize];
    ["Offset of field: peft_quantize_options::block_size"]
        [::std::mem::offset_of!(peft_quantize_options, block_size) - 4usize];
    ["Offset of field: peft_quantize_options::double_quantize"]
        [::std::mem::offset_of!(peft_quantize_options, double_quantize) - 8usize];
    ["Offset of field: peft_quantize_options::skip_modules"]
        [::std::mem::offset_of!(peft_quantize_options, skip_modules) - 16usize];
    ["Offset of field: peft_quantize_options::cancel"]
        [::std::mem::offset_of!(peft_quantize_options, cancel) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_adapter {
    _unused: [u8; 0],
}
impl peft_target_kind {
    #[doc = " NULL: the family's defaults; \"all-linear\": that; else a list"]
    pub const PEFT_TARGET_AUTO: peft_target_kind = peft_target_kind(0);
    #[doc = " comma list; each a whole module name or its end after a dot"]
    pub const PEFT_TARGET_LIST: peft_target_kind = peft_target_kind(1);
    #[doc = " one pattern that matches the whole module name, as Python's re.fullmatch"]
    pub const PEFT_TARGET_REGEX: peft_target_kind = peft_target_kind(2);
    #[doc = " PEFT's defaults of the model family; target_modules is not read"]
    pub const PEFT_TARGET_DEFAULTS: peft_target_kind = peft_target_kind(3);
    pub const PEFT_TARGET_FORCE32: peft_target_kind = peft_target_kind(2147483647);
}
#[repr(transparent)]
#[doc = " How target_modules is read, after Hugging Face PEFT."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_target_kind(pub i32);
impl peft_lora_bias {
    pub const PEFT_LORA_BIAS_NONE: peft_lora_bias = peft_lora_bias(0);
    #[doc = " every bias of the model"]
    pub const PEFT_LORA_BIAS_ALL: peft_lora_bias = peft_lora_bias(1);
    #[doc = " the biases of the targeted modules"]
    pub const PEFT_LORA_BIAS_LORA_ONLY: peft_lora_bias = peft_lora_bias(2);
    pub const PEFT_LORA_BIAS_FORCE32: peft_lora_bias = peft_lora_bias(2147483647);
}
#[repr(transparent)]
#[doc = " Which biases train with LoRA."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_lora_bias(pub i32);
impl peft_lora_init {
    #[doc = " true: A uniform in +-1/sqrt(in_features), B zero"]
    pub const PEFT_LORA_INIT_DEFAULT: peft_lora_init = peft_lora_init(0);
    #[doc = " \"gaussian\": A normal with deviation 1/r, B zero"]
    pub const PEFT_LORA_INIT_GAUSSIAN: peft_lora_init = peft_lora_init(1);
    #[doc = " false: A and B random, the adapter changes the model from the start"]
    pub const PEFT_LORA_INIT_NONE: peft_lora_init = peft_lora_init(2);
    pub const PEFT_LORA_INIT_FORCE32: peft_lora_init = peft_lora_init(2147483647);
}
#[repr(transparent)]
#[doc = " First values of LoRA's factors, after PEFT's init_lora_weights."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_lora_init(pub i32);
#[doc = " LoRA's settings: y = W x + (alpha / r) B A dropout(x). Names and meaning are PEFT's."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_lora_config {
    pub struct_size: u32,
    #[doc = " rank; default 16 (common practice; PEFT itself says 8)"]
    pub r: i32,
    #[doc = " default 32 (twice the rank)"]
    pub lora_alpha: f64,
    #[doc = " 0 <= p < 1; default 0 (PEFT)"]
    pub lora_dropout: f64,
    #[doc = " 1: scale alpha / sqrt(r); default 0 (PEFT)"]
    pub use_rslora: i32,
    #[doc = " default PEFT_LORA_BIAS_NONE (PEFT)"]
    pub bias: peft_lora_bias,
    #[doc = " default PEFT_LORA_INIT_DEFAULT (PEFT)"]
    pub init_lora_weights: peft_lora_init,
    #[doc = " default PEFT_TARGET_AUTO"]
    pub target_kind: peft_target_kind,
    #[doc = " \"all-linear\" (default, QLoRA's advice), a comma list, or a\npattern"]
    pub target_modules: *const ::std::os::raw::c_char,
    #[doc = " comma list, or a pattern if exclude_is_regex; default NULL =\nnone"]
    pub exclude_modules: *const ::std::os::raw::c_char,
    #[doc = " default 0"]
    pub exclude_is_regex: i32,
    #[doc = " default 0 = all layers"]
    pub layers_to_transform_count: i32,
    #[doc = " numbers of the layers; only with a list of target modules"]
    pub layers_to_transform: *const i32,
    #[doc = " comma list of names before the layer's number; default NULL =\nthe first number in a name"]
    pub layers_pattern: *const ::std::os::raw::c_char,
    #[doc = " JSON object, pattern -> rank; default NULL = {}"]
    pub rank_pattern: *const ::std::os::raw::c_char,
    #[doc = " JSON object, pattern -> alpha; default NULL = {}"]
    pub alpha_pattern: *const ::std::os::raw::c_char,
    #[doc = " comma list of modules that are trained whole; default NULL =\nnone"]
    pub modules_to_save: *const ::std::os::raw::c_char,
    #[doc = " of the first values; >= 0; default 42 (Transformers' habit)"]
    pub seed: i64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_lora_config"][::std::mem::size_of::<peft_lora_config>() - 112usize];
    ["Alignment of peft_lora_config"][::std::mem::align_of::<peft_lora_config>() - 8usize];
    ["Offset of field: peft_lora_config::struct_size"]
        [::std::mem::offset_of!(peft_lora_config, struct_size) - 0usize];
    ["Offset of field: peft_lora_config::r"][::std::mem::offset_of!(peft_lora_config, r) - 4usize];
    ["Offset of field: peft_lora_config::lora_alpha"]
        [::std::mem::offset_of!(peft_lora_config, lora_alpha) - 8usize];
    ["Offset of field: peft_lora_config::lora_dropout"]
        [::std::mem::offset_of!(peft_lora_config, lora_dropout) - 16usize];
    ["Offset of field: peft_lora_config::use_rslora"]
        [::std::mem::offset_of!(peft_lora_config, use_rslora) - 24usize];
    ["Offset of field: peft_lora_config::bias"][::std::mem::offset_of!(peft_lora_config, bias) - 28usize];
    ["Offset of field: peft_lora_config::init_lora_weights"]
        [::std::mem::offset_of!(peft_lora_config, init_lora_weights) - 32usize];
    ["Offset of field: peft_lora_config::target_kind"]
        [::std::mem::offset_of!(peft_lora_config, target_kind) - 36usize];
    ["Offset of field: peft_lora_config::target_modules"]
        [::std::mem::offset_of!(peft_lora_config, target_modules) - 40usize];
    ["Offset of field: peft_lora_config::exclude_modules"]
        [::std::mem::offset_of!(peft_lora_config, exclude_modules) - 48usize];
    ["Offset of field: peft_lora_config::exclude_is_regex"]
        [::std::mem::offset_of!(peft_lora_config, exclude_is_regex) - 56usize];
    ["Offset of field: peft_lora_config::layers_to_transform_count"]
        [::std::mem::offset_of!(peft_lora_config, layers_to_transform_count) - 60usize];
    ["Offset of field: peft_lora_config::layers_to_transform"]
        [::std::mem::offset_of!(peft_lora_config, layers_to_transform) - 64usize];
    ["Offset of field: peft_lora_config::layers_pattern"]
        [::std::mem::offset_of!(peft_lora_config, layers_pattern) - 72usize];
    ["Offset of field: peft_lora_config::rank_pattern"]
        [::std::mem::offset_of!(peft_lora_config, rank_pattern) - 80usize];
    ["Offset of field: peft_lora_config::alpha_pattern"]
        [::std::mem::offset_of!(peft_lora_config, alpha_pattern) - 88usize];
    ["Offset of field: peft_lora_config::modules_to_save"]
        [::std::mem::offset_of!(peft_lora_config, modules_to_save) - 96usize];
    ["Offset of field: peft_lora_config::seed"][::std::mem::offset_of!(peft_lora_config, seed) - 104usize];
};
#[doc = " How to attach or load an adapter of any method."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_adapter_options {
    pub struct_size: u32,
    #[doc = " 1 (default): a trainer may change it; 0: frozen"]
    pub trainable: i32,
    #[doc = " of first values; >= 0; default 42"]
    pub seed: i64,
    #[doc = " may be NULL"]
    pub cancel: *const peft_cancel,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_adapter_options"][::std::mem::size_of::<peft_adapter_options>() - 24usize];
    ["Alignment of peft_adapter_options"][::std::mem::align_of::<peft_adapter_options>() - 8usize];
    ["Offset of field: peft_adapter_options::struct_size"]
        [::std::mem::offset_of!(peft_adapter_options, struct_size) - 0usize];
    ["Offset of field: peft_adapter_options::trainable"]
        [::std::mem::offset_of!(peft_adapter_options, trainable) - 4usize];
    ["Offset of field: peft_adapter_options::seed"]
        [::std::mem::offset_of!(peft_adapter_options, seed) - 8usize];
    ["Offset of field: peft_adapter_options::cancel"]
        [::std::mem::offset_of!(peft_adapter_options, cancel) - 16usize];
};
#[doc = " What an adapter is."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_adapter_info {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " rank, or number of virtual tokens; 0 where the method has neither"]
    pub r: i32,
    #[doc = " PEFT's peft_type: \"LORA\", \"IA3\", \"PROMPT_TUNING\""]
    pub method: [::std::os::raw::c_char; 32usize],
    #[doc = " 0 where the method has none"]
    pub lora_alpha: f64,
    #[doc = " factor on its effect; 1 unless set"]
    pub scale: f64,
    #[doc = " its numbers"]
    pub parameter_elements: i64,
    #[doc = " their memory"]
    pub parameter_bytes: i64,
    #[doc = " tensors; see peft_adapter_parameter_at"]
    pub parameter_count: i64,
    #[doc = " modules that it changes"]
    pub module_count: i64,
    #[doc = " optimizer steps applied since it was attached or loaded"]
    pub trained_steps: i64,
    pub trainable: i32,
    #[doc = " 0 after peft_adapter_detach"]
    pub attached: i32,
    #[doc = " 1: part of the base weights now"]
    pub merged: i32,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_adapter_info"][::std::mem::size_of::<peft_adapter_info>() - 112usize];
    ["Alignment of peft_adapter_info"][::std::mem::align_of::<peft_adapter_info>() - 8usize];
    ["Offset of field: peft_adapter_info::struct_size"]
        [::std::mem::offset_of!(peft_adapter_info, struct_size) - 0usize];
    ["Offset of field: peft_adapter_info::r"][::std::mem::offset_of!(peft_adapter_info, r) - 4usize];
    ["Offset of field: peft_adapter_info::method"]
        [::std::mem::offset_of!(peft_adapter_info, method) - 8usize];
    ["Offset of field: peft_adapter_info::lora_alpha"]
        [::std::mem::offset_of!(peft_adapter_info, lora_alpha) - 40usize];
    ["Offset of field: peft_adapter_info::scale"][::std::mem::offset_of!(peft_adapter_info, scale) - 48usize];
    ["Offset of field: peft_adapter_info::parameter_elements"]
        [::std::mem::offset_of!(peft_adapter_info, parameter_elements) - 56usize];
    ["Offset of field: peft_adapter_info::parameter_bytes"]
        [::std::mem::offset_of!(peft_adapter_info, parameter_bytes) - 64usize];
    ["Offset of field: peft_adapter_info::parameter_count"]
        [::std::mem::offset_of!(peft_adapter_info, parameter_count) - 72usize];
    ["Offset of field: peft_adapter_info::module_count"]
        [::std::mem::offset_of!(peft_adapter_info, module_count) - 80usize];
    ["Offset of field: peft_adapter_info::trained_steps"]
        [::std::mem::offset_of!(peft_adapter_info, trained_steps) - 88usize];
    ["Offset of field: peft_adapter_info::trainable"]
        [::std::mem::offset_of!(peft_adapter_info, trainable) - 96usize];
    ["Offset of field: peft_adapter_info::attached"]
        [::std::mem::offset_of!(peft_adapter_info, attached) - 100usize];
    ["Offset of field: peft_adapter_info::merged"]
        [::std::mem::offset_of!(peft_adapter_info, merged) - 104usize];
};
#[doc = " How to merge."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_merge_options {
    pub struct_size: u32,
    #[doc = " refuse if a tensor would keep less of its update than this share; default\n0.99"]
    pub minimum_retained: f64,
    #[doc = " 1: merge all the same, the report tells what was lost; default 0"]
    pub force: i32,
    #[doc = " 1: only make the report and change nothing; default 0"]
    pub dry_run: i32,
    #[doc = " 1: do not keep what peft_unmerge needs; default 0"]
    pub discard_originals: i32,
    #[doc = " may be NULL; a cancelled call leaves the model as it was"]
    pub cancel: *const peft_cancel,
    #[doc = " type that the merged model will be saved as: the report counts its rounding\ntoo, the model in memory does not have it. Default PEFT_DTYPE_AS_STORED =\nas in memory; _FLOAT32, _FLOAT16, _BFLOAT16, _Q8_0"]
    pub save_dtype: peft_dtype,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_merge_options"][::std::mem::size_of::<peft_merge_options>() - 48usize];
    ["Alignment of peft_merge_options"][::std::mem::align_of::<peft_merge_options>() - 8usize];
    ["Offset of field: peft_merge_options::struct_size"]
        [::std::mem::offset_of!(peft_merge_options, struct_size) - 0usize];
    ["Offset of field: peft_merge_options::minimum_retained"]
        [::std::mem::offset_of!(peft_merge_options, minimum_retained) - 8usize];
    ["Offset of field: peft_merge_options::force"]
        [::std::mem::offset_of!(peft_merge_options, force) - 16usize];
    ["Offset of field: peft_merge_options::dry_run"]
        [::std::mem::offset_of!(peft_merge_options, dry_run) - 20usize];
    ["Offset of field: peft_merge_options::discard_originals"]
        [::std::mem::offset_of!(peft_merge_options, discard_originals) - 24usize];
    ["Offset of field: peft_merge_options::cancel"]
        [::std::mem::offset_of!(peft_merge_options, cancel) - 32usize];
    ["Offset of field: peft_merge_options::save_dtype"]
        [::std::mem::offset_of!(peft_merge_options, save_dtype) - 40usize];
};
#[doc = " Outcome of a merge. The share of an update dW that survived is <dW effective, dW> / |dW|^2."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_merge_result {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " 1: the weights were changed"]
    pub merged: i32,
    #[doc = " tensors that the adapter changes"]
    pub tensor_count: i64,
    #[doc = " of which below minimum_retained"]
    pub below_minimum: i64,
    #[doc = " smallest share over the tensors"]
    pub minimum_retained: f64,
    #[doc = " mean share over the tensors"]
    pub mean_retained: f64,
    #[doc = " memory of the originals that are kept"]
    pub original_bytes: i64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_merge_result"][::std::mem::size_of::<peft_merge_result>() - 48usize];
    ["Alignment of peft_merge_result"][::std::mem::align_of::<peft_merge_result>() - 8usize];
    ["Offset of field: peft_merge_result::struct_size"]
        [::std::mem::offset_of!(peft_merge_result, struct_size) - 0usize];
    ["Offset of field: peft_merge_result::merged"]
        [::std::mem::offset_of!(peft_merge_result, merged) - 4usize];
    ["Offset of field: peft_merge_result::tensor_count"]
        [::std::mem::offset_of!(peft_merge_result, tensor_count) - 8usize];
    ["Offset of field: peft_merge_result::below_minimum"]
        [::std::mem::offset_of!(peft_merge_result, below_minimum) - 16usize];
    ["Offset of field: peft_merge_result::minimum_retained"]
        [::std::mem::offset_of!(peft_merge_result, minimum_retained) - 24usize];
    ["Offset of field: peft_merge_result::mean_retained"]
        [::std::mem::offset_of!(peft_merge_result, mean_retained) - 32usize];
    ["Offset of field: peft_merge_result::original_bytes"]
        [::std::mem::offset_of!(peft_merge_result, original_bytes) - 40usize];
};
#[doc = " One tensor in the report of a merge."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_merge_tensor {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " type that the update was rounded to"]
    pub dtype: peft_dtype,
    #[doc = " share of the update that survived; 1 = all"]
    pub retained: f64,
    #[doc = " |dW|, Frobenius"]
    pub update_norm: f64,
    #[doc = " |W| before, Frobenius"]
    pub weight_norm: f64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_merge_tensor"][::std::mem::size_of::<peft_merge_tensor>() - 32usize];
    ["Alignment of peft_merge_tensor"][::std::mem::align_of::<peft_merge_tensor>() - 8usize];
    ["Offset of field: peft_merge_tensor::struct_size"]
        [::std::mem::offset_of!(peft_merge_tensor, struct_size) - 0usize];
    ["Offset of field: peft_merge_tensor::dtype"][::std::mem::offset_of!(peft_merge_tensor, dtype) - 4usize];
    ["Offset of field: peft_merge_tensor::retained"]
        [::std::mem::offset_of!(peft_merge_tensor, retained) - 8usize];
    ["Offset of field: peft_merge_tensor::update_norm"]
        [::std::mem::offset_of!(peft_merge_tensor, update_norm) - 16usize];
    ["Offset of field: peft_merge_tensor::weight_norm"]
        [::std::mem::offset_of!(peft_merge_tensor, weight_norm) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_tokenizer {
    _unused: [u8; 0],
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_stream_decoder {
    _unused: [u8; 0],
}
#[doc = " What a tokenizer is. Token ids that it does not have are -1."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_tokenizer_info {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " ids are below it, added tokens included"]
    pub vocabulary_size: i32,
    #[doc = " beginning of a sequence"]
    pub bos_id: i32,
    #[doc = " end of a sequence"]
    pub eos_id: i32,
    pub pad_id: i32,
    pub unknown_id: i32,
    #[doc = " 1: encoding with special tokens puts bos_id before the text"]
    pub adds_bos: i32,
    #[doc = " 1: encoding with special tokens puts eos_id after the text"]
    pub adds_eos: i32,
    pub has_chat_template: i32,
    #[doc = " \"byte_level_bpe\", \"sentencepiece\", else the model's name in tokenizer.json,\nsuch as \"unigram\""]
    pub kind: [::std::os::raw::c_char; 32usize],
    #[doc = " what GGUF calls the way of a byte-level BPE to cut text into words: \"gpt-2\",\n\"smollm\", \"llama-bpe\" ...; empty if it has no name there"]
    pub pre_tokenizer: [::std::os::raw::c_char; 32usize],
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_tokenizer_info"][::std::mem::size_of::<peft_tokenizer_info>() - 100usize];
    ["Alignment of peft_tokenizer_info"][::std::mem::align_of::<peft_tokenizer_info>() - 4usize];
    ["Offset of field: peft_tokenizer_info::struct_size"]
        [::std::mem::offset_of!(peft_tokenizer_info, struct_size) - 0usize];
    ["Offset of field: peft_tokenizer_info::vocabulary_size"]
        [::std::mem::offset_of!(peft_tokenizer_info, vocabulary_size) - 4usize];
    ["Offset of field: peft_tokenizer_info::bos_id"]
        [::std::mem::offset_of!(peft_tokenizer_info, bos_id) - 8usize];
    ["Offset of field: peft_tokenizer_info::eos_id"]
        [::std::mem::offset_of!(peft_tokenizer_info, eos_id) - 12usize];
    ["Offset of field: peft_tokenizer_info::pad_id"]
        [::std::mem::offset_of!(peft_tokenizer_info, pad_id) - 16usize];
    ["Offset of field: peft_tokenizer_info::unknown_id"]
        [::std::mem::offset_of!(peft_tokenizer_info, unknown_id) - 20usize];
    ["Offset of field: peft_tokenizer_info::adds_bos"]
        [::std::mem::offset_of!(peft_tokenizer_info, adds_bos) - 24usize];
    ["Offset of field: peft_tokenizer_info::adds_eos"]
        [::std::mem::offset_of!(peft_tokenizer_info, adds_eos) - 28usize];
    ["Offset of field: peft_tokenizer_info::has_chat_template"]
        [::std::mem::offset_of!(peft_tokenizer_info, has_chat_template) - 32usize];
    ["Offset of field: peft_tokenizer_info::kind"]
        [::std::mem::offset_of!(peft_tokenizer_info, kind) - 36usize];
    ["Offset of field: peft_tokenizer_info::pre_tokenizer"]
        [::std::mem::offset_of!(peft_tokenizer_info, pre_tokenizer) - 68usize];
};
#[doc = " How to render messages."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_chat_options {
    pub struct_size: u32,
    #[doc = " 1 (default): end with what the assistant's answer begins after"]
    pub add_generation_prompt: i32,
    #[doc = " a Jinja template instead of the tokenizer's own; default NULL = its\nown"]
    pub chat_template: *const ::std::os::raw::c_char,
    #[doc = " JSON array of tool descriptions for the template; default NULL = none"]
    pub tools_json: *const ::std::os::raw::c_char,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_chat_options"][::std::mem::size_of::<peft_chat_options>() - 24usize];
    ["Alignment of peft_chat_options"][::std::mem::align_of::<peft_chat_options>() - 8usize];
    ["Offset of field: peft_chat_options::struct_size"]
        [::std::mem::offset_of!(peft_chat_options, struct_size) - 0usize];
    ["Offset of field: peft_chat_options::add_generation_prompt"]
        [::std::mem::offset_of!(peft_chat_options, add_generation_prompt) - 4usize];
    ["Offset of field: peft_chat_options::chat_template"]
        [::std::mem::offset_of!(peft_chat_options, chat_template) - 8usize];
    ["Offset of field: peft_chat_options::tools_json"]
        [::std::mem::offset_of!(peft_chat_options, tools_json) - 16usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_dataset {
    _unused: [u8; 0],
}
impl peft_label_kind {
    #[doc = " no labels given: each token predicts the next one"]
    pub const PEFT_LABEL_NEXT_TOKEN: peft_label_kind = peft_label_kind(0);
    #[doc = " labels[i] is ids[i], or PEFT_LABEL_IGNORED: no loss on predicting it"]
    pub const PEFT_LABEL_TOKENS: peft_label_kind = peft_label_kind(1);
    #[doc = " labels[0] is the class of the row (classification models)"]
    pub const PEFT_LABEL_CLASS: peft_label_kind = peft_label_kind(2);
    #[doc = " labels[0], labels[1]: first and last token of the answer (question\nanswering)"]
    pub const PEFT_LABEL_SPAN: peft_label_kind = peft_label_kind(3);
    #[doc = " values[0] is the number to predict (regression)"]
    pub const PEFT_LABEL_VALUE: peft_label_kind = peft_label_kind(4);
    pub const PEFT_LABEL_FORCE32: peft_label_kind = peft_label_kind(2147483647);
}
#[repr(transparent)]
#[doc = " What the labels of a row mean."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_label_kind(pub i32);
#[doc = " One row of tokens. Zero everything that is not used. In an array all rows have the struct_size of the\n first, which is the distance from one to the next. Label kinds and decoder tokens that the model's task has\n no use for are PEFT_E_UNSUPPORTED; causal language models take PEFT_LABEL_NEXT_TOKEN and PEFT_LABEL_TOKENS."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_row {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    pub label_kind: peft_label_kind,
    #[doc = " tokens"]
    pub ids: *const i32,
    pub id_count: i64,
    #[doc = " id_count token types, or NULL"]
    pub type_ids: *const i32,
    #[doc = " tokens of the decoder of an encoder-decoder model, or NULL"]
    pub decoder_ids: *const i32,
    pub decoder_id_count: i64,
    #[doc = " after label_kind, or NULL"]
    pub labels: *const i32,
    pub label_count: i64,
    #[doc = " after label_kind, or NULL"]
    pub values: *const f32,
    pub value_count: i64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_row"][::std::mem::size_of::<peft_row>() - 80usize];
    ["Alignment of peft_row"][::std::mem::align_of::<peft_row>() - 8usize];
    ["Offset of field: peft_row::struct_size"][::std::mem::offset_of!(peft_row, struct_size) - 0usize];
    ["Offset of field: peft_row::label_kind"][::std::mem::offset_of!(peft_row, label_kind) - 4usize];
    ["Offset of field: peft_row::ids"][::std::mem::offset_of!(peft_row, ids) - 8usize];
    ["Offset of field: peft_row::id_count"][::std::mem::offset_of!(peft_row, id_count) - 16usize];
    ["Offset of field: peft_row::type_ids"][::std::mem::offset_of!(peft_row, type_ids) - 24usize];
    ["Offset of field: peft_row::decoder_ids"][::std::mem::offset_of!(peft_row, decoder_ids) - 32usize];
    ["Offset of field: peft_row::decoder_id_count"]
        [::std::mem::offset_of!(peft_row, decoder_id_count) - 40usize];
    ["Offset of field: peft_row::labels"][::std::mem::offset_of!(peft_row, labels) - 48usize];
    ["Offset of field: peft_row::label_count"][::std::mem::offset_of!(peft_row, label_count) - 56usize];
    ["Offset of field: peft_row::values"][::std::mem::offset_of!(peft_row, values) - 64usize];
    ["Offset of field: peft_row::value_count"][::std::mem::offset_of!(peft_row, value_count) - 72usize];
};
impl peft_data_format {
    #[doc = " found by the file's name and first row, and reported"]
    pub const PEFT_DATA_AUTO: peft_data_format = peft_data_format(0);
    #[doc = " JSONL, {\"messages\": [...]} or {\"conversations\": [...]}"]
    pub const PEFT_DATA_CHAT: peft_data_format = peft_data_format(1);
    #[doc = " JSONL, {\"instruction\", \"input\"?, \"output\"}"]
    pub const PEFT_DATA_INSTRUCTION: peft_data_format = peft_data_format(2);
    #[doc = " JSONL, {\"prompt\", \"completion\"}"]
    pub const PEFT_DATA_PROMPT_COMPLETION: peft_data_format = peft_data_format(3);
    #[doc = " JSONL, {\"text\"}"]
    pub const PEFT_DATA_TEXT: peft_data_format = peft_data_format(4);
    #[doc = " plain text, cut into rows of max_seq_len tokens"]
    pub const PEFT_DATA_PLAIN: peft_data_format = peft_data_format(5);
    #[doc = " JSONL, {\"token_ids\", \"labels\"?}; needs no tokenizer"]
    pub const PEFT_DATA_TOKENS: peft_data_format = peft_data_format(6);
    pub const PEFT_DATA_FORCE32: peft_data_format = peft_data_format(2147483647);
}
#[repr(transparent)]
#[doc = " Shapes of rows in files and text."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_data_format(pub i32);
#[doc = " How rows become tokens."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_dataset_options {
    pub struct_size: u32,
    #[doc = " default PEFT_DATA_AUTO"]
    pub format: peft_data_format,
    #[doc = " longer rows are cut at the right and counted; default 2048 (common\npractice); 0 = never"]
    pub max_seq_len: i64,
    #[doc = " loss on answers alone; default AUTO: yes for chat, instruction and\nprompt/completion rows, no for text"]
    pub completion_only: peft_choice,
    #[doc = " 1 (default): text, instruction and completion rows end with the\ntokenizer's EOS; chat rows end as the template has it"]
    pub append_eos: i32,
    #[doc = " special tokens around a row; default AUTO: as the tokenizer has them,\nnone where a chat template made the text"]
    pub add_special: peft_choice,
    #[doc = " a Jinja template instead of the tokenizer's own; default NULL"]
    pub chat_template: *const ::std::os::raw::c_char,
    #[doc = " rows before this one are left out; default 0"]
    pub first_row: i64,
    #[doc = " rows to take; default 0 = all"]
    pub row_count: i64,
    #[doc = " may be NULL"]
    pub cancel: *const peft_cancel,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_dataset_options"][::std::mem::size_of::<peft_dataset_options>() - 64usize];
    ["Alignment of peft_dataset_options"][::std::mem::align_of::<peft_dataset_options>() - 8usize];
    ["Offset of field: peft_dataset_options::struct_size"]
        [::std::mem::offset_of!(peft_dataset_options, struct_size) - 0usize];
    ["Offset of field: peft_dataset_options::format"]
        [::std::mem::offset_of!(peft_dataset_options, format) - 4usize];
    ["Offset of field: peft_dataset_options::max_seq_len"]
        [::std::mem::offset_of!(peft_dataset_options, max_seq_len) - 8usize];
    ["Offset of field: peft_dataset_options::completion_only"]
        [::std::mem::offset_of!(peft_dataset_options, completion_only) - 16usize];
    ["Offset of field: peft_dataset_options::append_eos"]
        [::std::mem::offset_of!(peft_dataset_options, append_eos) - 20usize];
    ["Offset of field: peft_dataset_options::add_special"]
        [::std::mem::offset_of!(peft_dataset_options, add_special) - 24usize];
    ["Offset of field: peft_dataset_options::chat_template"]
        [::std::mem::offset_of!(peft_dataset_options, chat_template) - 32usize];
    ["Offset of field: peft_dataset_options::first_row"]
        [::std::mem::offset_of!(peft_dataset_options, first_row) - 40usize];
    ["Offset of field: peft_dataset_options::row_count"]
        [::std::mem::offset_of!(peft_dataset_options, row_count) - 48usize];
    ["Offset of field: peft_dataset_options::cancel"]
        [::std::mem::offset_of!(peft_dataset_options, cancel) - 56usize];
};
#[doc = " What a data set holds."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_dataset_info {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " as found or as asked for"]
    pub format: peft_data_format,
    #[doc = " rows that can be used"]
    pub rows: i64,
    #[doc = " of these rows"]
    pub tokens: i64,
    #[doc = " of which bear a loss: a row's first token never does"]
    pub loss_tokens: i64,
    #[doc = " in tokens"]
    pub longest_row: i64,
    #[doc = " rows that were cut at max_seq_len"]
    pub truncated_rows: i64,
    #[doc = " rows left out since no token bears a loss"]
    pub masked_rows: i64,
    #[doc = " rows left out since they hold nothing"]
    pub empty_rows: i64,
    #[doc = " 1: loss on answers alone"]
    pub completion_only: i32,
    #[doc = " 1: EOS was appended"]
    pub appended_eos: i32,
    #[doc = " what was found, in words for the user, cut to fit"]
    pub summary: [::std::os::raw::c_char; 256usize],
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_dataset_info"][::std::mem::size_of::<peft_dataset_info>() - 328usize];
    ["Alignment of peft_dataset_info"][::std::mem::align_of::<peft_dataset_info>() - 8usize];
    ["Offset of field: peft_dataset_info::struct_size"]
        [::std::mem::offset_of!(peft_dataset_info, struct_size) - 0usize];
    ["Offset of field: peft_dataset_info::format"]
        [::std::mem::offset_of!(peft_dataset_info, format) - 4usize];
    ["Offset of field: peft_dataset_info::rows"][::std::mem::offset_of!(peft_dataset_info, rows) - 8usize];
    ["Offset of field: peft_dataset_info::tokens"]
        [::std::mem::offset_of!(peft_dataset_info, tokens) - 16usize];
    ["Offset of field: peft_dataset_info::loss_tokens"]
        [::std::mem::offset_of!(peft_dataset_info, loss_tokens) - 24usize];
    ["Offset of field: peft_dataset_info::longest_row"]
        [::std::mem::offset_of!(peft_dataset_info, longest_row) - 32usize];
    ["Offset of field: peft_dataset_info::truncated_rows"]
        [::std::mem::offset_of!(peft_dataset_info, truncated_rows) - 40usize];
    ["Offset of field: peft_dataset_info::masked_rows"]
        [::std::mem::offset_of!(peft_dataset_info, masked_rows) - 48usize];
    ["Offset of field: peft_dataset_info::empty_rows"]
        [::std::mem::offset_of!(peft_dataset_info, empty_rows) - 56usize];
    ["Offset of field: peft_dataset_info::completion_only"]
        [::std::mem::offset_of!(peft_dataset_info, completion_only) - 64usize];
    ["Offset of field: peft_dataset_info::appended_eos"]
        [::std::mem::offset_of!(peft_dataset_info, appended_eos) - 68usize];
    ["Offset of field: peft_dataset_info::summary"]
        [::std::mem::offset_of!(peft_dataset_info, summary) - 72usize];
};
impl peft_row_part {
    pub const PEFT_ROW_IDS: peft_row_part = peft_row_part(0);
    #[doc = " as many as ids for token labels, PEFT_LABEL_IGNORED where there is no loss"]
    pub const PEFT_ROW_LABELS: peft_row_part = peft_row_part(1);
    #[doc = " none if the row has none"]
    pub const PEFT_ROW_TYPE_IDS: peft_row_part = peft_row_part(2);
    #[doc = " none if the row has none"]
    pub const PEFT_ROW_DECODER_IDS: peft_row_part = peft_row_part(3);
    pub const PEFT_ROW_FORCE32: peft_row_part = peft_row_part(2147483647);
}
#[repr(transparent)]
#[doc = " Columns of a row."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_row_part(pub i32);
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_session {
    _unused: [u8; 0],
}
impl peft_activations {
    #[doc = " as they are"]
    pub const PEFT_ACTIVATIONS_EXACT: peft_activations = peft_activations(0);
    #[doc = " rounded to 8 bits in blocks of 32, as llama.cpp does: faster, not exact"]
    pub const PEFT_ACTIVATIONS_INT8: peft_activations = peft_activations(1);
    pub const PEFT_ACTIVATIONS_FORCE32: peft_activations = peft_activations(2147483647);
}
#[repr(transparent)]
#[doc = " How activations enter products of up to 8 rows with GGUF's quantized blocks. Other products are exact."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_activations(pub i32);
#[doc = " What a session is made of."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_session_options {
    pub struct_size: u32,
    #[doc = " default 0 = the base model alone"]
    pub adapter_count: i32,
    #[doc = " active for the life of the session, with their values of now"]
    pub adapters: *const *const peft_adapter,
    #[doc = " most tokens it can hold; default 0 = the model's own. Memory is\ntaken as the sequence grows"]
    pub context_length: i64,
    #[doc = " PEFT_DTYPE_FLOAT32 (default: exact) or _BFLOAT16"]
    pub compute_dtype: peft_dtype,
    #[doc = " default PEFT_ACTIVATIONS_EXACT"]
    pub activations: peft_activations,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_session_options"][::std::mem::size_of::<peft_session_options>() - 32usize];
    ["Alignment of peft_session_options"][::std::mem::align_of::<peft_session_options>() - 8usize];
    ["Offset of field: peft_session_options::struct_size"]
        [::std::mem::offset_of!(peft_session_options, struct_size) - 0usize];
    ["Offset of field: peft_session_options::adapter_count"]
        [::std::mem::offset_of!(peft_session_options, adapter_count) - 4usize];
    ["Offset of field: peft_session_options::adapters"]
        [::std::mem::offset_of!(peft_session_options, adapters) - 8usize];
    ["Offset of field: peft_session_options::context_length"]
        [::std::mem::offset_of!(peft_session_options, context_length) - 16usize];
    ["Offset of field: peft_session_options::compute_dtype"]
        [::std::mem::offset_of!(peft_session_options, compute_dtype) - 24usize];
    ["Offset of field: peft_session_options::activations"]
        [::std::mem::offset_of!(peft_session_options, activations) - 28usize];
};
impl peft_finish_reason {
    #[doc = " it goes on"]
    pub const PEFT_FINISH_NONE: peft_finish_reason = peft_finish_reason(0);
    #[doc = " the model ended the sequence"]
    pub const PEFT_FINISH_EOS: peft_finish_reason = peft_finish_reason(1);
    #[doc = " a stop string was made"]
    pub const PEFT_FINISH_STOP: peft_finish_reason = peft_finish_reason(2);
    #[doc = " max_new_tokens were made"]
    pub const PEFT_FINISH_LENGTH: peft_finish_reason = peft_finish_reason(3);
    #[doc = " the session is full"]
    pub const PEFT_FINISH_CONTEXT: peft_finish_reason = peft_finish_reason(4);
    pub const PEFT_FINISH_FORCE32: peft_finish_reason = peft_finish_reason(2147483647);
}
#[repr(transparent)]
#[doc = " Why a generation ended."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_finish_reason(pub i32);
#[doc = " Where a session stands."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_session_info {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " of the last generation"]
    pub finish_reason: peft_finish_reason,
    #[doc = " tokens held"]
    pub position: i64,
    #[doc = " most that it can hold"]
    pub context_length: i64,
    #[doc = " made since the last prefill or change of the sampling"]
    pub new_tokens: i64,
    #[doc = " key/value cache, a share of pages shared with forks included"]
    pub cache_bytes: i64,
    #[doc = " all that it holds"]
    pub memory_bytes: i64,
    #[doc = " of the last prefill"]
    pub prefill_seconds: f64,
    #[doc = " spent on new_tokens"]
    pub decode_seconds: f64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_session_info"][::std::mem::size_of::<peft_session_info>() - 64usize];
    ["Alignment of peft_session_info"][::std::mem::align_of::<peft_session_info>() - 8usize];
    ["Offset of field: peft_session_info::struct_size"]
        [::std::mem::offset_of!(peft_session_info, struct_size) - 0usize];
    ["Offset of field: peft_session_info::finish_reason"]
        [::std::mem::offset_of!(peft_session_info, finish_reason) - 4usize];
    ["Offset of field: peft_session_info::position"]
        [::std::mem::offset_of!(peft_session_info, position) - 8usize];
    ["Offset of field: peft_session_info::context_length"]
        [::std::mem::offset_of!(peft_session_info, context_length) - 16usize];
    ["Offset of field: peft_session_info::new_tokens"]
        [::std::mem::offset_of!(peft_session_info, new_tokens) - 24usize];
    ["Offset of field: peft_session_info::cache_bytes"]
        [::std::mem::offset_of!(peft_session_info, cache_bytes) - 32usize];
    ["Offset of field: peft_session_info::memory_bytes"]
        [::std::mem::offset_of!(peft_session_info, memory_bytes) - 40usize];
    ["Offset of field: peft_session_info::prefill_seconds"]
        [::std::mem::offset_of!(peft_session_info, prefill_seconds) - 48usize];
    ["Offset of field: peft_session_info::decode_seconds"]
        [::std::mem::offset_of!(peft_session_info, decode_seconds) - 56usize];
};
#[doc = " How a prompt enters a session."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_prefill_options {
    pub struct_size: u32,
    #[doc = " text: the tokenizer's special tokens; default AUTO: at position 0\nonly"]
    pub add_special: peft_choice,
    #[doc = " chat: 1 (default) ends with what the answer begins after"]
    pub add_generation_prompt: i32,
    #[doc = " chat: a template instead of the tokenizer's own; default NULL"]
    pub chat_template: *const ::std::os::raw::c_char,
    #[doc = " chat: JSON array of tool descriptions; default NULL"]
    pub tools_json: *const ::std::os::raw::c_char,
    #[doc = " may be NULL; a cancelled prefill leaves the session as it was"]
    pub cancel: *const peft_cancel,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_prefill_options"][::std::mem::size_of::<peft_prefill_options>() - 40usize];
    ["Alignment of peft_prefill_options"][::std::mem::align_of::<peft_prefill_options>() - 8usize];
    ["Offset of field: peft_prefill_options::struct_size"]
        [::std::mem::offset_of!(peft_prefill_options, struct_size) - 0usize];
    ["Offset of field: peft_prefill_options::add_special"]
        [::std::mem::offset_of!(peft_prefill_options, add_special) - 4usize];
    ["Offset of field: peft_prefill_options::add_generation_prompt"]
        [::std::mem::offset_of!(peft_prefill_options, add_generation_prompt) - 8usize];
    ["Offset of field: peft_prefill_options::chat_template"]
        [::std::mem::offset_of!(peft_prefill_options, chat_template) - 16usize];
    ["Offset of field: peft_prefill_options::tools_json"]
        [::std::mem::offset_of!(peft_prefill_options, tools_json) - 24usize];
    ["Offset of field: peft_prefill_options::cancel"]
        [::std::mem::offset_of!(peft_prefill_options, cancel) - 32usize];
};
#[doc = " How the next token is chosen. Filters apply in this order: repetition penalty, temperature, top-k, top-p,\n min-p."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_sampling_options {
    pub struct_size: u32,
    #[doc = " only the k most probable; default 0 = all"]
    pub top_k: i32,
    #[doc = " default 0 = greedy: always the most probable token"]
    pub temperature: f64,
    #[doc = " smallest set of the most probable with this sum; default 1 = all"]
    pub top_p: f64,
    #[doc = " only those with this share of the most probable one's; default 0 = all"]
    pub min_p: f64,
    #[doc = " divides (positive) or multiplies (negative) the logits of tokens in the\nsession, as Transformers does; default 1 = none"]
    pub repetition_penalty: f64,
    #[doc = " equal seeds give equal draws; >= 0; default 0"]
    pub seed: i64,
    #[doc = " default 256; 0 = until the end or the session is full"]
    pub max_new_tokens: i64,
    #[doc = " JSON array of strings that end the text and are left out of it; default\nNULL"]
    pub stop_json: *const ::std::os::raw::c_char,
    #[doc = " 1: the model's end of sequence does not end the generation; default 0"]
    pub ignore_eos: i32,
    #[doc = " 1: special tokens appear in the text; default 0"]
    pub include_special: i32,
    #[doc = " for every peft_session_next that follows; may be NULL"]
    pub cancel: *const peft_cancel,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_sampling_options"][::std::mem::size_of::<peft_sampling_options>() - 80usize];
    ["Alignment of peft_sampling_options"][::std::mem::align_of::<peft_sampling_options>() - 8usize];
    ["Offset of field: peft_sampling_options::struct_size"]
        [::std::mem::offset_of!(peft_sampling_options, struct_size) - 0usize];
    ["Offset of field: peft_sampling_options::top_k"]
        [::std::mem::offset_of!(peft_sampling_options, top_k) - 4usize];
    ["Offset of field: peft_sampling_options::temperature"]
        [::std::mem::offset_of!(peft_sampling_options, temperature) - 8usize];
    ["Offset of field: peft_sampling_options::top_p"]
        [::std::mem::offset_of!(peft_sampling_options, top_p) - 16usize];
    ["Offset of field: peft_sampling_options::min_p"]
        [::std::mem::offset_of!(peft_sampling_options, min_p) - 24usize];
    ["Offset of field: peft_sampling_options::repetition_penalty"]
        [::std::mem::offset_of!(peft_sampling_options, repetition_penalty) - 32usize];
    ["Offset of field: peft_sampling_options::seed"]
        [::std::mem::offset_of!(peft_sampling_options, seed) - 40usize];
    ["Offset of field: peft_sampling_options::max_new_tokens"]
        [::std::mem::offset_of!(peft_sampling_options, max_new_tokens) - 48usize];
    ["Offset of field: peft_sampling_options::stop_json"]
        [::std::mem::offset_of!(peft_sampling_options, stop_json) - 56usize];
    ["Offset of field: peft_sampling_options::ignore_eos"]
        [::std::mem::offset_of!(peft_sampling_options, ignore_eos) - 64usize];
    ["Offset of field: peft_sampling_options::include_special"]
        [::std::mem::offset_of!(peft_sampling_options, include_special) - 68usize];
    ["Offset of field: peft_sampling_options::cancel"]
        [::std::mem::offset_of!(peft_sampling_options, cancel) - 72usize];
};
#[doc = " One piece of a generation."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_piece {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " the token made, the end of the sequence included; -1: rest of the\ntext only"]
    pub token_id: i32,
    #[doc = " of the token in the session"]
    pub position: i64,
    #[doc = " natural logarithm of its probability before sampling filters"]
    pub logprob: f64,
    #[doc = " NONE until the end"]
    pub finish_reason: peft_finish_reason,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_piece"][::std::mem::size_of::<peft_piece>() - 32usize];
    ["Alignment of peft_piece"][::std::mem::align_of::<peft_piece>() - 8usize];
    ["Offset of field: peft_piece::struct_size"][::std::mem::offset_of!(peft_piece, struct_size) - 0usize];
    ["Offset of field: peft_piece::token_id"][::std::mem::offset_of!(peft_piece, token_id) - 4usize];
    ["Offset of field: peft_piece::position"][::std::mem::offset_of!(peft_piece, position) - 8usize];
    ["Offset of field: peft_piece::logprob"][::std::mem::offset_of!(peft_piece, logprob) - 16usize];
    ["Offset of field: peft_piece::finish_reason"]
        [::std::mem::offset_of!(peft_piece, finish_reason) - 24usize];
};
#[doc = " How to score."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_score_options {
    pub struct_size: u32,
    #[doc = " default 0 = the base model alone"]
    pub adapter_count: i32,
    #[doc = " active ones"]
    pub adapters: *const *const peft_adapter,
    #[doc = " PEFT_DTYPE_FLOAT32 (default: exact) or _BFLOAT16"]
    pub compute_dtype: peft_dtype,
    #[doc = " default PEFT_ACTIVATIONS_EXACT. INT8 scores as a session\ndecodes, 8 tokens a pass: slower than exact"]
    pub activations: peft_activations,
    #[doc = " peft_logits: first token to give a row for; default 0"]
    pub first_position: i64,
    #[doc = " peft_logits: rows; default 0 = up to the last token"]
    pub position_count: i64,
    #[doc = " may be NULL"]
    pub cancel: *const peft_cancel,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_score_options"][::std::mem::size_of::<peft_score_options>() - 48usize];
    ["Alignment of peft_score_options"][::std::mem::align_of::<peft_score_options>() - 8usize];
    ["Offset of field: peft_score_options::struct_size"]
        [::std::mem::offset_of!(peft_score_options, struct_size) - 0usize];
    ["Offset of field: peft_score_options::adapter_count"]
        [::std::mem::offset_of!(peft_score_options, adapter_count) - 4usize];
    ["Offset of field: peft_score_options::adapters"]
        [::std::mem::offset_of!(peft_score_options, adapters) - 8usize];
    ["Offset of field: peft_score_options::compute_dtype"]
        [::std::mem::offset_of!(peft_score_options, compute_dtype) - 16usize];
    ["Offset of field: peft_score_options::activations"]
        [::std::mem::offset_of!(peft_score_options, activations) - 20usize];
    ["Offset of field: peft_score_options::first_position"]
        [::std::mem::offset_of!(peft_score_options, first_position) - 24usize];
    ["Offset of field: peft_score_options::position_count"]
        [::std::mem::offset_of!(peft_score_options, position_count) - 32usize];
    ["Offset of field: peft_score_options::cancel"]
        [::std::mem::offset_of!(peft_score_options, cancel) - 40usize];
};
#[doc = " Outcome of a score."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_score_result {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " tokens of the row, the first included"]
    pub count: i64,
    #[doc = " negative log-likelihood of all tokens after the first, natural logarithm,\nsummed"]
    pub nll: f64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_score_result"][::std::mem::size_of::<peft_score_result>() - 24usize];
    ["Alignment of peft_score_result"][::std::mem::align_of::<peft_score_result>() - 8usize];
    ["Offset of field: peft_score_result::struct_size"]
        [::std::mem::offset_of!(peft_score_result, struct_size) - 0usize];
    ["Offset of field: peft_score_result::count"][::std::mem::offset_of!(peft_score_result, count) - 8usize];
    ["Offset of field: peft_score_result::nll"][::std::mem::offset_of!(peft_score_result, nll) - 16usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_trainer {
    _unused: [u8; 0],
}
impl peft_schedule {
    #[doc = " as Transformers' constant_with_warmup; its plain \"constant\" has no\nwarm-up: set warmup_ratio and warmup_steps to 0 for that"]
    pub const PEFT_SCHEDULE_CONSTANT: peft_schedule = peft_schedule(0);
    #[doc = " down to 0 at the last step"]
    pub const PEFT_SCHEDULE_LINEAR: peft_schedule = peft_schedule(1);
    #[doc = " half a cosine down to 0 at the last step"]
    pub const PEFT_SCHEDULE_COSINE: peft_schedule = peft_schedule(2);
    pub const PEFT_SCHEDULE_FORCE32: peft_schedule = peft_schedule(2147483647);
}
#[repr(transparent)]
#[doc = " How the learning rate goes after the warm-up. Warm-up rises linearly from 0, so that its first step is at\n 0, as Transformers has it."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_schedule(pub i32);
#[doc = " How to train. \"HF\" marks defaults of Transformers' TrainingArguments, \"torch\" of torch.optim.AdamW."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_trainer_options {
    pub struct_size: u32,
    #[doc = " rows of a micro-batch; default 2"]
    pub batch_size: i32,
    #[doc = " micro-batches of a step; default 4. A last partial one is\nstepped too"]
    pub gradient_accumulation_steps: i32,
    #[doc = " default PEFT_SCHEDULE_COSINE"]
    pub schedule: peft_schedule,
    #[doc = " passes over the data; default 3 (HF)"]
    pub epochs: f64,
    #[doc = " > 0: train so many steps whatever epochs says; default 0"]
    pub max_steps: i64,
    #[doc = " default 2e-4 (QLoRA)"]
    pub learning_rate: f64,
    #[doc = " share of the steps; default 0.03 (QLoRA)"]
    pub warmup_ratio: f64,
    #[doc = " > 0 goes before warmup_ratio; default 0"]
    pub warmup_steps: i64,
    #[doc = " decoupled; default 0 (HF)"]
    pub weight_decay: f64,
    #[doc = " default 0.9 (torch)"]
    pub beta1: f64,
    #[doc = " default 0.999 (torch)"]
    pub beta2: f64,
    #[doc = " default 1e-8 (torch)"]
    pub epsilon: f64,
    #[doc = " gradients are scaled down to this norm; default 1 (HF); 0 =\nnever"]
    pub max_grad_norm: f64,
    #[doc = " of order and dropout; >= 0; default 42 (HF)"]
    pub seed: i64,
    #[doc = " 1 (default): a new order of rows in each epoch"]
    pub shuffle: i32,
    #[doc = " 1: short rows share a sequence, attention stays apart; default\n0"]
    pub packing: i32,
    #[doc = " tokens of a packed sequence; default 0 = the data set's longest\nrow"]
    pub packing_length: i64,
    #[doc = " 1: less memory, about a third more time; default 0"]
    pub activation_checkpointing: i32,
    #[doc = " PEFT_DTYPE_FLOAT32 (default: exact) or _BFLOAT16: activations\nare rounded for matrix products"]
    pub compute_dtype: peft_dtype,
    #[doc = " evaluated by plan; default NULL"]
    pub eval_dataset: *const peft_dataset,
    #[doc = " evaluate every so many steps, before the first and after the\nlast; default 0 = only after the last, where there is an\neval_dataset"]
    pub eval_steps: i64,
    #[doc = " checkpoint every so many steps; needs output_dir; default 0 =\nnever"]
    pub save_steps: i64,
    #[doc = " newest complete checkpoints that are kept, the best one apart;\ndefault 2; 0 = all"]
    pub save_total_limit: i32,
    #[doc = " 1 (default): with an eval_dataset, the adapter ends with the\nvalues of the lowest evaluation loss"]
    pub keep_best: i32,
    #[doc = " stop after so many evaluations without a lower loss; default 0\n= never"]
    pub early_stopping_patience: i32,
    #[doc = " stop with PEFT_E_NUMERIC after so many steps in a row with a\nnon-finite loss or gradient; default 5"]
    pub max_skipped_in_row: i32,
    #[doc = " folder of the checkpoints, checkpoint-<step>; default NULL"]
    pub output_dir: *const ::std::os::raw::c_char,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_trainer_options"][::std::mem::size_of::<peft_trainer_options>() - 176usize];
    ["Alignment of peft_trainer_options"][::std::mem::align_of::<peft_trainer_options>() - 8usize];
    ["Offset of field: peft_trainer_options::struct_size"]
        [::std::mem::offset_of!(peft_trainer_options, struct_size) - 0usize];
    ["Offset of field: peft_trainer_options::batch_size"]
        [::std::mem::offset_of!(peft_trainer_options, batch_size) - 4usize];
    ["Offset of field: peft_trainer_options::gradient_accumulation_steps"]
        [::std::mem::offset_of!(peft_trainer_options, gradient_accumulation_steps) - 8usize];
    ["Offset of field: peft_trainer_options::schedule"]
        [::std::mem::offset_of!(peft_trainer_options, schedule) - 12usize];
    ["Offset of field: peft_trainer_options::epochs"]
        [::std::mem::offset_of!(peft_trainer_options, epochs) - 16usize];
    ["Offset of field: peft_trainer_options::max_steps"]
        [::std::mem::offset_of!(peft_trainer_options, max_steps) - 24usize];
    ["Offset of field: peft_trainer_options::learning_rate"]
        [::std::mem::offset_of!(peft_trainer_options, learning_rate) - 32usize];
    ["Offset of field: peft_trainer_options::warmup_ratio"]
        [::std::mem::offset_of!(peft_trainer_options, warmup_ratio) - 40usize];
    ["Offset of field: peft_trainer_options::warmup_steps"]
        [::std::mem::offset_of!(peft_trainer_options, warmup_steps) - 48usize];
    ["Offset of field: peft_trainer_options::weight_decay"]
        [::std::mem::offset_of!(peft_trainer_options, weight_decay) - 56usize];
    ["Offset of field: peft_trainer_options::beta1"]
        [::std::mem::offset_of!(peft_trainer_options, beta1) - 64usize];
    ["Offset of field: peft_trainer_options::beta2"]
        [::std::mem::offset_of!(peft_trainer_options, beta2) - 72usize];
    ["Offset of field: peft_trainer_options::epsilon"]
        [::std::mem::offset_of!(peft_trainer_options, epsilon) - 80usize];
    ["Offset of field: peft_trainer_options::max_grad_norm"]
        [::std::mem::offset_of!(peft_trainer_options, max_grad_norm) - 88usize];
    ["Offset of field: peft_trainer_options::seed"]
        [::std::mem::offset_of!(peft_trainer_options, seed) - 96usize];
    ["Offset of field: peft_trainer_options::shuffle"]
        [::std::mem::offset_of!(peft_trainer_options, shuffle) - 104usize];
    ["Offset of field: peft_trainer_options::packing"]
        [::std::mem::offset_of!(peft_trainer_options, packing) - 108usize];
    ["Offset of field: peft_trainer_options::packing_length"]
        [::std::mem::offset_of!(peft_trainer_options, packing_length) - 112usize];
    ["Offset of field: peft_trainer_options::activation_checkpointing"]
        [::std::mem::offset_of!(peft_trainer_options, activation_checkpointing) - 120usize];
    ["Offset of field: peft_trainer_options::compute_dtype"]
        [::std::mem::offset_of!(peft_trainer_options, compute_dtype) - 124usize];
    ["Offset of field: peft_trainer_options::eval_dataset"]
        [::std::mem::offset_of!(peft_trainer_options, eval_dataset) - 128usize];
    ["Offset of field: peft_trainer_options::eval_steps"]
        [::std::mem::offset_of!(peft_trainer_options, eval_steps) - 136usize];
    ["Offset of field: peft_trainer_options::save_steps"]
        [::std::mem::offset_of!(peft_trainer_options, save_steps) - 144usize];
    ["Offset of field: peft_trainer_options::save_total_limit"]
        [::std::mem::offset_of!(peft_trainer_options, save_total_limit) - 152usize];
    ["Offset of field: peft_trainer_options::keep_best"]
        [::std::mem::offset_of!(peft_trainer_options, keep_best) - 156usize];
    ["Offset of field: peft_trainer_options::early_stopping_patience"]
        [::std::mem::offset_of!(peft_trainer_options, early_stopping_patience) - 160usize];
    ["Offset of field: peft_trainer_options::max_skipped_in_row"]
        [::std::mem::offset_of!(peft_trainer_options, max_skipped_in_row) - 164usize];
    ["Offset of field: peft_trainer_options::output_dir"]
        [::std::mem::offset_of!(peft_trainer_options, output_dir) - 168usize];
};
#[doc = " What one call of peft_train_step is given."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_step_options {
    pub struct_size: u32,
    #[doc = " rows given by the caller; default 0 = the next batch of the data set"]
    pub row_count: i32,
    #[doc = " one step is made of them all, batch_size at a time; the data set does not\nmove"]
    pub rows: *const peft_row,
    #[doc = " may be NULL. A cancelled step is undone: the next call repeats it"]
    pub cancel: *const peft_cancel,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_step_options"][::std::mem::size_of::<peft_step_options>() - 24usize];
    ["Alignment of peft_step_options"][::std::mem::align_of::<peft_step_options>() - 8usize];
    ["Offset of field: peft_step_options::struct_size"]
        [::std::mem::offset_of!(peft_step_options, struct_size) - 0usize];
    ["Offset of field: peft_step_options::row_count"]
        [::std::mem::offset_of!(peft_step_options, row_count) - 4usize];
    ["Offset of field: peft_step_options::rows"][::std::mem::offset_of!(peft_step_options, rows) - 8usize];
    ["Offset of field: peft_step_options::cancel"]
        [::std::mem::offset_of!(peft_step_options, cancel) - 16usize];
};
impl peft_event_kind {
    #[doc = " a step was made, or skipped"]
    pub const PEFT_EVENT_STEP: peft_event_kind = peft_event_kind(0);
    #[doc = " the eval_dataset was evaluated"]
    pub const PEFT_EVENT_EVALUATION: peft_event_kind = peft_event_kind(1);
    #[doc = " output_dir/checkpoint-<step> is complete"]
    pub const PEFT_EVENT_CHECKPOINT: peft_event_kind = peft_event_kind(2);
    #[doc = " training is over; keep_best has been done"]
    pub const PEFT_EVENT_END: peft_event_kind = peft_event_kind(3);
    pub const PEFT_EVENT_FORCE32: peft_event_kind = peft_event_kind(2147483647);
}
#[repr(transparent)]
#[doc = " What happened."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_event_kind(pub i32);
#[doc = " Figures of a step or another event. What does not belong to the event is 0."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_step_result {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    pub kind: peft_event_kind,
    #[doc = " the step that all figures belong to; the first is 1"]
    pub step: i64,
    #[doc = " of the whole training; 0 without a data set and max_steps"]
    pub total_steps: i64,
    #[doc = " passes over the data up to the end of this step"]
    pub epoch: f64,
    #[doc = " mean over the loss-bearing tokens of this step; not finite if it was\nskipped"]
    pub loss: f64,
    #[doc = " that was applied"]
    pub learning_rate: f64,
    #[doc = " before clipping"]
    pub grad_norm: f64,
    #[doc = " of this step"]
    pub tokens: i64,
    #[doc = " of which bear a loss"]
    pub loss_tokens: i64,
    #[doc = " that the step, evaluation or save took"]
    pub seconds: f64,
    #[doc = " of this step or evaluation"]
    pub tokens_per_second: f64,
    #[doc = " largest resident set of the process; on a GPU the driver's figure"]
    pub peak_memory_bytes: i64,
    #[doc = " steps skipped so far for a non-finite loss or gradient"]
    pub skipped_steps: i64,
    #[doc = " EVALUATION: mean loss over the tokens of the eval_dataset"]
    pub eval_loss: f64,
    #[doc = " lowest so far"]
    pub best_eval_loss: f64,
    #[doc = " the step after which it was measured"]
    pub best_step: i64,
    #[doc = " 1: this step changed nothing"]
    pub skipped: i32,
    #[doc = " EVALUATION: 1 if this is the lowest so far"]
    pub is_best: i32,
    #[doc = " END: 1 if early_stopping_patience ended the training"]
    pub stopped_early: i32,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_step_result"][::std::mem::size_of::<peft_step_result>() - 144usize];
    ["Alignment of peft_step_result"][::std::mem::align_of::<peft_step_result>() - 8usize];
    ["Offset of field: peft_step_result::struct_size"]
        [::std::mem::offset_of!(peft_step_result, struct_size) - 0usize];
    ["Offset of field: peft_step_result::kind"][::std::mem::offset_of!(peft_step_result, kind) - 4usize];
    ["Offset of field: peft_step_result::step"][::std::mem::offset_of!(peft_step_result, step) - 8usize];
    ["Offset of field: peft_step_result::total_steps"]
        [::std::mem::offset_of!(peft_step_result, total_steps) - 16usize];
    ["Offset of field: peft_step_result::epoch"][::std::mem::offset_of!(peft_step_result, epoch) - 24usize];
    ["Offset of field: peft_step_result::loss"][::std::mem::offset_of!(peft_step_result, loss) - 32usize];
    ["Offset of field: peft_step_result::learning_rate"]
        [::std::mem::offset_of!(peft_step_result, learning_rate) - 40usize];
    ["Offset of field: peft_step_result::grad_norm"]
        [::std::mem::offset_of!(peft_step_result, grad_norm) - 48usize];
    ["Offset of field: peft_step_result::tokens"][::std::mem::offset_of!(peft_step_result, tokens) - 56usize];
    ["Offset of field: peft_step_result::loss_tokens"]
        [::std::mem::offset_of!(peft_step_result, loss_tokens) - 64usize];
    ["Offset of field: peft_step_result::seconds"]
        [::std::mem::offset_of!(peft_step_result, seconds) - 72usize];
    ["Offset of field: peft_step_result::tokens_per_second"]
        [::std::mem::offset_of!(peft_step_result, tokens_per_second) - 80usize];
    ["Offset of field: peft_step_result::peak_memory_bytes"]
        [::std::mem::offset_of!(peft_step_result, peak_memory_bytes) - 88usize];
    ["Offset of field: peft_step_result::skipped_steps"]
        [::std::mem::offset_of!(peft_step_result, skipped_steps) - 96usize];
    ["Offset of field: peft_step_result::eval_loss"]
        [::std::mem::offset_of!(peft_step_result, eval_loss) - 104usize];
    ["Offset of field: peft_step_result::best_eval_loss"]
        [::std::mem::offset_of!(peft_step_result, best_eval_loss) - 112usize];
    ["Offset of field: peft_step_result::best_step"]
        [::std::mem::offset_of!(peft_step_result, best_step) - 120usize];
    ["Offset of field: peft_step_result::skipped"]
        [::std::mem::offset_of!(peft_step_result, skipped) - 128usize];
    ["Offset of field: peft_step_result::is_best"]
        [::std::mem::offset_of!(peft_step_result, is_best) - 132usize];
    ["Offset of field: peft_step_result::stopped_early"]
        [::std::mem::offset_of!(peft_step_result, stopped_early) - 136usize];
};
#[doc = " Told what happened. Returns 0 to go on, 1 to cancel, < 0 to fail."]
pub type peft_train_fn = ::std::option::Option<
    unsafe extern "C" fn(user_data: *mut ::std::os::raw::c_void, event: *const peft_step_result) -> i32,
>;
#[doc = " Where a trainer stands."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_trainer_info {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " 1: the next pull gives PEFT_END"]
    pub finished: i32,
    #[doc = " steps made, skipped ones included"]
    pub step: i64,
    #[doc = " of the whole training; 0 without a data set and max_steps"]
    pub total_steps: i64,
    #[doc = " passes over the data so far"]
    pub epoch: f64,
    #[doc = " that the next step will apply"]
    pub learning_rate: f64,
    #[doc = " trained on so far"]
    pub tokens: i64,
    #[doc = " for a non-finite loss or gradient"]
    pub skipped_steps: i64,
    #[doc = " of the last step that was applied"]
    pub last_loss: f64,
    #[doc = " lowest so far; 0 if best_step is -1"]
    pub best_eval_loss: f64,
    #[doc = " the step after which it was measured; -1 = not yet"]
    pub best_step: i64,
    #[doc = " numbers that are trained"]
    pub trainable_elements: i64,
    #[doc = " held by the trainer: gradients, optimizer, activations"]
    pub memory_bytes: i64,
    #[doc = " of the last complete checkpoint that was written or read; -1 = none"]
    pub checkpoint_step: i64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_trainer_info"][::std::mem::size_of::<peft_trainer_info>() - 104usize];
    ["Alignment of peft_trainer_info"][::std::mem::align_of::<peft_trainer_info>() - 8usize];
    ["Offset of field: peft_trainer_info::struct_size"]
        [::std::mem::offset_of!(peft_trainer_info, struct_size) - 0usize];
    ["Offset of field: peft_trainer_info::finished"]
        [::std::mem::offset_of!(peft_trainer_info, finished) - 4usize];
    ["Offset of field: peft_trainer_info::step"][::std::mem::offset_of!(peft_trainer_info, step) - 8usize];
    ["Offset of field: peft_trainer_info::total_steps"]
        [::std::mem::offset_of!(peft_trainer_info, total_steps) - 16usize];
    ["Offset of field: peft_trainer_info::epoch"][::std::mem::offset_of!(peft_trainer_info, epoch) - 24usize];
    ["Offset of field: peft_trainer_info::learning_rate"]
        [::std::mem::offset_of!(peft_trainer_info, learning_rate) - 32usize];
    ["Offset of field: peft_trainer_info::tokens"]
        [::std::mem::offset_of!(peft_trainer_info, tokens) - 40usize];
    ["Offset of field: peft_trainer_info::skipped_steps"]
        [::std::mem::offset_of!(peft_trainer_info, skipped_steps) - 48usize];
    ["Offset of field: peft_trainer_info::last_loss"]
        [::std::mem::offset_of!(peft_trainer_info, last_loss) - 56usize];
    ["Offset of field: peft_trainer_info::best_eval_loss"]
        [::std::mem::offset_of!(peft_trainer_info, best_eval_loss) - 64usize];
    ["Offset of field: peft_trainer_info::best_step"]
        [::std::mem::offset_of!(peft_trainer_info, best_step) - 72usize];
    ["Offset of field: peft_trainer_info::trainable_elements"]
        [::std::mem::offset_of!(peft_trainer_info, trainable_elements) - 80usize];
    ["Offset of field: peft_trainer_info::memory_bytes"]
        [::std::mem::offset_of!(peft_trainer_info, memory_bytes) - 88usize];
    ["Offset of field: peft_trainer_info::checkpoint_step"]
        [::std::mem::offset_of!(peft_trainer_info, checkpoint_step) - 96usize];
};
#[doc = " How to evaluate."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_evaluate_options {
    pub struct_size: u32,
    #[doc = " rows at a time; default 2"]
    pub batch_size: i32,
    #[doc = " active ones; default NULL = none: the base model"]
    pub adapters: *const *const peft_adapter,
    #[doc = " default 0"]
    pub adapter_count: i32,
    #[doc = " PEFT_DTYPE_FLOAT32 (default) or _BFLOAT16"]
    pub compute_dtype: peft_dtype,
    #[doc = " may be NULL"]
    pub cancel: *const peft_cancel,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_evaluate_options"][::std::mem::size_of::<peft_evaluate_options>() - 32usize];
    ["Alignment of peft_evaluate_options"][::std::mem::align_of::<peft_evaluate_options>() - 8usize];
    ["Offset of field: peft_evaluate_options::struct_size"]
        [::std::mem::offset_of!(peft_evaluate_options, struct_size) - 0usize];
    ["Offset of field: peft_evaluate_options::batch_size"]
        [::std::mem::offset_of!(peft_evaluate_options, batch_size) - 4usize];
    ["Offset of field: peft_evaluate_options::adapters"]
        [::std::mem::offset_of!(peft_evaluate_options, adapters) - 8usize];
    ["Offset of field: peft_evaluate_options::adapter_count"]
        [::std::mem::offset_of!(peft_evaluate_options, adapter_count) - 16usize];
    ["Offset of field: peft_evaluate_options::compute_dtype"]
        [::std::mem::offset_of!(peft_evaluate_options, compute_dtype) - 20usize];
    ["Offset of field: peft_evaluate_options::cancel"]
        [::std::mem::offset_of!(peft_evaluate_options, cancel) - 24usize];
};
#[doc = " Outcome of an evaluation."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_evaluate_result {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " nll / loss_tokens"]
    pub loss: f64,
    #[doc = " exp(loss)"]
    pub perplexity: f64,
    #[doc = " negative log-likelihood, natural logarithm, summed over the loss-bearing\ntokens"]
    pub nll: f64,
    #[doc = " share of loss-bearing tokens that are the most probable one"]
    pub token_accuracy: f64,
    pub rows: i64,
    pub tokens: i64,
    pub loss_tokens: i64,
    pub seconds: f64,
    pub tokens_per_second: f64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_evaluate_result"][::std::mem::size_of::<peft_evaluate_result>() - 80usize];
    ["Alignment of peft_evaluate_result"][::std::mem::align_of::<peft_evaluate_result>() - 8usize];
    ["Offset of field: peft_evaluate_result::struct_size"]
        [::std::mem::offset_of!(peft_evaluate_result, struct_size) - 0usize];
    ["Offset of field: peft_evaluate_result::loss"]
        [::std::mem::offset_of!(peft_evaluate_result, loss) - 8usize];
    ["Offset of field: peft_evaluate_result::perplexity"]
        [::std::mem::offset_of!(peft_evaluate_result, perplexity) - 16usize];
    ["Offset of field: peft_evaluate_result::nll"]
        [::std::mem::offset_of!(peft_evaluate_result, nll) - 24usize];
    ["Offset of field: peft_evaluate_result::token_accuracy"]
        [::std::mem::offset_of!(peft_evaluate_result, token_accuracy) - 32usize];
    ["Offset of field: peft_evaluate_result::rows"]
        [::std::mem::offset_of!(peft_evaluate_result, rows) - 40usize];
    ["Offset of field: peft_evaluate_result::tokens"]
        [::std::mem::offset_of!(peft_evaluate_result, tokens) - 48usize];
    ["Offset of field: peft_evaluate_result::loss_tokens"]
        [::std::mem::offset_of!(peft_evaluate_result, loss_tokens) - 56usize];
    ["Offset of field: peft_evaluate_result::seconds"]
        [::std::mem::offset_of!(peft_evaluate_result, seconds) - 64usize];
    ["Offset of field: peft_evaluate_result::tokens_per_second"]
        [::std::mem::offset_of!(peft_evaluate_result, tokens_per_second) - 72usize];
};
impl peft_job {
    pub const PEFT_JOB_TRAIN: peft_job = peft_job(0);
    pub const PEFT_JOB_GENERATE: peft_job = peft_job(1);
    pub const PEFT_JOB_FORCE32: peft_job = peft_job(2147483647);
}
#[repr(transparent)]
#[doc = " Jobs that can be estimated."]
#[derive(Debug, Copy, Clone, Hash, PartialEq, Eq)]
pub struct peft_job(pub i32);
#[doc = " The job."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_estimate_options {
    pub struct_size: u32,
    #[doc = " default PEFT_JOB_TRAIN"]
    pub job: peft_job,
    #[doc = " type and device of the weights; default NULL = as\nstored, CPU"]
    pub model_options: *const peft_model_options,
    #[doc = " 1: the model is quantized after loading; default 0"]
    pub quantize_nf4: i32,
    #[doc = " GENERATE: sessions at once; default 1"]
    pub sessions: i32,
    #[doc = " TRAIN: default NULL = peft_lora_config_init's; GENERATE:\ndefault NULL = no adapter, unless adapter_config"]
    pub lora_config: *const peft_lora_config,
    #[doc = " text of an adapter_config.json instead of lora_config;\ndefault NULL"]
    pub adapter_config: *const ::std::os::raw::c_char,
    #[doc = " TRAIN; default NULL = peft_trainer_options_init's"]
    pub trainer_options: *const peft_trainer_options,
    #[doc = " GENERATE; default NULL = peft_session_options_init's;\nits adapters are not read"]
    pub session_options: *const peft_session_options,
    #[doc = " TRAIN: its longest batch is what counts; default NULL"]
    pub dataset: *const peft_dataset,
    #[doc = " without a dataset: tokens of a row; GENERATE: of a\nsession; default 2048"]
    pub sequence_length: i64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_estimate_options"][::std::mem::size_of::<peft_estimate_options>() - 72usize];
    ["Alignment of peft_estimate_options"][::std::mem::align_of::<peft_estimate_options>() - 8usize];
    ["Offset of field: peft_estimate_options::struct_size"]
        [::std::mem::offset_of!(peft_estimate_options, struct_size) - 0usize];
    ["Offset of field: peft_estimate_options::job"]
        [::std::mem::offset_of!(peft_estimate_options, job) - 4usize];
    ["Offset of field: peft_estimate_options::model_options"]
        [::std::mem::offset_of!(peft_estimate_options, model_options) - 8usize];
    ["Offset of field: peft_estimate_options::quantize_nf4"]
        [::std::mem::offset_of!(peft_estimate_options, quantize_nf4) - 16usize];
    ["Offset of field: peft_estimate_options::sessions"]
        [::std::mem::offset_of!(peft_estimate_options, sessions) - 20usize];
    ["Offset of field: peft_estimate_options::lora_config"]
        [::std::mem::offset_of!(peft_estimate_options, lora_config) - 24usize];
    ["Offset of field: peft_estimate_options::adapter_config"]
        [::std::mem::offset_of!(peft_estimate_options, adapter_config) - 32usize];
    ["Offset of field: peft_estimate_options::trainer_options"]
        [::std::mem::offset_of!(peft_estimate_options, trainer_options) - 40usize];
    ["Offset of field: peft_estimate_options::session_options"]
        [::std::mem::offset_of!(peft_estimate_options, session_options) - 48usize];
    ["Offset of field: peft_estimate_options::dataset"]
        [::std::mem::offset_of!(peft_estimate_options, dataset) - 56usize];
    ["Offset of field: peft_estimate_options::sequence_length"]
        [::std::mem::offset_of!(peft_estimate_options, sequence_length) - 64usize];
};
#[doc = " Where the memory goes, in bytes."]
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct peft_estimate_result {
    #[doc = " set by the caller"]
    pub struct_size: u32,
    #[doc = " 1: peak_bytes is within what the device has free now"]
    pub fits: i32,
    #[doc = " the most at once; what the process or GPU will show at its peak"]
    pub peak_bytes: i64,
    #[doc = " base weights"]
    pub weight_bytes: i64,
    #[doc = " more while loading and quantizing, gone before the job's own peak"]
    pub loading_bytes: i64,
    #[doc = " adapter weights"]
    pub adapter_bytes: i64,
    #[doc = " adapter gradients"]
    pub gradient_bytes: i64,
    #[doc = " AdamW's two moments"]
    pub optimizer_bytes: i64,
    #[doc = " kept for the backward pass"]
    pub activation_bytes: i64,
    #[doc = " key/value caches of all sessions"]
    pub cache_bytes: i64,
    #[doc = " scratch and what is short-lived, at the peak"]
    pub workspace_bytes: i64,
    #[doc = " the library, its tables, the tokenizer, the data set"]
    pub baseline_bytes: i64,
    #[doc = " free on the device now"]
    pub available_bytes: i64,
    #[doc = " numbers that would be trained"]
    pub trainable_elements: i64,
    #[doc = " numbers in the base weights"]
    pub parameter_elements: i64,
    #[doc = " TRAIN: tokens of one step at most"]
    pub tokens_per_step: i64,
    #[doc = " TRAIN: floating point operations of one step; GENERATE: of one token"]
    pub flops_per_step: f64,
}
#[cfg(target_pointer_width = "64")]
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of peft_estimate_result"][::std::mem::size_of::<peft_estimate_result>() - 128usize];
    ["Alignment of peft_estimate_result"][::std::mem::align_of::<peft_estimate_result>() - 8usize];
    ["Offset of field: peft_estimate_result::struct_size"]
        [::std::mem::offset_of!(peft_estimate_result, struct_size) - 0usize];
    ["Offset of field: peft_estimate_result::fits"]
        [::std::mem::offset_of!(peft_estimate_result, fits) - 4usize];
    ["Offset of field: peft_estimate_result::peak_bytes"]
        [::std::mem::offset_of!(peft_estimate_result, peak_bytes) - 8usize];
    ["Offset of field: peft_estimate_result::weight_bytes"]
        [::std::mem::offset_of!(peft_estimate_result, weight_bytes) - 16usize];
    ["Offset of field: peft_estimate_result::loading_bytes"]
        [::std::mem::offset_of!(peft_estimate_result, loading_bytes) - 24usize];
    ["Offset of field: peft_estimate_result::adapter_bytes"]
        [::std::mem::offset_of!(peft_estimate_result, adapter_bytes) - 32usize];
    ["Offset of field: peft_estimate_result::gradient_bytes"]
        [::std::mem::offset_of!(peft_estimate_result, gradient_bytes) - 40usize];
    ["Offset of field: peft_estimate_result::optimizer_bytes"]
        [::std::mem::offset_of!(peft_estimate_result, optimizer_bytes) - 48usize];
    ["Offset of field: peft_estimate_result::activation_bytes"]
        [::std::mem::offset_of!(peft_estimate_result, activation_bytes) - 56usize];
    ["Offset of field: peft_estimate_result::cache_bytes"]
        [::std::mem::offset_of!(peft_estimate_result, cache_bytes) - 64usize];
    ["Offset of field: peft_estimate_result::workspace_bytes"]
        [::std::mem::offset_of!(peft_estimate_result, workspace_bytes) - 72usize];
    ["Offset of field: peft_estimate_result::baseline_bytes"]
        [::std::mem::offset_of!(peft_estimate_result, baseline_bytes) - 80usize];
    ["Offset of field: peft_estimate_result::available_bytes"]
        [::std::mem::offset_of!(peft_estimate_result, available_bytes) - 88usize];
    ["Offset of field: peft_estimate_result::trainable_elements"]
        [::std::mem::offset_of!(peft_estimate_result, trainable_elements) - 96usize];
    ["Offset of field: peft_estimate_result::parameter_elements"]
        [::std::mem::offset_of!(peft_estimate_result, parameter_elements) - 104usize];
    ["Offset of field: peft_estimate_result::tokens_per_step"]
        [::std::mem::offset_of!(peft_estimate_result, tokens_per_step) - 112usize];
    ["Offset of field: peft_estimate_result::flops_per_step"]
        [::std::mem::offset_of!(peft_estimate_result, flops_per_step) - 120usize];
};
