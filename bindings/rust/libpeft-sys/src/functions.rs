use crate::declare::declare;
use crate::types::*;

declare! {
unsafe extern "C" {
    #[doc = " Version of the library that runs.\n @return static string such as \"0.1.0\"\n Threads: any. @since 0.1"]
    pub fn peft_version() -> *const ::std::os::raw::c_char;
    #[doc = " Binary interface of the library that runs; it must equal the PEFT_ABI_VERSION a caller was compiled with.\n @return the number\n Threads: any. @since 0.1"]
    pub fn peft_abi_version() -> i32;
    #[doc = " How the library was built.\n @return static string: version, compiler, configuration, backends\n Threads: any. @since 0.1"]
    pub fn peft_build_info() -> *const ::std::os::raw::c_char;
    #[doc = " Asks for a named capability of this build on this machine: \"cpu\", \"cuda\", \"gguf\", \"safetensors\",\n \"peft_adapters\", \"bitsandbytes\", \"chat_template\", \"nf4\", \"bfloat16_compute\", \"int8_activations\", \"amx\",\n \"avx512\", \"avx2\", a method (\"lora\", \"ia3\", \"prompt_tuning\") or a model family (\"family:llama\").\n @param[in] name the capability\n @return 1 if it is there, 0 if not or if name is NULL or unknown\n Threads: any. @since 0.1"]
    pub fn peft_has_feature(name: *const ::std::os::raw::c_char) -> i32;
    #[doc = " Name of a status code.\n @param[in] status any value\n @return static string such as \"PEFT_E_FORMAT\"; \"PEFT_UNKNOWN\" for a value that is none\n Threads: any. @since 0.1"]
    pub fn peft_status_name(status: peft_status) -> *const ::std::os::raw::c_char;
    #[doc = " Copies the message of the calling thread's last failed (or PEFT_NOTE) call; empty after a success. Two\n things differ from convention 7: this call neither clears nor sets the message, and a text longer than the\n buffer is cut at a whole code point, with PEFT_OK. A final NUL is always written where cap > 0.\n @param[out] buf receives the text, or NULL\n @param[in] cap bytes of buf\n @param[out] len full length in bytes, or NULL\n @return PEFT_OK\n Threads: any; the message belongs to the calling thread. @since 0.1"]
    pub fn peft_last_error(buf: *mut ::std::os::raw::c_char, cap: usize, len: *mut usize) -> peft_status;
    #[doc = " Sets how much is logged, for the whole process. Default PEFT_LOG_OFF: a library is silent until asked.\n @param[in] level the highest level to keep\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_log_set_level(level: peft_log_level) -> peft_status;
    #[doc = " Takes the oldest queued log record. The queue holds 1024; older ones are dropped.\n @param[out] level level of the record, or NULL\n @param[out] buf receives the text\n @param[in] cap bytes of buf\n @param[out] len length of the text\n @return PEFT_OK; PEFT_END when the queue is empty; PEFT_E_LIMIT when cap is too small (the record stays)\n Threads: any. @since 0.1"]
    pub fn peft_log_poll(
        level: *mut peft_log_level,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Sends log records to a function instead of the queue, for the whole process. It is called on the thread\n that called the library and replaces an earlier one, whose drop is then called.\n @param[in] function receives the records; NULL goes back to the queue\n @param[in] user_data handed to function\n @param[in] drop called once with user_data when the function is replaced; may be NULL\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_log_set_callback(
        function: peft_log_fn,
        user_data: *mut ::std::os::raw::c_void,
        drop: peft_drop_fn,
    ) -> peft_status;
    #[doc = " Makes a cancel token. One token may be given to any number of calls; once signalled it stays so.\n @param[out] out the token; free it with peft_cancel_free\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_cancel_create(out: *mut *mut peft_cancel) -> peft_status;
    #[doc = " Asks every call that was given the token to stop.\n @param[in] cancel the token\n @return PEFT_OK\n Threads: shared. Not for signal handlers: set a flag there and call this from a thread. @since 0.1"]
    pub fn peft_cancel_signal(cancel: *const peft_cancel) -> peft_status;
    #[doc = " How far the latest peft_model_load, peft_trainer_next or peft_trainer_run that was given the token has\n come: of the weights, of the trainer's steps. Other calls do not tell.\n @param[in] cancel the token\n @param[out] fraction from 0 to 1; 0 before any\n @return PEFT_OK\n Threads: shared. @since 0.1"]
    pub fn peft_cancel_progress(cancel: *const peft_cancel, fraction: *mut f64) -> peft_status;
    #[doc = " Frees the token; calls that still hold it go on unharmed.\n @param[in] cancel the token or NULL\n Threads: any. @since 0.1"]
    pub fn peft_cancel_free(cancel: *mut peft_cancel);
    #[doc = " Counts the devices that can be used now. The CPU is always the first.\n @param[out] count their number\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_device_count(count: *mut i32) -> peft_status;
    #[doc = " Describes a device.\n @param[in] index from 0 to peft_device_count - 1\n @param[out] info struct_size set by the caller\n @return PEFT_OK; PEFT_E_NOT_FOUND\n Threads: any. @since 0.1"]
    pub fn peft_device_get_info(index: i32, info: *mut peft_device_info) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_context_options_init(options: *mut peft_context_options, size: usize) -> peft_status;
    #[doc = " Makes a context.\n @param[in] options what it may use, or NULL\n @param[out] out the context; free it with peft_context_free\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_context_create(
        options: *const peft_context_options,
        out: *mut *mut peft_context,
    ) -> peft_status;
    #[doc = " Gives up the handle. Models and everything made of them go on living.\n @param[in] context the context or NULL\n Threads: any. @since 0.1"]
    pub fn peft_context_free(context: *mut peft_context);
    #[doc = " Reads the live figures.\n @param[in] context the context\n @param[out] info struct_size set by the caller\n @return PEFT_OK\n Threads: shared. @since 0.1"]
    pub fn peft_context_get_info(context: *const peft_context, info: *mut peft_context_info) -> peft_status;
    #[doc = " Gives memory that is cached for later use back to the system. Objects at work keep theirs.\n @param[in] context the context\n @return PEFT_OK\n Threads: shared. @since 0.1"]
    pub fn peft_context_trim(context: *const peft_context) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_model_options_init(options: *mut peft_model_options, size: usize) -> peft_status;
    #[doc = " Loads a Hugging Face folder (config.json, safetensors in one file or shards, bitsandbytes 4-bit included)\n or a GGUF file, strictly: every tensor of the file is used once and every tensor of the model is found, or\n the error names them. A folder without a tokenizer loads; only text needs one.\n @param[in] context the context that the model lives in\n @param[in] path folder or file\n @param[in] options how to load, or NULL\n @param[out] out the model; free it with peft_model_free\n @return PEFT_OK; PEFT_E_NOT_FOUND, PEFT_E_IO, PEFT_E_FORMAT, PEFT_E_UNSUPPORTED (family, tensor type or\n         setting), PEFT_E_MISMATCH (shapes, missing or surplus tensors), PEFT_E_LIMIT, PEFT_E_DEVICE,\n         PEFT_E_CANCELLED, PEFT_E_CALLBACK\n Threads: shared. @since 0.1"]
    pub fn peft_model_load(
        context: *const peft_context,
        path: *const ::std::os::raw::c_char,
        options: *const peft_model_options,
        out: *mut *mut peft_model,
    ) -> peft_status;
    #[doc = " Asks for one free more.\n @param[in] model the model\n @return PEFT_OK\n Threads: shared. @since 0.1"]
    pub fn peft_model_retain(model: *const peft_model) -> peft_status;
    #[doc = " Gives up the handle. Adapters, trainers and sessions keep the weights alive as long as they need them.\n @param[in] model the model or NULL\n Threads: any. @since 0.1"]
    pub fn peft_model_free(model: *mut peft_model);
    #[doc = " Reads what the model is.\n @param[in] model the model\n @param[out] info struct_size set by the caller\n @return PEFT_OK\n Threads: shared. @since 0.1"]
    pub fn peft_model_get_info(model: *const peft_model, info: *mut peft_model_info) -> peft_status;
    #[doc = " Describes the model as a JSON object: path, family, format, the config in Transformers' spelling, bytes per\n tensor type, tokenizer, adapters, and for GGUF the metadata (arrays by their length).\n @param[in] model the model\n @param[out] buf receives the JSON text\n @param[in] cap bytes of buf\n @param[out] len length of the text\n @return PEFT_OK; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_model_describe(
        model: *const peft_model,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Reads one row of the parameter list, in the order of the model.\n @param[in] model the model\n @param[in] index from 0 to parameter_count - 1\n @param[out] info type, shape and bytes, or NULL\n @param[out] buf receives the name, as the checkpoint spells it\n @param[in] cap bytes of buf\n @param[out] len length of the name\n @return PEFT_OK; PEFT_E_NOT_FOUND past the end; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_model_parameter_at(
        model: *const peft_model,
        index: i64,
        info: *mut peft_parameter_info,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Copies one parameter as float32, row by row; quantized ones are dequantized.\n @param[in] model the model\n @param[in] name as peft_model_parameter_at gives it\n @param[out] data receives the numbers\n @param[in] cap elements of data\n @param[out] len number of elements\n @return PEFT_OK; PEFT_E_NOT_FOUND; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_model_parameter_read(
        model: *const peft_model,
        name: *const ::std::os::raw::c_char,
        data: *mut f32,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Reads one row of the list of modules that adapters can target.\n @param[in] model the model\n @param[in] index from 0 to module_count - 1\n @param[out] info kind and sizes, or NULL\n @param[out] buf receives the name, such as \"model.layers.0.self_attn.q_proj\"\n @param[in] cap bytes of buf\n @param[out] len length of the name\n @return PEFT_OK; PEFT_E_NOT_FOUND past the end; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_model_module_at(
        model: *const peft_model,
        index: i64,
        info: *mut peft_module_info,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_save_options_init(options: *mut peft_save_options, size: usize) -> peft_status;
    #[doc = " Saves the base weights as they are now (merged, quantized) with config, tokenizer and chat template: a\n folder that Transformers reads (NF4 in bitsandbytes' layout), or a GGUF file. Attached adapters are not\n saved with it. Model files that are in the folder already are replaced as a whole; other files stay.\n @param[in] model the model\n @param[in] path folder, or file for GGUF; made if it is not there. Saving over the files that the model was\n             loaded from is safe\n @param[in] options how to save, or NULL\n @return PEFT_OK; PEFT_E_IO; PEFT_E_UNSUPPORTED (a type or a part of the tokenizer that the format cannot\n         hold); PEFT_E_REFUSED (a folder that holds files but no config.json, or folders: somebody's own);\n         PEFT_E_CANCELLED\n Threads: shared. @since 0.1"]
    pub fn peft_model_save(
        model: *const peft_model,
        path: *const ::std::os::raw::c_char,
        options: *const peft_save_options,
    ) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_quantize_options_init(options: *mut peft_quantize_options, size: usize) -> peft_status;
    #[doc = " Quantizes the linear layers of a loaded model to NF4 in place, with bitsandbytes' codes bit for bit.\n Embeddings, norms and skipped modules stay. Attached adapters stay and apply to the quantized weights.\n @param[in] model the model; PEFT_E_BUSY while a trainer or session holds it\n @param[in] options how, or NULL\n @return PEFT_OK; PEFT_E_STATE (merged, and the originals are kept; or nothing left to quantize);\n         PEFT_E_UNSUPPORTED (block_size); PEFT_E_NUMERIC (a weight is not finite); PEFT_E_CANCELLED\n Threads: exclusive. @since 0.1"]
    pub fn peft_quantize_nf4(model: *mut peft_model, options: *const peft_quantize_options) -> peft_status;
    #[doc = " Checks a model folder, a GGUF file or an adapter folder strictly, without building the model, and describes\n what it found as a JSON object: kind, family or method, format, tensors by type, parameters, bytes, config\n and, of a model, tokenizer, chat template and metadata. For a broken one the status is the error that\n loading would give; whether an adapter fits a model only loading tells. Files may be symbolic links.\n @param[in] context whose limits hold\n @param[in] path folder or file\n @param[in] cancel may be NULL\n @param[out] buf receives the JSON text; measuring and copying check the files anew\n @param[in] cap bytes of buf\n @param[out] len length of the text\n @return PEFT_OK; the errors of peft_model_load and peft_adapter_load\n Threads: shared. @since 0.1"]
    pub fn peft_inspect(
        context: *const peft_context,
        path: *const ::std::os::raw::c_char,
        cancel: *const peft_cancel,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Fills config with the defaults.\n @param[out] config the structure\n @param[in] size sizeof *config of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_lora_config_init(config: *mut peft_lora_config, size: usize) -> peft_status;
    #[doc = " Attaches a new LoRA adapter. Its weights are float32.\n @param[in] model the model\n @param[in] name name of the adapter: not empty, no '.' or '/', not yet used on the model\n @param[in] config the settings, or NULL for r 16, alpha 32, all linear layers\n @param[out] out the adapter; free it with peft_adapter_free\n @return PEFT_OK; PEFT_E_NOT_FOUND (no module matches); PEFT_E_FORMAT (a pattern or JSON text);\n         PEFT_E_STATE (the name is used); PEFT_E_UNSUPPORTED\n Threads: shared. @since 0.1"]
    pub fn peft_attach_lora(
        model: *const peft_model,
        name: *const ::std::os::raw::c_char,
        config: *const peft_lora_config,
        out: *mut *mut peft_adapter,
    ) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_adapter_options_init(options: *mut peft_adapter_options, size: usize) -> peft_status;
    #[doc = " Attaches a new adapter of any method by the text of PEFT's adapter_config.json. Absent keys take PEFT's\n defaults; unknown keys are refused by name unless they hold PEFT's default.\n @param[in] model the model\n @param[in] name name of the adapter, as for peft_attach_lora\n @param[in] json JSON object with at least \"peft_type\"\n @param[in] json_len its bytes\n @param[in] options how, or NULL\n @param[out] out the adapter; free it with peft_adapter_free\n @return PEFT_OK; PEFT_E_FORMAT; PEFT_E_NOT_FOUND (no module matches); PEFT_E_STATE (the name is used);\n         PEFT_E_UNSUPPORTED (method or setting); PEFT_E_CANCELLED\n Threads: shared. @since 0.1"]
    pub fn peft_attach(
        model: *const peft_model,
        name: *const ::std::os::raw::c_char,
        json: *const ::std::os::raw::c_char,
        json_len: usize,
        options: *const peft_adapter_options,
        out: *mut *mut peft_adapter,
    ) -> peft_status;
    #[doc = " Loads an adapter folder of PEFT's (adapter_config.json, adapter_model.safetensors) strictly: every tensor\n is used once and every target is found. Its files may be symbolic links.\n @param[in] model the model\n @param[in] name name of the adapter, as for peft_attach_lora; the files hold none\n @param[in] path the folder\n @param[in] options how, or NULL\n @param[out] out the adapter; free it with peft_adapter_free\n @return PEFT_OK; PEFT_NOTE (the files name another base model: not an error); PEFT_E_NOT_FOUND, PEFT_E_IO,\n         PEFT_E_FORMAT, PEFT_E_UNSUPPORTED, PEFT_E_MISMATCH, PEFT_E_NUMERIC (a value is not finite),\n         PEFT_E_STATE (the name is used), PEFT_E_LIMIT, PEFT_E_CANCELLED\n Threads: shared. @since 0.1"]
    pub fn peft_adapter_load(
        model: *const peft_model,
        name: *const ::std::os::raw::c_char,
        path: *const ::std::os::raw::c_char,
        options: *const peft_adapter_options,
        out: *mut *mut peft_adapter,
    ) -> peft_status;
    #[doc = " Saves an adapter as PEFT does, in float32 unless asked otherwise; reads it back and compares before it\n returns. For GGUF a file with a LoRA adapter that llama.cpp reads.\n @param[in] adapter the adapter\n @param[in] path folder, or file for GGUF; made if it is not there\n @param[in] options how, or NULL\n @return PEFT_OK; PEFT_E_IO; PEFT_E_UNSUPPORTED (a method that the format cannot hold); PEFT_E_NUMERIC;\n         PEFT_E_CANCELLED\n Threads: shared. @since 0.1"]
    pub fn peft_adapter_save(
        adapter: *const peft_adapter,
        path: *const ::std::os::raw::c_char,
        options: *const peft_save_options,
    ) -> peft_status;
    #[doc = " Asks for one free more.\n @param[in] adapter the adapter\n @return PEFT_OK\n Threads: shared. @since 0.1"]
    pub fn peft_adapter_retain(adapter: *const peft_adapter) -> peft_status;
    #[doc = " Gives up the handle. The adapter stays attached; peft_model_adapter_find gives a handle again.\n @param[in] adapter the adapter or NULL\n Threads: any. @since 0.1"]
    pub fn peft_adapter_free(adapter: *mut peft_adapter);
    #[doc = " Reads what the adapter is.\n @param[in] adapter the adapter\n @param[out] info struct_size set by the caller\n @return PEFT_OK\n Threads: shared. @since 0.1"]
    pub fn peft_adapter_get_info(adapter: *const peft_adapter, info: *mut peft_adapter_info) -> peft_status;
    #[doc = " Copies the name of an adapter.\n @param[in] adapter the adapter\n @param[out] buf receives the name\n @param[in] cap bytes of buf\n @param[out] len length of the name\n @return PEFT_OK; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_adapter_get_name(
        adapter: *const peft_adapter,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Copies the settings of an adapter as the text of PEFT's adapter_config.json.\n @param[in] adapter the adapter\n @param[out] buf receives the JSON text\n @param[in] cap bytes of buf\n @param[out] len length of the text\n @return PEFT_OK; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_adapter_get_config(
        adapter: *const peft_adapter,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Reads one row of the parameter list of an adapter.\n @param[in] adapter the adapter\n @param[in] index from 0 to parameter_count - 1\n @param[out] info type, shape and bytes, or NULL\n @param[out] buf receives the name, as PEFT's file spells it\n @param[in] cap bytes of buf\n @param[out] len length of the name\n @return PEFT_OK; PEFT_E_NOT_FOUND past the end; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_adapter_parameter_at(
        adapter: *const peft_adapter,
        index: i64,
        info: *mut peft_parameter_info,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Copies one parameter of an adapter as float32, row by row.\n @param[in] adapter the adapter\n @param[in] name as peft_adapter_parameter_at gives it\n @param[out] data receives the numbers\n @param[in] cap elements of data\n @param[out] len number of elements\n @return PEFT_OK; PEFT_E_NOT_FOUND; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_adapter_parameter_read(
        adapter: *const peft_adapter,
        name: *const ::std::os::raw::c_char,
        data: *mut f32,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Sets a factor on the adapter's effect, for trainers, sessions and scores that begin after the call. It is\n not saved in files.\n @param[in] adapter the adapter\n @param[in] scale at most 1e6 in size; 1 = as trained, 0 = no effect. Read it with peft_adapter_get_info\n @return PEFT_OK; PEFT_E_UNSUPPORTED (a method whose effect has no size); PEFT_E_STATE (merged)\n Threads: exclusive. @since 0.1"]
    pub fn peft_adapter_set_scale(adapter: *mut peft_adapter, scale: f64) -> peft_status;
    #[doc = " Takes the adapter off its model: its name becomes free. Trainers and sessions that hold it keep it, and the\n handle can still be read and saved.\n @param[in] adapter the adapter\n @return PEFT_OK; PEFT_E_STATE (merged or already detached)\n Threads: exclusive. @since 0.1"]
    pub fn peft_adapter_detach(adapter: *mut peft_adapter) -> peft_status;
    #[doc = " Gives a handle to an attached adapter, in the order of attaching. Its number is adapter_count of\n peft_model_info.\n @param[in] model the model\n @param[in] index from 0 to adapter_count - 1\n @param[out] out the adapter; free it with peft_adapter_free\n @return PEFT_OK; PEFT_E_NOT_FOUND past the end\n Threads: shared. @since 0.1"]
    pub fn peft_model_adapter_at(
        model: *const peft_model,
        index: i64,
        out: *mut *mut peft_adapter,
    ) -> peft_status;
    #[doc = " Gives a handle to an attached adapter by its name.\n @param[in] model the model\n @param[in] name the name\n @param[out] out the adapter; free it with peft_adapter_free\n @return PEFT_OK; PEFT_E_NOT_FOUND\n Threads: shared. @since 0.1"]
    pub fn peft_model_adapter_find(
        model: *const peft_model,
        name: *const ::std::os::raw::c_char,
        out: *mut *mut peft_adapter,
    ) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_merge_options_init(options: *mut peft_merge_options, size: usize) -> peft_status;
    #[doc = " Folds an adapter into the base weights, whatever their type, and measures for each tensor how much of the\n update survives the rounding to that type. Originals are kept for peft_unmerge. A tied head that the\n adapter changes is untied first. The report stays readable with peft_merge_tensor_at, also after a refusal.\n @param[in] model the model; PEFT_E_BUSY while a trainer or session holds it\n @param[in] adapter an adapter attached to this model\n @param[in] options how, or NULL\n @param[out] result struct_size set by the caller, or NULL; also written on PEFT_E_REFUSED\n @return PEFT_OK; PEFT_E_REFUSED (a tensor keeps less than minimum_retained and force is 0: nothing was\n         changed); PEFT_E_UNSUPPORTED (a method that cannot be merged); PEFT_E_MISMATCH (an adapter of\n         another model); PEFT_E_STATE (merged or detached); PEFT_E_NUMERIC; PEFT_E_CANCELLED\n Threads: exclusive. @since 0.1"]
    pub fn peft_merge(
        model: *mut peft_model,
        adapter: *const peft_adapter,
        options: *const peft_merge_options,
        result: *mut peft_merge_result,
    ) -> peft_status;
    #[doc = " Reads one row of the report of the model's last merge, dry or refused ones too.\n @param[in] model the model\n @param[in] index from 0 to tensor_count - 1\n @param[out] info the figures, or NULL\n @param[out] buf receives the name of the tensor\n @param[in] cap bytes of buf\n @param[out] len length of the name\n @return PEFT_OK; PEFT_E_NOT_FOUND past the end; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_merge_tensor_at(
        model: *const peft_model,
        index: i64,
        info: *mut peft_merge_tensor,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Undoes all merges: puts the kept originals back, bit for bit, and frees their memory.\n @param[in] model the model; PEFT_E_BUSY while a trainer or session holds it\n @return PEFT_OK; PEFT_E_STATE (nothing is merged, or the originals were discarded)\n Threads: exclusive. @since 0.1"]
    pub fn peft_unmerge(model: *mut peft_model) -> peft_status;
    #[doc = " Makes all merges final: frees the originals. The merged adapters are detached.\n @param[in] model the model\n @return PEFT_OK; PEFT_E_STATE (nothing is merged)\n Threads: exclusive. @since 0.1"]
    pub fn peft_merge_discard(model: *mut peft_model) -> peft_status;
    #[doc = " Loads a tokenizer alone. Files of the folder may be symbolic links, as in Hugging Face's cache.\n @param[in] context whose limits hold\n @param[in] path model folder, tokenizer.json or GGUF file\n @param[out] out the tokenizer; free it with peft_tokenizer_free\n @return PEFT_OK; PEFT_E_NOT_FOUND, PEFT_E_IO, PEFT_E_FORMAT, PEFT_E_UNSUPPORTED, PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_tokenizer_load(
        context: *const peft_context,
        path: *const ::std::os::raw::c_char,
        out: *mut *mut peft_tokenizer,
    ) -> peft_status;
    #[doc = " Takes the tokenizer of a model.\n @param[in] model the model\n @param[out] out the tokenizer; free it with peft_tokenizer_free\n @return PEFT_OK; PEFT_E_NOT_FOUND if the model came without one\n Threads: shared. @since 0.1"]
    pub fn peft_tokenizer_from_model(model: *const peft_model, out: *mut *mut peft_tokenizer) -> peft_status;
    #[doc = " Gives up the handle.\n @param[in] tokenizer the tokenizer or NULL\n Threads: any. @since 0.1"]
    pub fn peft_tokenizer_free(tokenizer: *mut peft_tokenizer);
    #[doc = " Reads what the tokenizer is.\n @param[in] tokenizer the tokenizer\n @param[out] info struct_size set by the caller\n @return PEFT_OK\n Threads: shared. @since 0.1"]
    pub fn peft_tokenizer_get_info(
        tokenizer: *const peft_tokenizer,
        info: *mut peft_tokenizer_info,
    ) -> peft_status;
    #[doc = " Saves tokenizer and chat template into a folder, as Transformers reads them (tokenizer.json,\n tokenizer_config.json, chat_template.jinja). Other files of the folder stay. One that came from a GGUF\n file is written as the tokenizer.json that it amounts to.\n @param[in] tokenizer the tokenizer\n @param[in] path the folder; made if it is not there\n @return PEFT_OK; PEFT_E_IO\n Threads: shared. @since 0.1"]
    pub fn peft_tokenizer_save(
        tokenizer: *const peft_tokenizer,
        path: *const ::std::os::raw::c_char,
    ) -> peft_status;
    #[doc = " Turns text into token ids. Text in the shape of a special token becomes that token, as in Transformers.\n @param[in] tokenizer the tokenizer\n @param[in] text the text\n @param[in] text_len its bytes\n @param[in] add_special 1: add the tokens that the tokenizer puts around a sequence; 0 after a chat template\n @param[out] data receives the ids\n @param[in] cap elements of data\n @param[out] len number of ids\n @return PEFT_OK; PEFT_E_LIMIT (cap, a text too long for the context, or a matcher that gave up: never\n         other ids instead)\n Threads: shared. @since 0.1"]
    pub fn peft_tokenizer_encode(
        tokenizer: *const peft_tokenizer,
        text: *const ::std::os::raw::c_char,
        text_len: usize,
        add_special: i32,
        data: *mut i32,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Turns token ids into text. Bytes that form no code point become U+FFFD.\n @param[in] tokenizer the tokenizer\n @param[in] data the ids\n @param[in] n their number\n @param[in] skip_special 1: leave special tokens out\n @param[out] buf receives the text\n @param[in] cap bytes of buf\n @param[out] len length of the text\n @return PEFT_OK; PEFT_E_LIMIT; PEFT_E_INVALID_ARGUMENT (an id that the tokenizer does not have)\n Threads: shared. @since 0.1"]
    pub fn peft_tokenizer_decode(
        tokenizer: *const peft_tokenizer,
        data: *const i32,
        n: usize,
        skip_special: i32,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Spelling of a token in the vocabulary, such as \"Ġthe\".\n @param[in] tokenizer the tokenizer\n @param[in] token_id the id\n @param[out] buf receives the spelling\n @param[in] cap bytes of buf\n @param[out] len its length\n @return PEFT_OK; PEFT_E_NOT_FOUND; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_tokenizer_token_text(
        tokenizer: *const peft_tokenizer,
        token_id: i32,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Id of a token by its spelling in the vocabulary.\n @param[in] tokenizer the tokenizer\n @param[in] text the spelling\n @param[in] text_len its bytes\n @param[out] token_id the id\n @return PEFT_OK; PEFT_E_NOT_FOUND\n Threads: shared. @since 0.1"]
    pub fn peft_tokenizer_token_id(
        tokenizer: *const peft_tokenizer,
        text: *const ::std::os::raw::c_char,
        text_len: usize,
        token_id: *mut i32,
    ) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_chat_options_init(options: *mut peft_chat_options, size: usize) -> peft_status;
    #[doc = " Renders messages with the chat template. Encode the result with add_special 0.\n @param[in] tokenizer the tokenizer\n @param[in] json JSON array of {\"role\", \"content\"} objects\n @param[in] json_len its bytes\n @param[in] options how, or NULL\n @param[out] buf receives the text\n @param[in] cap bytes of buf\n @param[out] len length of the text\n @return PEFT_OK; PEFT_E_NOT_FOUND (no template); PEFT_E_FORMAT (JSON, or the template raised an error);\n         PEFT_E_LIMIT (steps, depth or output of the template, or cap)\n Threads: shared. @since 0.1"]
    pub fn peft_chat_apply(
        tokenizer: *const peft_tokenizer,
        json: *const ::std::os::raw::c_char,
        json_len: usize,
        options: *const peft_chat_options,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Makes a decoder for tokens that arrive one by one.\n @param[in] tokenizer the tokenizer\n @param[in] skip_special 1: leave special tokens out\n @param[out] out the decoder; free it with peft_stream_decoder_free\n @return PEFT_OK\n Threads: shared. @since 0.1"]
    pub fn peft_stream_decoder_create(
        tokenizer: *const peft_tokenizer,
        skip_special: i32,
        out: *mut *mut peft_stream_decoder,
    ) -> peft_status;
    #[doc = " Takes one token and gives the text that is complete with it, perhaps none. The token is taken only when its\n text is delivered: not by a measuring call, and not when cap is too small. All pieces together are the\n decoded text.\n @param[in] decoder the decoder\n @param[in] token_id the next token; -1 ends the sequence, gives what is left (U+FFFD for a code point that\n             stayed incomplete) and makes the decoder new\n @param[out] buf receives the text\n @param[in] cap bytes of buf; 256 are enough for every usual token\n @param[out] len length of the text\n @return PEFT_OK; PEFT_E_LIMIT; PEFT_E_INVALID_ARGUMENT (an id that the tokenizer does not have)\n Threads: exclusive. @since 0.1"]
    pub fn peft_stream_decoder_push(
        decoder: *mut peft_stream_decoder,
        token_id: i32,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Gives up the handle.\n @param[in] decoder the decoder or NULL\n Threads: any. @since 0.1"]
    pub fn peft_stream_decoder_free(decoder: *mut peft_stream_decoder);
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_dataset_options_init(options: *mut peft_dataset_options, size: usize) -> peft_status;
    #[doc = " Reads a file of rows. Errors name file and line.\n @param[in] context whose limits hold\n @param[in] tokenizer encodes the text; may be NULL for PEFT_DATA_TOKENS\n @param[in] path the file (.jsonl, .json, .txt)\n @param[in] options how, or NULL\n @param[out] out the data set; free it with peft_dataset_free\n @return PEFT_OK; PEFT_E_NOT_FOUND, PEFT_E_IO, PEFT_E_FORMAT, PEFT_E_LIMIT, PEFT_E_STATE (no row can be\n         used), PEFT_E_CANCELLED\n Threads: shared. @since 0.1"]
    pub fn peft_dataset_from_file(
        context: *const peft_context,
        tokenizer: *const peft_tokenizer,
        path: *const ::std::os::raw::c_char,
        options: *const peft_dataset_options,
        out: *mut *mut peft_dataset,
    ) -> peft_status;
    #[doc = " Reads rows from text in memory, in the form that a file would have. Format AUTO finds JSON rows or plain\n text.\n @param[in] context whose limits hold\n @param[in] tokenizer encodes the text; may be NULL for PEFT_DATA_TOKENS\n @param[in] text the rows\n @param[in] text_len its bytes\n @param[in] options how, or NULL\n @param[out] out the data set; free it with peft_dataset_free\n @return as peft_dataset_from_file\n Threads: shared. @since 0.1"]
    pub fn peft_dataset_from_text(
        context: *const peft_context,
        tokenizer: *const peft_tokenizer,
        text: *const ::std::os::raw::c_char,
        text_len: usize,
        options: *const peft_dataset_options,
        out: *mut *mut peft_dataset,
    ) -> peft_status;
    #[doc = " Copies rows of tokens. Of the options max_seq_len, first_row, row_count and cancel are read.\n @param[in] context whose limits hold\n @param[in] rows the rows\n @param[in] n their number\n @param[in] options how, or NULL\n @param[out] out the data set; free it with peft_dataset_free\n @return PEFT_OK; PEFT_E_STATE (no row can be used); PEFT_E_UNSUPPORTED (label kind); PEFT_E_LIMIT;\n         PEFT_E_CANCELLED\n Threads: shared. @since 0.1"]
    pub fn peft_dataset_from_rows(
        context: *const peft_context,
        rows: *const peft_row,
        n: usize,
        options: *const peft_dataset_options,
        out: *mut *mut peft_dataset,
    ) -> peft_status;
    #[doc = " Gives up the handle.\n @param[in] dataset the data set or NULL\n Threads: any. @since 0.1"]
    pub fn peft_dataset_free(dataset: *mut peft_dataset);
    #[doc = " Reads what the data set holds.\n @param[in] dataset the data set\n @param[out] info struct_size set by the caller\n @return PEFT_OK\n Threads: shared. @since 0.1"]
    pub fn peft_dataset_get_info(dataset: *const peft_dataset, info: *mut peft_dataset_info) -> peft_status;
    #[doc = " Copies one column of a row. The prompt of a row is its ids up to the first label that is not ignored.\n @param[in] dataset the data set\n @param[in] row from 0 to rows - 1\n @param[in] part the column\n @param[out] data receives the numbers\n @param[in] cap elements of data\n @param[out] len number of elements\n @return PEFT_OK; PEFT_E_NOT_FOUND past the end; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_dataset_row(
        dataset: *const peft_dataset,
        row: i64,
        part: peft_row_part,
        data: *mut i32,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_session_options_init(options: *mut peft_session_options, size: usize) -> peft_status;
    #[doc = " Makes an empty session. It keeps model and adapters alive.\n @param[in] model the model\n @param[in] options what it is made of, or NULL\n @param[out] out the session; free it with peft_session_free\n @return PEFT_OK; PEFT_E_MISMATCH (an adapter of another model); PEFT_E_STATE (a merged adapter);\n         PEFT_E_UNSUPPORTED; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_session_create(
        model: *const peft_model,
        options: *const peft_session_options,
        out: *mut *mut peft_session,
    ) -> peft_status;
    #[doc = " Gives up the session and its cache.\n @param[in] session the session or NULL\n Threads: any. @since 0.1"]
    pub fn peft_session_free(session: *mut peft_session);
    #[doc = " Reads where the session stands.\n @param[in] session the session\n @param[out] info struct_size set by the caller\n @return PEFT_OK\n Threads: shared. @since 0.1"]
    pub fn peft_session_get_info(session: *const peft_session, info: *mut peft_session_info) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_prefill_options_init(options: *mut peft_prefill_options, size: usize) -> peft_status;
    #[doc = " Appends tokens to the session in one pass and begins a new generation.\n @param[in] session the session\n @param[in] data the tokens\n @param[in] n their number\n @param[in] options how, or NULL; only cancel is read\n @return PEFT_OK; PEFT_E_INVALID_ARGUMENT (an id beyond the vocabulary); PEFT_E_LIMIT (the session would be\n         too long); PEFT_E_CANCELLED\n Threads: exclusive. @since 0.1"]
    pub fn peft_session_prefill(
        session: *mut peft_session,
        data: *const i32,
        n: usize,
        options: *const peft_prefill_options,
    ) -> peft_status;
    #[doc = " Encodes text, appends it to the session and begins a new generation.\n @param[in] session the session\n @param[in] text the text\n @param[in] text_len its bytes\n @param[in] options how, or NULL\n @return as peft_session_prefill; PEFT_E_STATE (the model has no tokenizer)\n Threads: exclusive. @since 0.1"]
    pub fn peft_session_prefill_text(
        session: *mut peft_session,
        text: *const ::std::os::raw::c_char,
        text_len: usize,
        options: *const peft_prefill_options,
    ) -> peft_status;
    #[doc = " Renders a whole conversation with the chat template and begins a new generation after it. What the session\n already holds of it is kept: only the tokens that differ are dropped and computed anew, so a chat goes on\n by calling this with all its messages.\n @param[in] session the session\n @param[in] json JSON array of {\"role\", \"content\"} objects\n @param[in] json_len its bytes\n @param[in] options how, or NULL\n @return as peft_session_prefill_text; PEFT_E_NOT_FOUND (no chat template); PEFT_E_FORMAT\n Threads: exclusive. @since 0.1"]
    pub fn peft_session_prefill_chat(
        session: *mut peft_session,
        json: *const ::std::os::raw::c_char,
        json_len: usize,
        options: *const peft_prefill_options,
    ) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_sampling_options_init(options: *mut peft_sampling_options, size: usize) -> peft_status;
    #[doc = " Sets how tokens are chosen from now on and begins a new generation. Without it: greedy, 256 new tokens.\n @param[in] session the session\n @param[in] options how, or NULL\n @return PEFT_OK; PEFT_E_FORMAT (stop_json); PEFT_E_STATE (stop strings without a tokenizer)\n Threads: exclusive. @since 0.1"]
    pub fn peft_session_set_sampling(
        session: *mut peft_session,
        options: *const peft_sampling_options,
    ) -> peft_status;
    #[doc = " Makes one token and gives the text that is complete with it: whole code points, nothing that may still\n become a stop string; perhaps none. When a generation ends with text held back, one piece with token_id -1\n brings it, and then PEFT_END follows. A piece is taken when it is delivered: not by a measuring call (buf\n NULL, cap 0 and len given) and not when cap is too small, though the session holds its token from then on;\n a prefill, rewind or change of the sampling drops a piece that was not taken. With buf and len NULL the\n text is not wanted and the piece is taken, which is also the way for models without a tokenizer.\n @param[in] session a session that holds at least one token\n @param[out] piece struct_size set by the caller; or NULL\n @param[out] buf receives the text\n @param[in] cap bytes of buf; 256 are enough for every usual token\n @param[out] len length of the text\n @return PEFT_OK; PEFT_END (finish_reason says why); PEFT_E_LIMIT; PEFT_E_STATE (the session is empty);\n         PEFT_E_NUMERIC; PEFT_E_CANCELLED (the session is as before the call)\n Threads: exclusive. @since 0.1"]
    pub fn peft_session_next(
        session: *mut peft_session,
        piece: *mut peft_piece,
        buf: *mut ::std::os::raw::c_char,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Makes a second session with the same tokens, sampling and adapters. The cache is shared until one of them\n changes it.\n @param[in] session the session\n @param[out] out the new one; free it with peft_session_free\n @return PEFT_OK; PEFT_E_BUSY while another thread changes the session\n Threads: shared. @since 0.1"]
    pub fn peft_session_fork(session: *const peft_session, out: *mut *mut peft_session) -> peft_status;
    #[doc = " Drops the tokens from a position on.\n @param[in] session the session\n @param[in] position tokens to keep, from 0 to the session's position\n @return PEFT_OK\n Threads: exclusive. @since 0.1"]
    pub fn peft_session_rewind(session: *mut peft_session, position: i64) -> peft_status;
    #[doc = " Copies the tokens of the session, prompt and new ones.\n @param[in] session the session\n @param[out] data receives the ids\n @param[in] cap elements of data\n @param[out] len their number\n @return PEFT_OK; PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_session_tokens(
        session: *const peft_session,
        data: *mut i32,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Copies the logits for the token that comes next, before any sampling filter.\n @param[in] session a session that holds at least one token\n @param[out] data receives vocabulary_size numbers\n @param[in] cap elements of data\n @param[out] len their number\n @return PEFT_OK; PEFT_E_STATE (the session is empty, or was rewound and not prefilled since); PEFT_E_LIMIT\n Threads: shared. @since 0.1"]
    pub fn peft_session_logits(
        session: *const peft_session,
        data: *mut f32,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_score_options_init(options: *mut peft_score_options, size: usize) -> peft_status;
    #[doc = " Scores one row of tokens.\n @param[in] model the model\n @param[in] data the tokens\n @param[in] n their number, at least 1\n @param[in] options how, or NULL\n @param[out] result struct_size set by the caller; or NULL\n @param[out] values receives n - 1 natural logarithms of the probabilities of data[1], data[2], ...; NULL\n             with cap 0 and len NULL if not wanted\n @param[in] cap elements of values\n @param[out] len their number; a call that only measures does not compute\n @return PEFT_OK; PEFT_E_INVALID_ARGUMENT (an id beyond the vocabulary); PEFT_E_MISMATCH; PEFT_E_STATE (a\n         merged adapter); PEFT_E_LIMIT; PEFT_E_CANCELLED\n Threads: shared. @since 0.1"]
    pub fn peft_score(
        model: *const peft_model,
        data: *const i32,
        n: usize,
        options: *const peft_score_options,
        result: *mut peft_score_result,
        values: *mut f32,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Computes the logits after given tokens: row i belongs to the token that follows data[first_position + i].\n @param[in] model the model\n @param[in] data the tokens\n @param[in] n their number, at least 1\n @param[in] options how, or NULL\n @param[out] values receives [position_count, vocabulary_size] numbers\n @param[in] cap elements of values\n @param[out] len their number; a call that only measures does not compute\n @return as peft_score\n Threads: shared. @since 0.1"]
    pub fn peft_logits(
        model: *const peft_model,
        data: *const i32,
        n: usize,
        options: *const peft_score_options,
        values: *mut f32,
        cap: usize,
        len: *mut usize,
    ) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_trainer_options_init(options: *mut peft_trainer_options, size: usize) -> peft_status;
    #[doc = " Makes a trainer. It keeps model, adapter and data sets alive. An adapter has one trainer at a time\n (PEFT_E_BUSY).\n @param[in] model the model\n @param[in] adapter a trainable adapter attached to it\n @param[in] dataset the rows to train on; NULL if every step is given its rows\n @param[in] options how, or NULL\n @param[out] out the trainer; free it with peft_trainer_free\n @return PEFT_OK; PEFT_E_MISMATCH (an adapter of another model, token ids beyond the vocabulary);\n         PEFT_E_STATE (a frozen, merged or detached adapter); PEFT_E_UNSUPPORTED; PEFT_E_IO (output_dir)\n Threads: shared. @since 0.1"]
    pub fn peft_trainer_create(
        model: *const peft_model,
        adapter: *const peft_adapter,
        dataset: *const peft_dataset,
        options: *const peft_trainer_options,
        out: *mut *mut peft_trainer,
    ) -> peft_status;
    #[doc = " Gives up the trainer. The adapter keeps the values of the last step.\n @param[in] trainer the trainer or NULL\n Threads: any. @since 0.1"]
    pub fn peft_trainer_free(trainer: *mut peft_trainer);
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_step_options_init(options: *mut peft_step_options, size: usize) -> peft_status;
    #[doc = " Makes one step: forward, backward, update. Nothing else: no evaluation, no save.\n @param[in] trainer the trainer\n @param[in] options rows or cancel token, or NULL for the next batch of the data set\n @param[out] result figures of the step, struct_size set by the caller; or NULL\n @return PEFT_OK; PEFT_END when all steps have been made (nothing is done); PEFT_STEP_SKIPPED;\n         PEFT_E_NUMERIC (too many skipped in a row; the adapter's values are those of the last good step);\n         PEFT_E_STATE (no rows and no data set, or no token bears a loss); PEFT_E_UNSUPPORTED (label kind);\n         PEFT_E_CANCELLED\n Threads: exclusive. @since 0.1"]
    pub fn peft_train_step(
        trainer: *mut peft_trainer,
        options: *const peft_step_options,
        result: *mut peft_step_result,
    ) -> peft_status;
    #[doc = " Does the next thing of the plan: a step, an evaluation, a checkpoint, or the end. The pull form of\n peft_trainer_run.\n @param[in] trainer the trainer, with a data set\n @param[in] cancel may be NULL\n @param[out] event what was done, struct_size set by the caller; or NULL\n @return PEFT_OK; PEFT_END with a PEFT_EVENT_END when the training is over, also each time after that;\n         PEFT_STEP_SKIPPED; PEFT_E_NUMERIC, PEFT_E_STATE, PEFT_E_IO, PEFT_E_CANCELLED\n Threads: exclusive. @since 0.1"]
    pub fn peft_trainer_next(
        trainer: *mut peft_trainer,
        cancel: *const peft_cancel,
        event: *mut peft_step_result,
    ) -> peft_status;
    #[doc = " Does all that is left of the plan. After a cancel the trainer stands at the end of a step and can go on or\n be saved.\n @param[in] trainer the trainer, with a data set\n @param[in] cancel may be NULL\n @param[in] function told every event; may be NULL\n @param[in] user_data handed to function\n @param[in] drop called once with user_data when the call is over; may be NULL\n @return PEFT_OK; PEFT_E_NUMERIC, PEFT_E_STATE, PEFT_E_IO, PEFT_E_CANCELLED, PEFT_E_CALLBACK\n Threads: exclusive. @since 0.1"]
    pub fn peft_trainer_run(
        trainer: *mut peft_trainer,
        cancel: *const peft_cancel,
        function: peft_train_fn,
        user_data: *mut ::std::os::raw::c_void,
        drop: peft_drop_fn,
    ) -> peft_status;
    #[doc = " Reads where the trainer stands.\n @param[in] trainer the trainer\n @param[out] info struct_size set by the caller\n @return PEFT_OK\n Threads: shared; during a step of another thread the figures are those before it. @since 0.1"]
    pub fn peft_trainer_get_info(trainer: *const peft_trainer, info: *mut peft_trainer_info) -> peft_status;
    #[doc = " Sets the learning rate of the steps that follow. The schedule goes on from it in its own proportion.\n @param[in] trainer the trainer\n @param[in] learning_rate finite, >= 0: what the schedule takes for its highest rate from now on\n @return PEFT_OK\n Threads: exclusive. @since 0.1"]
    pub fn peft_trainer_set_learning_rate(trainer: *mut peft_trainer, learning_rate: f64) -> peft_status;
    #[doc = " Evaluates the adapter as it is, with the trainer's memory. Changes nothing of the training.\n @param[in] trainer the trainer\n @param[in] dataset the rows; NULL = the eval_dataset\n @param[in] cancel may be NULL\n @param[out] result struct_size set by the caller\n @return PEFT_OK; PEFT_E_STATE (no data set); PEFT_E_MISMATCH; PEFT_E_CANCELLED\n Threads: exclusive. @since 0.1"]
    pub fn peft_trainer_evaluate(
        trainer: *mut peft_trainer,
        dataset: *const peft_dataset,
        cancel: *const peft_cancel,
        result: *mut peft_evaluate_result,
    ) -> peft_status;
    #[doc = " Writes everything that the training needs to go on bit for bit in another process: adapter, optimizer,\n schedule, counters, place in the data, hashes; the manifest last. The folder is a PEFT adapter folder too.\n @param[in] trainer the trainer\n @param[in] path the folder; NULL = output_dir/checkpoint-<step>\n @param[in] cancel may be NULL\n @return PEFT_OK; PEFT_E_IO; PEFT_E_STATE (no path and no output_dir); PEFT_E_REFUSED (a path that holds\n         files and is no checkpoint, which would be replaced as a whole); PEFT_E_CANCELLED\n Threads: exclusive. @since 0.1"]
    pub fn peft_trainer_checkpoint(
        trainer: *mut peft_trainer,
        path: *const ::std::os::raw::c_char,
        cancel: *const peft_cancel,
    ) -> peft_status;
    #[doc = " Goes on from a checkpoint. Model, adapter settings, data and options that decide the result must be those\n of the run that wrote it.\n @param[in] trainer a trainer that has made no step\n @param[in] path a checkpoint, or a folder whose newest complete checkpoint is taken; NULL = output_dir\n @return PEFT_OK; PEFT_NOTE (a newer checkpoint was incomplete or damaged and passed over); PEFT_E_NOT_FOUND\n         (no complete checkpoint there); PEFT_E_MISMATCH (names what differs); PEFT_E_FORMAT; PEFT_E_IO;\n         PEFT_E_STATE\n Threads: exclusive. @since 0.1"]
    pub fn peft_trainer_resume(
        trainer: *mut peft_trainer,
        path: *const ::std::os::raw::c_char,
    ) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_evaluate_options_init(options: *mut peft_evaluate_options, size: usize) -> peft_status;
    #[doc = " Evaluates a model on a data set, with or without adapters. Needs no trainer.\n @param[in] model the model\n @param[in] dataset the rows\n @param[in] options how, or NULL\n @param[out] result struct_size set by the caller\n @return PEFT_OK; PEFT_E_MISMATCH (an adapter of another model, token ids beyond the vocabulary);\n         PEFT_E_STATE (a merged adapter); PEFT_E_NUMERIC; PEFT_E_CANCELLED\n Threads: shared. @since 0.1"]
    pub fn peft_evaluate(
        model: *const peft_model,
        dataset: *const peft_dataset,
        options: *const peft_evaluate_options,
        result: *mut peft_evaluate_result,
    ) -> peft_status;
    #[doc = " Fills options with the defaults.\n @param[out] options the structure\n @param[in] size sizeof *options of the caller\n @return PEFT_OK\n Threads: any. @since 0.1"]
    pub fn peft_estimate_options_init(options: *mut peft_estimate_options, size: usize) -> peft_status;
    #[doc = " Estimates a job on a model that is not loaded: only its headers are read.\n @param[in] context the context that the job would run in\n @param[in] path model folder or GGUF file\n @param[in] options the job, or NULL\n @param[out] result struct_size set by the caller\n @return PEFT_OK; the errors of peft_model_load, peft_attach and peft_trainer_create\n Threads: shared. @since 0.1"]
    pub fn peft_estimate(
        context: *const peft_context,
        path: *const ::std::os::raw::c_char,
        options: *const peft_estimate_options,
        result: *mut peft_estimate_result,
    ) -> peft_status;
    #[doc = " Estimates a job on a loaded model, whose weights count as they are: model_options and quantize_nf4 are not\n read.\n @param[in] model the model\n @param[in] options the job, or NULL\n @param[out] result struct_size set by the caller\n @return PEFT_OK; the errors of peft_attach and peft_trainer_create\n Threads: shared. @since 0.1"]
    pub fn peft_estimate_model(
        model: *const peft_model,
        options: *const peft_estimate_options,
        result: *mut peft_estimate_result,
    ) -> peft_status;
}
}
