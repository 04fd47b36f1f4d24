//! Evaluation without a trainer.

use libpeft_sys as sys;

use crate::adapter::{Adapter, raw_list};
use crate::cancel::CancelToken;
use crate::convert::Keep;
use crate::dataset::Dataset;
use crate::enums::Dtype;
use crate::error::Result;
use crate::model::Model;

options! {
    /// How to evaluate.
    EvaluateOptions<'a>, peft_evaluate_options, peft_evaluate_options_init {
        /// Rows at a time; 2 unless set.
        batch_size: i32,
        /// [`Dtype::Float32`] unless set, or [`Dtype::Bfloat16`].
        compute_dtype: Dtype,
        /// Stops it.
        cancel: &'a CancelToken,
    }
    also raw_adapters {
        /// Active ones; the base model alone unless set.
        adapters: Vec<&'a Adapter>,
    }
}

figures! {
    /// Outcome of an evaluation.
    Evaluation, peft_evaluate_result {
        /// `nll / loss_tokens`.
        loss: f64,
        /// exp(loss).
        perplexity: f64,
        /// Negative log-likelihood, natural logarithm, summed over the loss-bearing tokens.
        nll: f64,
        /// Share of loss-bearing tokens that are the most probable one.
        token_accuracy: f64,
        /// Rows.
        rows: i64,
        /// Their tokens.
        tokens: i64,
        /// Of which bear a loss.
        loss_tokens: i64,
        /// That it took.
        seconds: f64,
        /// Tokens a second.
        tokens_per_second: f64,
    }
}

impl EvaluateOptions<'_> {
    fn raw_adapters(&self, raw: &mut sys::peft_evaluate_options, keep: &mut Keep) -> Result<()> {
        (raw.adapters, raw.adapter_count) = raw_list(&self.adapters, keep)?;
        Ok(())
    }
}

impl Model {
    /// Evaluates the model on a data set, with or without adapters.
    pub fn evaluate(&self, dataset: &Dataset, options: &EvaluateOptions<'_>) -> Result<Evaluation> {
        let mut keep = Keep::default();
        let raw = options.raw(&mut keep)?;
        Evaluation::read(|result| unsafe { sys::peft_evaluate(self.raw(), dataset.raw(), &raw, result) })
    }
}
