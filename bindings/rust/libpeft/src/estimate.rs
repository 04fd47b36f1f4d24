//! How much memory a job will take, before anything is allocated.

use std::path::Path;

use libpeft_sys as sys;

use crate::context::Context;
use crate::convert::Keep;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::lora::LoraConfig;
use crate::model::{Model, ModelOptions};
use crate::session::SessionOptions;
use crate::train_options::TrainerOptions;

enumeration! {
    /// Jobs that can be estimated.
    Job, peft_job {
        /// A training.
        Train = PEFT_JOB_TRAIN,
        /// Generation.
        Generate = PEFT_JOB_GENERATE,
    }
}

options! {
    /// The job.
    EstimateOptions<'a>, peft_estimate_options, peft_estimate_options_init {
        /// Training unless set.
        job: Job,
        /// The model is quantized after loading.
        quantize_nf4: bool,
        /// Generation: sessions at once; 1 unless set.
        sessions: i32,
        /// Text of an adapter_config.json instead of `lora_config`.
        adapter_config: String,
        /// Training: its longest batch is what counts.
        dataset: &'a Dataset,
        /// Without a data set: tokens of a row; generation: of a session; 2048 unless set.
        sequence_length: i64,
    }
    also raw_parts {
        /// Type and device of the weights; as stored, on the CPU unless set.
        model_options: ModelOptions<'a>,
        /// Training: the defaults unless set; generation: no adapter unless set.
        lora_config: LoraConfig,
        /// Training.
        trainer_options: TrainerOptions<'a>,
        /// Generation; its adapters are not read.
        session_options: SessionOptions<'a>,
    }
}

figures! {
    /// Where the memory goes, in bytes.
    Estimate, peft_estimate_result {
        /// `peak_bytes` is within what the device has free now.
        fits: bool,
        /// The most at once.
        peak_bytes: i64,
        /// Base weights, without those in `host_bytes`.
        weight_bytes: i64,
        /// More while loading and quantizing.
        loading_bytes: i64,
        /// Adapter weights.
        adapter_bytes: i64,
        /// Adapter gradients.
        gradient_bytes: i64,
        /// AdamW's two moments; 0 where they are in `host_bytes`.
        optimizer_bytes: i64,
        /// Kept for the backward pass.
        activation_bytes: i64,
        /// Key/value caches of all sessions.
        cache_bytes: i64,
        /// Scratch and what is short-lived.
        workspace_bytes: i64,
        /// The library, its tables, the tokenizer, the data set.
        baseline_bytes: i64,
        /// Free on the device now.
        available_bytes: i64,
        /// Numbers that would be trained.
        trainable_elements: i64,
        /// Numbers in the base weights.
        parameter_elements: i64,
        /// Training: tokens of one step at most.
        tokens_per_step: i64,
        /// Training: floating point operations of one step; generation: of one token.
        flops_per_step: f64,
        /// Pinned host memory beside a GPU's own, at the peak: what [`ActivationPolicy::Offload`] and
        /// [`Placement::Host`] put there. Not in `peak_bytes`.
        ///
        /// [`ActivationPolicy::Offload`]: crate::ActivationPolicy::Offload
        /// [`Placement::Host`]: crate::Placement::Host
        host_bytes: i64,
    }
}

impl EstimateOptions<'_> {
    fn raw_parts(&self, raw: &mut sys::peft_estimate_options, keep: &mut Keep) -> Result<()> {
        if let Some(options) = &self.model_options {
            let part = options.raw(keep)?;
            raw.model_options = keep.value(part);
        }
        if let Some(options) = &self.lora_config {
            let part = options.raw(keep)?;
            raw.lora_config = keep.value(part);
        }
        if let Some(options) = &self.trainer_options {
            let part = options.raw(keep)?;
            raw.trainer_options = keep.value(part);
        }
        if let Some(options) = &self.session_options {
            let part = options.raw(keep)?;
            raw.session_options = keep.value(part);
        }
        Ok(())
    }
}

impl Context {
    /// Estimates a job on a model that is not loaded: only its headers are read.
    pub fn estimate(&self, path: impl AsRef<Path>, options: &EstimateOptions<'_>) -> Result<Estimate> {
        let mut keep = Keep::default();
        let path = keep.path(path.as_ref())?;
        let raw = options.raw(&mut keep)?;
        Estimate::read(|result| unsafe { sys::peft_estimate(self.raw(), path, &raw, result) })
    }
}

impl Model {
    /// Estimates a job on this model, whose weights count as they are.
    pub fn estimate(&self, options: &EstimateOptions<'_>) -> Result<Estimate> {
        let mut keep = Keep::default();
        let raw = options.raw(&mut keep)?;
        Estimate::read(|result| unsafe { sys::peft_estimate_model(self.raw(), &raw, result) })
    }
}
