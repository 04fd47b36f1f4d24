//! Enumerations that several parts share.

enumeration! {
    /// Element types of tensors.
    Dtype, peft_dtype {
        /// As the file has it, or as the model holds it.
        AsStored = PEFT_DTYPE_AS_STORED,
        /// IEEE single precision.
        Float32 = PEFT_DTYPE_FLOAT32,
        /// IEEE half precision.
        Float16 = PEFT_DTYPE_FLOAT16,
        /// The upper half of single precision.
        Bfloat16 = PEFT_DTYPE_BFLOAT16,
        /// Signed, 32 bits.
        Int32 = PEFT_DTYPE_INT32,
        /// Signed, 64 bits.
        Int64 = PEFT_DTYPE_INT64,
        /// Unsigned, 8 bits.
        Uint8 = PEFT_DTYPE_UINT8,
        /// bitsandbytes' NormalFloat4, one float32 maximum a block.
        Nf4 = PEFT_DTYPE_NF4,
        /// The same with the maxima quantized to 8 bits.
        Nf4Double = PEFT_DTYPE_NF4_DOUBLE,
        /// A GGUF block type.
        Q4_0 = PEFT_DTYPE_Q4_0,
        /// A GGUF block type.
        Q4_1 = PEFT_DTYPE_Q4_1,
        /// A GGUF block type.
        Q5_0 = PEFT_DTYPE_Q5_0,
        /// A GGUF block type.
        Q5_1 = PEFT_DTYPE_Q5_1,
        /// A GGUF block type.
        Q8_0 = PEFT_DTYPE_Q8_0,
        /// A GGUF block type.
        Q2K = PEFT_DTYPE_Q2_K,
        /// A GGUF block type.
        Q3K = PEFT_DTYPE_Q3_K,
        /// A GGUF block type.
        Q4K = PEFT_DTYPE_Q4_K,
        /// A GGUF block type.
        Q5K = PEFT_DTYPE_Q5_K,
        /// A GGUF block type.
        Q6K = PEFT_DTYPE_Q6_K,
    }
}

enumeration! {
    /// Which memory holds what a GPU touches seldom. Host memory is pinned, and read and written by the GPU over the
    /// bus; it is [`Unsupported`](crate::ErrorCode::Unsupported) on the CPU, whose memory is the host's.
    Placement, peft_placement {
        /// The device's own.
        Device = PEFT_PLACEMENT_DEVICE,
        /// The host's.
        Host = PEFT_PLACEMENT_HOST,
        /// The host's where the memory estimate does not fit the device otherwise.
        Auto = PEFT_PLACEMENT_AUTO,
    }
}

enumeration! {
    /// A choice that the library makes unless told.
    Choice, peft_choice {
        /// No.
        No = PEFT_CHOICE_NO,
        /// Yes.
        Yes = PEFT_CHOICE_YES,
        /// The library decides.
        Auto = PEFT_CHOICE_AUTO,
    }
}

impl From<bool> for Choice {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

enumeration! {
    /// File formats for saving.
    FileFormat, peft_file_format {
        /// GGUF where the path ends in ".gguf", else a safetensors folder.
        Auto = PEFT_FILE_AUTO,
        /// A folder, as Hugging Face has it.
        Safetensors = PEFT_FILE_SAFETENSORS,
        /// One file, as llama.cpp has it.
        Gguf = PEFT_FILE_GGUF,
    }
}

enumeration! {
    /// How activations enter products of up to 8 rows with GGUF's quantized blocks.
    Activations, peft_activations {
        /// As they are.
        Exact = PEFT_ACTIVATIONS_EXACT,
        /// Rounded to 8 bits in blocks of 32: faster, not exact.
        Int8 = PEFT_ACTIVATIONS_INT8,
    }
}
