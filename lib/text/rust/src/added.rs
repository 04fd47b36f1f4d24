//! Finds added tokens in a text, with the crate's rules, in time linear in the text.
use aho_corasick::{AhoCorasick, MatchKind};
use regex_automata::meta;
use tokenizers::normalizer::Range;
use tokenizers::{AddedToken, NormalizedString, Token};

pub struct AddedTokens {
    automaton: AhoCorasick,
    tokens: Vec<(u32, AddedToken)>,
    word: meta::Regex,
}

type Piece = (NormalizedString, Option<Vec<Token>>);

impl AddedTokens {
    /// `tokens` with the text that each is recognised by; None when there are none.
    pub fn new(tokens: Vec<(String, u32, AddedToken)>) -> tokenizers::Result<Option<Self>> {
        if tokens.is_empty() {
            return Ok(None);
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(tokens.iter().map(|(text, _, _)| text))?;
        let tokens = tokens.into_iter().map(|(_, id, token)| (id, token)).collect();
        Ok(Some(Self { automaton, tokens, word: meta::Regex::new(r"\w")? }))
    }

    /// Ranges that cover `text`, with the id where a range is an added token.
    fn find(&self, text: &str) -> Vec<(Option<u32>, (usize, usize))> {
        if text.is_empty() {
            return vec![(None, (0, 0))];
        }
        let mut done = 0;
        let mut ranges = Vec::new();
        for found in self.automaton.find_iter(text) {
            let (mut start, mut stop) = (found.start(), found.end());
            let (id, token) = &self.tokens[found.pattern().as_usize()];
            if token.single_word && (self.word_ends(&text[..start]) || self.word_starts(&text[stop..])) {
                continue;
            }
            if token.lstrip {
                // What an earlier token took stays with it; looking no further back keeps this linear.
                start = if start > done { done + text[done..start].trim_end().len() } else { done };
            }
            if token.rstrip {
                stop += text[stop..].len() - text[stop..].trim_start().len();
            }
            if done < start {
                ranges.push((None, (done, start)));
            }
            ranges.push((Some(*id), (start, stop)));
            done = stop;
        }
        if done != text.len() {
            ranges.push((None, (done, text.len())));
        }
        ranges
    }

    fn word_ends(&self, before: &str) -> bool {
        before.chars().next_back().is_some_and(|last| self.is_word(last))
    }

    fn word_starts(&self, after: &str) -> bool {
        after.chars().next().is_some_and(|first| self.is_word(first))
    }

    fn is_word(&self, character: char) -> bool {
        self.word.is_match(character.encode_utf8(&mut [0; 4]) as &str)
    }

    pub fn split(&self, text: NormalizedString) -> tokenizers::Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        for (id, (start, stop)) in self.find(text.get()) {
            let slice =
                text.slice(Range::Normalized(start..stop)).ok_or("an added token cuts a character")?;
            let tokens = id.map(|id| vec![Token::new(id, String::new(), (0, stop - start))]);
            pieces.push((slice, tokens));
        }
        Ok(pieces)
    }
}
