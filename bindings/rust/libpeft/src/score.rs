//! Scores and logits of given tokens.

use libpeft_sys as sys;

use crate::adapter::{Adapter, raw_list};
use crate::cancel::CancelToken;
use crate::convert::Keep;
use crate::enums::{Activations, Dtype};
use crate::error::Result;
use crate::model::Model;
use crate::output::array;

options! {
    /// How to score.
    ScoreOptions<'a>, peft_score_options, peft_score_options_init {
        /// [`Dtype::Float32`] unless set, or [`Dtype::Bfloat16`].
        compute_dtype: Dtype,
        /// Exact unless set.
        activations: Activations,
        /// Logits: first token to give a row for; 0 unless set.
        first_position: i64,
        /// Logits: rows; up to the last token unless set.
        position_count: i64,
        /// Stops it.
        cancel: &'a CancelToken,
    }
    also raw_adapters {
        /// Active ones; the base model alone unless set.
        adapters: Vec<&'a Adapter>,
    }
}

impl ScoreOptions<'_> {
    fn raw_adapters(&self, raw: &mut sys::peft_score_options, keep: &mut Keep) -> Result<()> {
        (raw.adapters, raw.adapter_count) = raw_list(&self.adapters, keep)?;
        Ok(())
    }
}

/// Outcome of a score.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Score {
    /// Negative log-likelihood of all tokens after the first, natural logarithm, summed.
    pub nll: f64,
    /// Tokens of the row, the first included.
    pub count: i64,
    /// Natural logarithms of the probabilities of all tokens after the first.
    pub logprobs: Vec<f32>,
}

impl Model {
    /// Scores one row of tokens.
    pub fn score(&self, ids: &[i32], options: &ScoreOptions<'_>) -> Result<Score> {
        let mut keep = Keep::default();
        let raw = options.raw(&mut keep)?;
        let mut result: sys::peft_score_result = unsafe { std::mem::zeroed() };
        result.struct_size = size_of_val(&result) as u32;
        // One number at least: with no room at all the call would only measure.
        let room = ids.len().saturating_sub(1).max(1);
        let (_, logprobs) = array(room, |values, cap, len| unsafe {
            sys::peft_score(self.raw(), ids.as_ptr(), ids.len(), &raw, &mut result, values, cap, len)
        })?;
        Ok(Score { nll: result.nll, count: result.count, logprobs })
    }

    /// Computes the logits after given tokens, row by row: row i belongs to the token that follows
    /// `ids[first_position + i]`.
    pub fn logits(&self, ids: &[i32], options: &ScoreOptions<'_>) -> Result<Vec<f32>> {
        let mut keep = Keep::default();
        let raw = options.raw(&mut keep)?;
        array(0, |values, cap, len| unsafe {
            sys::peft_logits(self.raw(), ids.as_ptr(), ids.len(), &raw, values, cap, len)
        })
        .map(|(_, values)| values)
    }
}
