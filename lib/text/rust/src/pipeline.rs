//! The way from text to ids: the crate's parts, run one after the other with their errors kept.
//!
//! The crate's own driver drops errors of normalizers and of matchers, keeps words per thread for ever and
//! looks back over the whole text at some added tokens; the parts themselves are used as they are.
use crate::added::AddedTokens;
use crate::allocator::check_deadline;
use crate::splitter::{Splitter, BYTE_LEVEL};
use std::collections::HashMap;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pattern::Invert;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::split::SplitPattern;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{
    Encoding, Model, ModelWrapper, NormalizedString, Normalizer, OffsetReferential, OffsetType,
    PostProcessorWrapper, PreTokenizedString, PreTokenizer, Result, SplitDelimiterBehavior, Token, Tokenizer,
};

enum NormalStep {
    Plain(NormalizerWrapper),
    Replace(Splitter, String),
}

enum PreStep {
    Plain(PreTokenizerWrapper),
    Split(Splitter, SplitDelimiterBehavior, bool),
    /// The byte-level pre-tokenizer with its own pattern: the flag asks for a leading space.
    ByteLevel(Splitter, bool, ByteLevel),
}

pub struct Pipeline {
    pub tokenizer: Tokenizer,
    normal_steps: Vec<NormalStep>,
    pre_steps: Vec<PreStep>,
    raw_tokens: Option<AddedTokens>,
    normal_tokens: Option<AddedTokens>,
    ignore_merges: bool,
}

/// A pre-token seen before in the same call, and where its ids lie in the result.
type Seen<'a> = HashMap<&'a str, (usize, usize)>;
const SEEN_WORDS: usize = 1 << 16;
const SEEN_BYTES: usize = 64;

impl Pipeline {
    pub fn new(mut tokenizer: Tokenizer) -> Result<Self> {
        tokenizer.with_truncation(None)?;
        tokenizer.with_padding(None);
        let mut normal_steps = Vec::new();
        if let Some(normalizer) = tokenizer.get_normalizer() {
            add_normal_steps(normalizer, &mut normal_steps)?;
        }
        let mut pre_steps = Vec::new();
        if let Some(pre_tokenizer) = tokenizer.get_pre_tokenizer() {
            add_pre_steps(pre_tokenizer, &mut pre_steps)?;
        }
        let ignore_merges = prepare_model(&mut tokenizer)?;
        let mut pipeline =
            Self { tokenizer, normal_steps, pre_steps, raw_tokens: None, normal_tokens: None, ignore_merges };
        pipeline.add_tokens()?;
        Ok(pipeline)
    }

    fn add_tokens(&mut self) -> Result<()> {
        let (mut raw, mut normal) = (Vec::new(), Vec::new());
        for (id, token) in self.tokenizer.get_added_tokens_decoder() {
            if token.normalized {
                let mut text = NormalizedString::from(token.content.as_str());
                self.normalize(&mut text)?;
                normal.push((text.get().to_owned(), id, token));
            } else {
                raw.push((token.content.clone(), id, token));
            }
        }
        self.raw_tokens = AddedTokens::new(raw)?;
        self.normal_tokens = AddedTokens::new(normal)?;
        Ok(())
    }

    fn normalize(&self, text: &mut NormalizedString) -> Result<()> {
        for step in &self.normal_steps {
            match step {
                NormalStep::Plain(normalizer) => normalizer.normalize(text)?,
                NormalStep::Replace(pattern, content) => text.replace(pattern, content)?,
            }
        }
        Ok(())
    }

    fn pieces_of(&self, text: &str) -> Result<PreTokenizedString> {
        let mut pieces = PreTokenizedString::from(text);
        if let Some(tokens) = &self.raw_tokens {
            pieces.split(|_, piece| tokens.split(piece))?;
        }
        pieces.split(|_, mut piece| {
            self.normalize(&mut piece)?;
            match &self.normal_tokens {
                Some(tokens) => tokens.split(piece),
                None => Ok(vec![(piece, None)]),
            }
        })?;
        for step in &self.pre_steps {
            step.run(&mut pieces)?;
        }
        Ok(pieces)
    }

    pub fn encode(&self, text: &str, add_special_tokens: bool) -> Result<Vec<u32>> {
        let ids = self.ids_of(&self.pieces_of(text)?)?;
        match self.tokenizer.get_post_processor() {
            None | Some(PostProcessorWrapper::ByteLevel(_)) => Ok(ids),
            Some(_) => Ok(self
                .tokenizer
                .post_process(encoding_of(ids), None, add_special_tokens)?
                .get_ids()
                .to_vec()),
        }
    }

    /// Ids, and for each the bytes of `text` that it stands for; empty ranges for tokens that were added to
    /// the text.
    pub fn encode_with_ranges(&self, text: &str, add_special_tokens: bool) -> Result<Encoding> {
        let mut pieces = self.pieces_of(text)?;
        pieces.tokenize(|piece| self.tokens_of(piece.get()))?;
        let encoding = pieces.into_encoding(None, 0, OffsetType::Byte)?;
        match self.tokenizer.get_post_processor() {
            None | Some(PostProcessorWrapper::ByteLevel(_)) => Ok(encoding),
            Some(_) => self.tokenizer.post_process(encoding, None, add_special_tokens),
        }
    }

