//! Tokenizers, and decoding while tokens arrive.

use std::path::Path;

use libpeft_sys as sys;

use crate::chat::{ChatOptions, Conversation};
use crate::context::Context;
use crate::convert::Keep;
use crate::error::{Result, check};
use crate::model::Model;
use crate::output::{NAME, array, text};

handle! {
    /// A tokenizer with its chat template, where there is one. Never changes; any thread may use it at any time.
    Tokenizer, peft_tokenizer, peft_tokenizer_free, Sync
}

handle! {
    /// Turns tokens into text as they arrive, whole code points only. May move to another thread, but is used by
    /// one at a time.
    StreamDecoder, peft_stream_decoder, peft_stream_decoder_free
}

figures! {
    /// What a tokenizer is.
    TokenizerInfo, peft_tokenizer_info {
        /// Ids are below it, added tokens included.
        vocabulary_size: i32,
        /// Beginning of a sequence.
        bos_id: Option<i32>,
        /// End of a sequence.
        eos_id: Option<i32>,
        /// Fills rows of a batch.
        pad_id: Option<i32>,
        /// Stands for what it has no token for.
        unknown_id: Option<i32>,
        /// Encoding with special tokens puts `bos_id` before the text.
        adds_bos: bool,
        /// Encoding with special tokens puts `eos_id` after the text.
        adds_eos: bool,
        /// It can render conversations.
        has_chat_template: bool,
        /// "byte_level_bpe", "sentencepiece" and so on.
        kind: String,
        /// What GGUF calls its way to cut text into words; empty if it has no name there.
        pre_tokenizer: String,
    }
}

impl Tokenizer {
    /// Loads a tokenizer alone: a model folder, a tokenizer.json or a GGUF file.
    pub fn load(context: &Context, path: impl AsRef<Path>) -> Result<Self> {
        let mut keep = Keep::default();
        let path = keep.path(path.as_ref())?;
        Self::create(|out| unsafe { sys::peft_tokenizer_load(context.raw(), path, out) })
    }

    /// What the tokenizer is.
    pub fn info(&self) -> Result<TokenizerInfo> {
        TokenizerInfo::read(|info| unsafe { sys::peft_tokenizer_get_info(self.raw(), info) })
    }

    /// Saves tokenizer and chat template into a folder, as Transformers reads them.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut keep = Keep::default();
        let path = keep.path(path.as_ref())?;
        check(unsafe { sys::peft_tokenizer_save(self.raw(), path) }).map(drop)
    }

    /// Turns text into token ids. `add_special` puts the tokens around it that the tokenizer has for a sequence;
    /// leave them out after a chat template.
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<i32>> {
        let (begin, length) = (text.as_ptr().cast(), text.len());
        // A token has at least one byte but for the special ones; a long text has far fewer.
        array(if length < 4096 { length + 16 } else { length / 2 }, |data, cap, len| unsafe {
            sys::peft_tokenizer_encode(self.raw(), begin, length, add_special.into(), data, cap, len)
        })
        .map(|(_, ids)| ids)
    }

    /// Turns token ids into text. Bytes that form no code point become U+FFFD.
    pub fn decode(&self, ids: &[i32], skip_special: bool) -> Result<String> {
        text(ids.len() * 8 + 64, |buf, cap, len| unsafe {
            sys::peft_tokenizer_decode(
                self.raw(),
                ids.as_ptr(),
                ids.len(),
                skip_special.into(),
                buf,
                cap,
                len,
            )
        })
        .map(|(_, text)| text)
    }

    /// Spelling of a token in the vocabulary, such as "Ġthe".
    pub fn token_text(&self, token_id: i32) -> Result<String> {
        text(NAME, |buf, cap, len| unsafe {
            sys::peft_tokenizer_token_text(self.raw(), token_id, buf, cap, len)
        })
        .map(|(_, text)| text)
    }

    /// Id of a token by its spelling in the vocabulary.
    pub fn token_id(&self, spelling: &str) -> Result<i32> {
        let mut id = -1;
        check(unsafe {
            sys::peft_tokenizer_token_id(self.raw(), spelling.as_ptr().cast(), spelling.len(), &mut id)
        })?;
        Ok(id)
    }

    /// Renders a conversation with the chat template. Encode the result without special tokens.
    pub fn apply_chat_template(&self, conversation: &Conversation, options: &ChatOptions) -> Result<String> {
        let mut keep = Keep::default();
        let raw = options.raw(&mut keep)?;
        let json = conversation.as_json();
        text(json.len() * 2 + 1024, |buf, cap, len| unsafe {
            sys::peft_chat_apply(self.raw(), json.as_ptr().cast(), json.len(), &raw, buf, cap, len)
        })
        .map(|(_, text)| text)
    }

    /// A decoder for tokens that arrive one by one.
    pub fn stream_decoder(&self, skip_special: bool) -> Result<StreamDecoder> {
        StreamDecoder::create(|out| unsafe {
            sys::peft_stream_decoder_create(self.raw(), skip_special.into(), out)
        })
    }
}

impl StreamDecoder {
    /// Takes one token and gives the text that is complete with it, perhaps none. All pieces together, with that
    /// of [`finish`](Self::finish), are the decoded text.
    pub fn push(&mut self, token_id: i32) -> Result<String> {
        text(NAME, |buf, cap, len| unsafe {
            sys::peft_stream_decoder_push(self.raw(), token_id, buf, cap, len)
        })
        .map(|(_, text)| text)
    }

    /// Gives what is left and makes the decoder new.
    pub fn finish(&mut self) -> Result<String> {
        self.push(-1)
    }
}

impl Model {
    /// The tokenizer that the model came with.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        Tokenizer::create(|out| unsafe { sys::peft_tokenizer_from_model(self.raw(), out) })
    }
}
