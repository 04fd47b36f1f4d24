//! The execution context: where a program says what the library may use.

use libpeft_sys as sys;

use crate::convert::Keep;
use crate::error::{Result, check};

handle! {
    /// Parent of models, tokenizers and data sets. Any thread may use it at any time; what was made of it lives on
    /// without it.
    Context, peft_context, peft_context_free, Sync
}

options! {
    /// What a context may use. 0 in a bound means the library's own default.
    ContextOptions, peft_context_options, peft_context_options_init {
        /// Threads of one computation; as many as the process may run on unless set. No result depends on it.
        threads: i32,
        /// Bytes of weights, adapters and work held by all objects of the context; no bound unless set.
        max_memory_bytes: i64,
        /// One JSON file; 256 MiB unless set.
        max_json_bytes: i64,
        /// One text to encode; 64 MiB unless set.
        max_text_bytes: i64,
        /// One row of a data set; 64 MiB unless set.
        max_data_row_bytes: i64,
        /// Tokens of one row or session; 1048576 unless set.
        max_tokens: i64,
        /// Work of one chat template; 10 million steps of its interpreter unless set.
        max_template_steps: i64,
    }
}

figures! {
    /// What a context and the process use now.
    ContextInfo, peft_context_info {
        /// Threads of one computation.
        threads: i32,
        /// Held now by all objects of the context.
        memory_bytes: i64,
        /// The most that was ever held.
        peak_memory_bytes: i64,
        /// Resident set of the process.
        resident_bytes: i64,
        /// The largest resident set of the process so far.
        peak_resident_bytes: i64,
        /// What the system could still give.
        available_bytes: i64,
    }
}

impl ContextOptions {
    /// Makes a context.
    pub fn create(&self) -> Result<Context> {
        let raw = self.raw(&mut Keep::default())?;
        Context::create(|out| unsafe { sys::peft_context_create(&raw, out) })
    }
}

impl Context {
    /// A context that may use what the process may use.
    pub fn new() -> Result<Self> {
        ContextOptions::new().create()
    }

    /// Reads the live figures.
    pub fn info(&self) -> Result<ContextInfo> {
        ContextInfo::read(|info| unsafe { sys::peft_context_get_info(self.raw(), info) })
    }

    /// Gives memory that is cached for later use back to the system.
    pub fn trim(&self) -> Result<()> {
        check(unsafe { sys::peft_context_trim(self.raw()) }).map(drop)
    }
}
