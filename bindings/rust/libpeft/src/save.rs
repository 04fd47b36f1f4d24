//! How models and adapters are saved.

use crate::cancel::CancelToken;
use crate::enums::{Dtype, FileFormat};

options! {
    /// How to save a model or an adapter.
    SaveOptions<'a>, peft_save_options, peft_save_options_init {
        /// Found from the path unless set.
        format: FileFormat,
        /// As stored unless set; float32, float16, bfloat16, and q8_0 in GGUF.
        dtype: Dtype,
        /// Models: leaves tokenizer and chat template out.
        without_tokenizer: bool,
        /// Models: size of one shard; 5 GB unless set.
        max_file_bytes: i64,
        /// Adapters: what `base_model_name_or_path` shall say; where the model was loaded from unless set.
        base_model_name: String,
        /// Stops it; what was there stays.
        cancel: &'a CancelToken,
    }
}
