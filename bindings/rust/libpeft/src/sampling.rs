//! How tokens are chosen, and what comes of it.

use libpeft_sys as sys;

use crate::cancel::CancelToken;
use crate::convert::Keep;
use crate::error::Result;

enumeration! {
    /// Why a generation ended.
    FinishReason, peft_finish_reason {
        /// It goes on.
        None = PEFT_FINISH_NONE,
        /// The model ended the sequence.
        Eos = PEFT_FINISH_EOS,
        /// A stop string was made.
        Stop = PEFT_FINISH_STOP,
        /// `max_new_tokens` were made.
        Length = PEFT_FINISH_LENGTH,
        /// The session is full.
        Context = PEFT_FINISH_CONTEXT,
    }
}

options! {
    /// How the next token is chosen.
    SamplingOptions<'a>, peft_sampling_options, peft_sampling_options_init {
        /// Only the k most probable; all unless set.
        top_k: i32,
        /// 0 unless set: always the most probable token.
        temperature: f64,
        /// Smallest set of the most probable with this sum; all unless set.
        top_p: f64,
        /// Only those with this share of the most probable one's.
        min_p: f64,
        /// 1 unless set: none.
        repetition_penalty: f64,
        /// Equal seeds give equal draws; 0 unless set.
        seed: i64,
        /// 256 unless set; 0 is until the end or the session is full.
        max_new_tokens: i64,
        /// The model's end of sequence does not end the generation.
        ignore_eos: bool,
        /// Special tokens appear in the text.
        include_special: bool,
        /// For every piece that follows.
        cancel: &'a CancelToken,
    }
    also raw_stop {
        /// Strings that end the text and are left out of it.
        stop: Vec<String>,
    }
}

impl SamplingOptions<'_> {
    fn raw_stop(&self, raw: &mut sys::peft_sampling_options, keep: &mut Keep) -> Result<()> {
        if let Some(stop) = &self.stop {
            raw.stop_json = keep.string(serde_json::json!(stop).to_string().as_bytes())?;
        }
        Ok(())
    }
}

figures! {
    /// Where a session stands.
    SessionInfo, peft_session_info {
        /// Of the last generation.
        finish_reason: FinishReason,
        /// Tokens held.
        position: i64,
        /// Most that it can hold.
        context_length: i64,
        /// Made since the last prefill or change of the sampling.
        new_tokens: i64,
        /// Key/value cache, a share of pages shared with forks included.
        cache_bytes: i64,
        /// All that it holds.
        memory_bytes: i64,
        /// Of the last prefill.
        prefill_seconds: f64,
        /// Spent on `new_tokens`.
        decode_seconds: f64,
    }
}

figures! {
    /// A piece without its text.
    PieceInfo, peft_piece {
        /// The token made.
        token_id: Option<i32>,
        /// Of the token in the session.
        position: i64,
        /// Natural logarithm of its probability.
        logprob: f64,
        /// None until the end.
        finish_reason: FinishReason,
    }
}

/// One piece of a generation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Piece {
    /// The token made, the end of the sequence included; none where only the rest of the text came.
    pub token_id: Option<i32>,
    /// The text that is complete with it, perhaps none.
    pub text: String,
    /// Of the token in the session.
    pub position: i64,
    /// Natural logarithm of its probability before sampling filters.
    pub logprob: f64,
    /// [`FinishReason::None`] unless this piece ends the generation. One that is full ends with the call after the
    /// last piece; [`Session::info`](crate::Session::info) tells it in any case.
    pub finish_reason: FinishReason,
}

impl PieceInfo {
    pub(crate) fn with(self, text: String) -> Piece {
        let Self { token_id, position, logprob, finish_reason } = self;
        Piece { token_id, text, position, logprob, finish_reason }
    }
}