    fn ids_of(&self, pieces: &PreTokenizedString) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        let mut seen = Seen::new();
        let splits = pieces.get_splits(OffsetReferential::Normalized, OffsetType::None);
        for (number, (piece, _, tokens)) in splits.into_iter().enumerate() {
            if number & 0xfff == 0xfff {
                check_deadline();
            }
            if let Some(tokens) = tokens {
                ids.extend(tokens.iter().map(|token| token.id));
                continue;
            }
            if let Some(&(start, end)) = seen.get(piece) {
                ids.extend_from_within(start..end);
                continue;
            }
            let start = ids.len();
            ids.extend(self.tokens_of(piece)?.iter().map(|token| token.id));
            if piece.len() <= SEEN_BYTES && seen.len() < SEEN_WORDS {
                seen.insert(piece, (start, ids.len()));
            }
        }
        Ok(ids)
    }

    fn tokens_of(&self, piece: &str) -> Result<Vec<Token>> {
        let model = self.tokenizer.get_model();
        if self.ignore_merges {
            if let Some(id) = model.token_to_id(piece) {
                return Ok(vec![Token::new(id, String::new(), (0, piece.len()))]);
            }
        }
        model.tokenize(piece)
    }
}

impl PreStep {
    fn run(&self, pieces: &mut PreTokenizedString) -> Result<()> {
        match self {
            Self::Plain(pre_tokenizer) => pre_tokenizer.pre_tokenize(pieces),
            Self::Split(pattern, behavior, false) => pieces.split(|_, piece| piece.split(pattern, *behavior)),
            Self::Split(pattern, behavior, true) => {
                pieces.split(|_, piece| piece.split(Invert(pattern), *behavior))
            }
            Self::ByteLevel(pattern, leading_space, bytes) => {
                pieces.split(|_, mut piece| {
                    if *leading_space && !piece.get().starts_with(' ') {
                        piece.prepend(" ");
                    }
                    piece.split(pattern, SplitDelimiterBehavior::Isolated)
                })?;
                bytes.pre_tokenize(pieces)
            }
        }
    }
}

fn add_normal_steps(normalizer: &NormalizerWrapper, steps: &mut Vec<NormalStep>) -> Result<()> {
    match normalizer {
        NormalizerWrapper::Sequence(sequence) => {
            for inner in sequence.as_ref() {
                add_normal_steps(inner, steps)?;
            }
        }
        NormalizerWrapper::Replace(replace) => {
            // The pattern is private there; its JSON form is not.
            let value = serde_json::to_value(replace)?;
            let pattern = match serde_json::from_value(value["pattern"].clone())? {
                ReplacePattern::String(text) => Splitter::literal(&text)?,
                ReplacePattern::Regex(pattern) => Splitter::new(&pattern)?,
            };
            steps.push(NormalStep::Replace(pattern, replace.content.clone()));
        }
        other => steps.push(NormalStep::Plain(other.clone())),
    }
    Ok(())
}

fn add_pre_steps(pre_tokenizer: &PreTokenizerWrapper, steps: &mut Vec<PreStep>) -> Result<()> {
    match pre_tokenizer {
        PreTokenizerWrapper::Sequence(sequence) => {
            for inner in sequence.as_ref() {
                add_pre_steps(inner, steps)?;
            }
        }
        PreTokenizerWrapper::Split(split) => {
            let pattern = match &split.pattern {
                SplitPattern::String(text) => Splitter::literal(text)?,
                SplitPattern::Regex(pattern) => Splitter::new(pattern)?,
            };
            steps.push(PreStep::Split(pattern, split.behavior, split.invert));
        }
        PreTokenizerWrapper::ByteLevel(bytes) if bytes.use_regex => {
            let rest = ByteLevel::new(false, bytes.trim_offsets, false);
            steps.push(PreStep::ByteLevel(Splitter::new(BYTE_LEVEL)?, bytes.add_prefix_space, rest));
        }
        other => steps.push(PreStep::Plain(other.clone())),
    }
    Ok(())
}

const WORD_PIECE_CHARACTERS: usize = 1000;

/// Refuses what makes ids random or time explode; gives the model's `ignore_merges`.
fn prepare_model(tokenizer: &mut Tokenizer) -> Result<bool> {
    let mut model = tokenizer.get_model().clone();
    match &mut model {
        ModelWrapper::BPE(bpe) => {
            if bpe.dropout.is_some_and(|dropout| dropout != 0.0) {
                return Err("model.dropout: expected none, ids would be random".into());
            }
            // Below every random number, so nothing is dropped; and the crate then keeps no words per thread,
            // which it would never free.
            bpe.dropout = Some(-1.0);
            let ignore_merges = bpe.ignore_merges;
            tokenizer.with_model(model);
            return Ok(ignore_merges);
        }
        ModelWrapper::Unigram(unigram) => {
            if unigram.alpha.is_some_and(|alpha| alpha != 0.0) {
                return Err("model.alpha: expected none, ids would be random".into());
            }
        }
        ModelWrapper::WordPiece(word_piece) => {
            if word_piece.max_input_chars_per_word > WORD_PIECE_CHARACTERS {
                return Err(format!(
                    "model.max_input_chars_per_word: expected at most {WORD_PIECE_CHARACTERS}, found {}",
                    word_piece.max_input_chars_per_word
                )
                .into());
            }
        }
        ModelWrapper::WordLevel(_) => {}
    }
    Ok(false)
}

fn encoding_of(ids: Vec<u32>) -> Encoding {
    let count = ids.len();
    Encoding::new(
        ids,
        vec![0; count],
        vec![String::new(); count],
        vec![None; count],
        vec![(0, 0); count],
        vec![0; count],
        vec![1; count],
        Vec::new(),
        Default::default(),
    )
}
