//! Full match of module names, linear in the length of the name.
use crate::allocator::Allowance;
use crate::boundary::{bounded, problem, report, text_of, Bytes, Code, Outcome};
use regex_automata::{meta, util::syntax, Anchored, Input};
use regex_syntax::hir::{Hir, Look};

pub struct FullMatch {
    regex: meta::Regex,
}

const COMPILED_BYTES: usize = 4 << 20;
const ALLOWANCE: Allowance = Allowance { bytes: 256 << 20, largest_block: usize::MAX, seconds: 60 };

/// Syntax that both Python and this engine accept, with different meanings.
const AMBIGUOUS: [&str; 10] = ["++", "*+", "?+", "}+", r"\<", r"\>", r"\b{", "&&", "~~", "[["];

fn compile(pattern: &str) -> Outcome<FullMatch> {
    let unsupported = |reason: &str| problem(Code::Unsupported, format!("pattern '{pattern}': {reason}"));
    if let Some(found) = AMBIGUOUS.iter().find(|text| pattern.contains(**text)) {
        return unsupported(&format!("'{found}' is not supported in patterns"));
    }
    let mut parser = regex_syntax::ParserBuilder::new().nest_limit(64).build();
    let parsed = match parser.parse(pattern) {
        Ok(parsed) => parsed,
        Err(error) => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or("").trim_start_matches("error: ");
            return unsupported(reason);
        }
    };
    let whole = Hir::concat(vec![Hir::look(Look::Start), parsed, Hir::look(Look::End)]);
    let limits =
        meta::Config::new().nfa_size_limit(Some(COMPILED_BYTES)).onepass_size_limit(Some(COMPILED_BYTES));
    match meta::Builder::new().configure(limits).syntax(syntax::Config::new()).build_from_hir(&whole) {
        Ok(regex) => Ok(FullMatch { regex }),
        Err(_) => {
            problem(Code::Limit, format!("pattern '{pattern}': compiles to more than {COMPILED_BYTES} bytes"))
        }
    }
}

/// # Safety
/// `pattern` points to `size` bytes; `out` and `message` to places for a pointer and a Bytes.
#[no_mangle]
pub unsafe extern "C" fn textrs_pattern_new(
    pattern: *const u8,
    size: usize,
    out: *mut *mut FullMatch,
    message: *mut Bytes,
) -> i32 {
    let outcome = bounded("compiling a pattern", ALLOWANCE, || {
        Ok(Box::new(compile(text_of(pattern, size, "pattern")?)?))
    });
    report(outcome, message, |made| out.write(Box::into_raw(made)))
}

/// # Safety
/// `pattern` came from textrs_pattern_new; `text` points to `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn textrs_pattern_matches(
    pattern: *const FullMatch,
    text: *const u8,
    size: usize,
    matches: *mut i32,
    message: *mut Bytes,
) -> i32 {
    let outcome = bounded("matching a pattern", ALLOWANCE, || {
        let input = Input::new(text_of(text, size, "name")?).anchored(Anchored::Yes);
        Ok((*pattern).regex.is_match(input))
    });
    report(outcome, message, |found| matches.write(i32::from(found)))
}

/// # Safety
/// `pattern` came from textrs_pattern_new and is not used afterwards; NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn textrs_pattern_free(pattern: *mut FullMatch) {
    if !pattern.is_null() {
        drop(Box::from_raw(pattern));
    }
}
