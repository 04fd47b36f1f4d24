//! Text of ids that come one by one: whole characters only, and in sum what decoding all ids at once gives.
use crate::tokenizer::Handle;
use tokenizers::Result;

/// The ids of a window that starts with some context, whose text was given out before: decoders treat the
/// first token of a text differently, and the context takes that treatment.
#[derive(Clone)]
pub struct Stream {
    skip_special_tokens: bool,
    window: Vec<u32>,
    /// How much of the window is context for the next one.
    context: usize,
    /// Bytes of the window's text that were given out.
    given: usize,
}

const REPLACEMENT: char = '\u{fffd}';

impl Stream {
    pub fn new(skip_special_tokens: bool) -> Self {
        Self { skip_special_tokens, window: Vec::new(), context: 0, given: 0 }
    }

    pub fn held(&self) -> usize {
        self.window.len() + 1
    }

    fn text(&self, handle: &Handle, ids: &[u32]) -> Result<String> {
        handle.pipeline.tokenizer.decode(ids, self.skip_special_tokens)
    }

    pub fn step(&mut self, handle: &Handle, id: u32) -> Result<String> {
        let tokenizer = &handle.pipeline.tokenizer;
        let Some(token) = tokenizer.id_to_token(id) else { return Ok(String::new()) };
        if self.skip_special_tokens && tokenizer.get_added_vocabulary().is_special_token(&token) {
            return Ok(String::new());
        }
        self.window.push(id);
        // A run of byte tokens is one unit: a bad byte at its end changes the text of its beginning.
        if handle.byte_fallback && is_byte(&token) {
            return Ok(String::new());
        }
        let text = self.text(handle, &self.window)?;
        // At most one replacement character stands for an unfinished character at the end.
        let complete = text.strip_suffix(REPLACEMENT).unwrap_or(&text);
        if complete.len() <= self.given || !text.is_char_boundary(self.given) {
            return Ok(String::new());
        }
        let fresh = complete[self.given..].to_owned();
        self.given = complete.len();
        if complete.len() == text.len() {
            self.move_window(handle)?;
        }
        Ok(fresh)
    }

    /// The ids since the last move become the context, unless they show no text by themselves.
    fn move_window(&mut self, handle: &Handle) -> Result<()> {
        let recent = self.text(handle, &self.window[self.context..])?;
        if recent.is_empty() {
            return Ok(());
        }
        self.window.drain(..self.context);
        self.context = self.window.len();
        self.given = recent.len();
        Ok(())
    }

    pub fn finish(&mut self, handle: &Handle) -> Result<String> {
        let text = self.text(handle, &self.window)?;
        let fresh = text.get(self.given..).unwrap_or("").to_owned();
        *self = Self::new(self.skip_special_tokens);
        Ok(fresh)
    }
}

fn is_byte(token: &str) -> bool {
    token.len() == 6
        && token.starts_with("<0x")
        && token.ends_with('>')
        && u8::from_str_radix(&token[3..5], 16).is_ok()
}
