//! Generation sessions.

use std::ptr;

use libpeft_sys as sys;

use crate::adapter::{Adapter, raw_list};
use crate::cancel::CancelToken;
use crate::chat::Conversation;
use crate::convert::Keep;
use crate::enums::{Activations, Choice, Dtype};
use crate::error::{END, Result, check};
use crate::model::Model;
use crate::output::{NAME, array, text};
use crate::sampling::{Piece, PieceInfo, SamplingOptions, SessionInfo};

handle! {
    /// A sequence of tokens that grows. While it lives the model cannot be quantized, merged or unmerged. Sessions
    /// of one model run at once in as many threads as there are sessions.
    Session, peft_session, peft_session_free, Sync
}

options! {
    /// What a session is made of.
    SessionOptions<'a>, peft_session_options, peft_session_options_init {
        /// Most tokens it can hold; the model's own unless set.
        context_length: i64,
        /// [`Dtype::Float32`] unless set, or [`Dtype::Bfloat16`].
        compute_dtype: Dtype,
        /// Exact unless set.
        activations: Activations,
    }
    also raw_adapters {
        /// Active for the life of the session, with their values of now; the base model alone unless set.
        adapters: Vec<&'a Adapter>,
    }
}

options! {
    /// How a prompt enters a session.
    PrefillOptions<'a>, peft_prefill_options, peft_prefill_options_init {
        /// Text: the tokenizer's special tokens; at position 0 only unless set.
        add_special: Choice,
        /// Chat: end with what the answer begins after; so unless set.
        add_generation_prompt: bool,
        /// Chat: a template instead of the tokenizer's own.
        chat_template: String,
        /// Chat: JSON array of tool descriptions.
        tools_json: String,
        /// Stops it; the session is then as it was.
        cancel: &'a CancelToken,
    }
}

impl SessionOptions<'_> {
    pub(crate) fn raw_adapters(&self, raw: &mut sys::peft_session_options, keep: &mut Keep) -> Result<()> {
        (raw.adapters, raw.adapter_count) = raw_list(&self.adapters, keep)?;
        Ok(())
    }

    /// Makes an empty session. It keeps model and adapters alive.
    pub fn create(&self, model: &Model) -> Result<Session> {
        let mut keep = Keep::default();
        let raw = self.raw(&mut keep)?;
        Session::create(|out| unsafe { sys::peft_session_create(model.raw(), &raw, out) })
    }
}

impl Session {
    /// An empty session of the base model alone.
    pub fn new(model: &Model) -> Result<Self> {
        SessionOptions::new().create(model)
    }

    /// Where the session stands.
    pub fn info(&self) -> Result<SessionInfo> {
        SessionInfo::read(|info| unsafe { sys::peft_session_get_info(self.raw(), info) })
    }

    /// Appends tokens in one pass and begins a new generation.
    pub fn prefill(&mut self, ids: &[i32], options: &PrefillOptions<'_>) -> Result<()> {
        let mut keep = Keep::default();
        let raw = options.raw(&mut keep)?;
        check(unsafe { sys::peft_session_prefill(self.raw(), ids.as_ptr(), ids.len(), &raw) }).map(drop)
    }

    /// Encodes text, appends it and begins a new generation.
    pub fn prefill_text(&mut self, text: &str, options: &PrefillOptions<'_>) -> Result<()> {
        let mut keep = Keep::default();
        let raw = options.raw(&mut keep)?;
        check(unsafe { sys::peft_session_prefill_text(self.raw(), text.as_ptr().cast(), text.len(), &raw) })
            .map(drop)
    }

    /// Renders a whole conversation with the chat template and begins a new generation after it. What the session
    /// already holds of it is kept, so a chat goes on by calling this with all its messages.
    pub fn prefill_chat(&mut self, chat: &Conversation, options: &PrefillOptions<'_>) -> Result<()> {
        let mut keep = Keep::default();
        let raw = options.raw(&mut keep)?;
        let json = chat.as_json();
        check(unsafe { sys::peft_session_prefill_chat(self.raw(), json.as_ptr().cast(), json.len(), &raw) })
            .map(drop)
    }

    /// Sets how tokens are chosen from now on and begins a new generation. Without it: greedy, 256 new tokens.
    pub fn set_sampling(&mut self, options: &SamplingOptions<'_>) -> Result<()> {
        let mut keep = Keep::default();
        let raw = options.raw(&mut keep)?;
        check(unsafe { sys::peft_session_set_sampling(self.raw(), &raw) }).map(drop)
    }

    /// Makes one token and gives the text that is complete with it: whole code points, perhaps none. `None` when
    /// the generation is over; [`info`](Self::info) tells why.
    pub fn next_piece(&mut self) -> Result<Option<Piece>> {
        let mut info = PieceInfo::empty();
        let (status, text) = text(NAME, |buf, cap, len| unsafe {
            sys::peft_session_next(self.raw(), &mut info, buf, cap, len)
        })?;
        Ok((status != END).then(|| PieceInfo::from_raw(&info).with(text)))
    }

    /// Makes one token and leaves its text away.
    pub fn next_token(&mut self) -> Result<Option<i32>> {
        let mut info = PieceInfo::empty();
        loop {
            let (buf, len) = (ptr::null_mut(), ptr::null_mut());
            if check(unsafe { sys::peft_session_next(self.raw(), &mut info, buf, 0, len) })? == END {
                return Ok(None);
            }
            // A piece that only brings the rest of the text has no token.
            if info.token_id >= 0 {
                return Ok(Some(info.token_id));
            }
        }
    }

    /// The pieces of the generation as they are made. After an error it ends and can be taken again.
    pub fn pieces(&mut self) -> Pieces<'_> {
        Pieces { session: self, over: false }
    }

    /// Makes the whole generation and gives its text.
    pub fn generate_text(&mut self) -> Result<String> {
        self.pieces().map(|piece| piece.map(|piece| piece.text)).collect()
    }

    /// A second session with the same tokens, sampling and adapters. The cache is shared until one of them changes
    /// it.
    pub fn fork(&self) -> Result<Self> {
        Self::create(|out| unsafe { sys::peft_session_fork(self.raw(), out) })
    }

    /// Drops the tokens from a position on.
    pub fn rewind(&mut self, position: i64) -> Result<()> {
        check(unsafe { sys::peft_session_rewind(self.raw(), position) }).map(drop)
    }

    /// The tokens of the session, prompt and new ones.
    pub fn tokens(&self) -> Result<Vec<i32>> {
        array(NAME, |data, cap, len| unsafe { sys::peft_session_tokens(self.raw(), data, cap, len) })
            .map(|(_, ids)| ids)
    }

    /// The logits for the token that comes next, before any sampling filter.
    pub fn logits(&self) -> Result<Vec<f32>> {
        array(0, |data, cap, len| unsafe { sys::peft_session_logits(self.raw(), data, cap, len) })
            .map(|(_, values)| values)
    }
}

/// The pieces of a generation.
#[derive(Debug)]
pub struct Pieces<'a> {
    session: &'a mut Session,
    over: bool,
}

impl Iterator for Pieces<'_> {
    type Item = Result<Piece>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let piece = self.session.next_piece().transpose();
        self.over = !matches!(piece, Some(Ok(_)));
        piece
    }
}
