//! The patterns of a tokenizer, run so that giving up is an error.
//!
//! The crate stops at a matcher's error and passes on the rest unsplit, which gives other ids. Here the
//! common shape (alternatives without look-around, then `\s+(?!\S)|\s+`) runs in linear time without
//! backtracking, and everything else runs in fancy-regex with its errors reported.
use crate::allocator::check_deadline;
use regex_automata::{meta, Input, MatchKind};
use tokenizers::pattern::Pattern;
use tokenizers::Offsets;

/// The pattern that the byte-level pre-tokenizer uses by itself (GPT-2's).
pub const BYTE_LEVEL: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

const SPACE_TAIL: &str = r"|\s+(?!\S)|\s+";

pub enum Splitter {
    /// Pattern 0 is the head, pattern 1 is `\s+`, whose matches are cut as the look-ahead asks.
    SpaceTail(meta::Regex),
    Backtracking(fancy_regex::Regex),
}

impl Splitter {
    pub fn new(pattern: &str) -> Result<Self, String> {
        if let Some(regex) = pattern.strip_suffix(SPACE_TAIL).and_then(linear) {
            return Ok(Self::SpaceTail(regex));
        }
        fancy_regex::Regex::new(pattern).map(Self::Backtracking).map_err(|error| error.to_string())
    }

    pub fn literal(text: &str) -> Result<Self, String> {
        Self::new(&regex_syntax::escape(text))
    }

    fn matches(&self, text: &str) -> tokenizers::Result<Vec<Offsets>> {
        let mut found = Vec::new();
        match self {
            Self::SpaceTail(regex) => {
                let mut at = 0;
                while let Some(range) = regex.find(Input::new(text).range(at..)) {
                    let mut end = range.end();
                    if range.pattern().as_usize() == 1 && end < text.len() {
                        end = without_last_space(text, range.start(), end);
                    }
                    found.push((range.start(), end));
                    at = end;
                    if found.len() & 0xffff == 0 {
                        check_deadline();
                    }
                }
            }
            Self::Backtracking(regex) => {
                for range in regex.find_iter(text) {
                    let range =
                        range.map_err(|error| format!("the pattern gives up on this text: {error}"))?;
                    found.push((range.start(), range.end()));
                    check_deadline();
                }
            }
        }
        Ok(found)
    }
}

/// The end of `\s+(?!\S)|\s+` for a run of spaces that something follows: one less, unless there is only one.
fn without_last_space(text: &str, start: usize, end: usize) -> usize {
    let last = text[start..end].chars().next_back().map_or(0, char::len_utf8);
    if end - last > start {
        end - last
    } else {
        end
    }
}

/// `head` and `\s+` as one automaton, when both engines surely read `head` alike.
fn linear(head: &str) -> Option<meta::Regex> {
    if !is_plain(head) {
        return None;
    }
    let syntax = regex_syntax::parse(head).ok()?;
    if syntax.properties().minimum_len().unwrap_or(0) == 0 {
        return None;
    }
    meta::Builder::new()
        .configure(meta::Config::new().match_kind(MatchKind::LeftmostFirst))
        .build_many(&[head, r"\s+"])
        .ok()
}

/// Only syntax that means the same everywhere: no flags over the whole, possessive quantifiers, anchors or
/// odd escapes.
fn is_plain(head: &str) -> bool {
    let bytes = head.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &head[at..];
        match bytes[at] {
            b'\\' => {
                let Some(&escaped) = bytes.get(at + 1) else { return false };
                let known = b"sSdDwWpPrnt".contains(&escaped);
                if !known && !(escaped.is_ascii_punctuation() && !b"<>".contains(&escaped)) {
                    return false;
                }
                // The brace of \p{...} is no repetition.
                let class = matches!(escaped, b'p' | b'P') && rest[2..].starts_with('{');
                at += if class { rest.find('}').map_or(rest.len(), |end| end + 1) } else { 2 };
                continue;
            }
            b'(' if rest.starts_with("(?") && !rest.starts_with("(?:") && !rest.starts_with("(?i:") => {
                return false
            }
            b'$' => return false,
            b'^' if !head[..at].ends_with('[') => return false,
            b'*' | b'+' | b'?' | b'}' if rest[1..].starts_with('+') => return false,
            b'&' if rest.starts_with("&&") => return false,
            b'-' if rest.starts_with("--") => return false,
            b'~' if rest.starts_with("~~") => return false,
            b'[' if rest[1..].starts_with('[') => return false,
            _ => {}
        }
        at += head[at..].chars().next().map_or(1, char::len_utf8);
    }
    true
}

impl Pattern for &Splitter {
    fn find_matches(&self, inside: &str) -> tokenizers::Result<Vec<(Offsets, bool)>> {
        if inside.is_empty() {
            return Ok(vec![((0, 0), false)]);
        }
        let mut previous = 0;
        let found = self.matches(inside)?;
        let mut splits = Vec::with_capacity(found.len() + 1);
        for (start, end) in found {
            if previous != start {
                splits.push(((previous, start), false));
            }
            splits.push(((start, end), true));
            previous = end;
        }
        if previous != inside.len() {
            splits.push(((previous, inside.len()), false));
        }
        Ok(splits)
    }
}
