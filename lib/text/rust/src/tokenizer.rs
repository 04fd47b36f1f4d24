//! The C functions around one loaded tokenizer. A handle is immutable and may be used by several threads.
use crate::allocator::{stop_by, Allowance, Stop};
use crate::boundary::{bounded, bytes_of, problem, report, text_of, Bytes, Code, Ids, Outcome};
use crate::pipeline::Pipeline;
use crate::stream::Stream;
use serde::Deserialize;
use std::ffi::c_void;
use tokenizers::{DecoderWrapper, Model, Tokenizer};

pub struct Handle {
    pub pipeline: Pipeline,
    pub byte_fallback: bool,
    vocabulary: i64,
    maximum_id: i64,
}

#[derive(Deserialize)]
struct Declared {
    #[serde(default)]
    added_tokens: Vec<DeclaredToken>,
}

#[derive(Deserialize)]
struct DeclaredToken {
    id: u32,
    content: String,
}

fn format_problem<T>(error: impl std::fmt::Display) -> Outcome<T> {
    problem(Code::Format, error.to_string())
}

fn load(json: &str) -> Outcome<Handle> {
    let declared: Declared = serde_json::from_str(json).or_else(format_problem)?;
    let tokenizer: Tokenizer = serde_json::from_str(json).or_else(format_problem)?;
    for token in &declared.added_tokens {
        let found = tokenizer.token_to_id(&token.content);
        if found != Some(token.id) && !token.content.is_empty() {
            let found = found.map_or("none".to_owned(), |id| id.to_string());
            let text = &token.content;
            return format_problem(format!("added token '{text}': expected id {}, found {found}", token.id));
        }
    }
    let maximum_id = tokenizer.get_vocab(true).into_values().max().map_or(-1, i64::from);
    if maximum_id > i64::from(i32::MAX) {
        return format_problem(format!("token id {maximum_id} is out of range"));
    }
    let byte_fallback = tokenizer.get_decoder().is_some_and(has_byte_fallback);
    let vocabulary = tokenizer.get_vocab_size(true) as i64;
    let pipeline = Pipeline::new(tokenizer).or_else(format_problem)?;
    Ok(Handle { pipeline, byte_fallback, vocabulary, maximum_id })
}

fn has_byte_fallback(decoder: &DecoderWrapper) -> bool {
    match decoder {
        DecoderWrapper::ByteFallback(_) => true,
        DecoderWrapper::Sequence(sequence) => sequence.get_decoders().iter().any(has_byte_fallback),
        _ => false,
    }
}

fn megabytes(size: usize) -> u64 {
    (size >> 20) as u64 + 1
}

fn encode_allowance(size: usize) -> Allowance {
    Allowance::new((64 << 20) + 512 * size as i64, 60 + 20 * megabytes(size))
}

pub fn decode_allowance(count: usize) -> Allowance {
    Allowance::new((64 << 20) + 2048 * count as i64, 60 + 10 * megabytes(count))
}

/// # Safety
/// `json` points to `size` bytes; `out` and `message` to places for a pointer and a Bytes.
#[no_mangle]
pub unsafe extern "C" fn textrs_tokenizer_load(
    json: *const u8,
    size: usize,
    out: *mut *mut Handle,
    message: *mut Bytes,
) -> i32 {
    let allowance = Allowance::new((256 << 20) + 64 * size as i64, 120 + 60 * megabytes(size));
    let outcome = bounded("loading the tokenizer", allowance, || {
        let json = text_of(json, size, "the file").or_else(|error| format_problem(error.message))?;
        Ok(Box::new(load(json)?))
    });
    report(outcome, message, |handle| out.write(Box::into_raw(handle)))
}

/// # Safety
/// `handle` came from textrs_tokenizer_load and is not used afterwards; NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn textrs_tokenizer_free(handle: *mut Handle) {
    if !handle.is_null() {
        drop(Box::from_raw(handle));
    }
}

/// # Safety
/// `handle` is alive.
#[no_mangle]
pub unsafe extern "C" fn textrs_tokenizer_sizes(
    handle: *const Handle,
    count: *mut i64,
    maximum_id: *mut i64,
) {
    count.write((*handle).vocabulary);
    maximum_id.write((*handle).maximum_id);
}

/// # Safety
/// `handle` is alive; `text` points to `size` bytes; `stop` may be called with `stop_data` by this thread.
#[no_mangle]
pub unsafe extern "C" fn textrs_encode(
    handle: *const Handle,
    text: *const u8,
    size: usize,
    add_special_tokens: i32,
    stop: extern "C" fn(*const c_void) -> i32,
    stop_data: *const c_void,
    out: *mut Ids,
    message: *mut Bytes,
) -> i32 {
    let outcome = bounded("encoding the text", encode_allowance(size), || {
        stop_by(Stop { ask: stop, data: stop_data });
        let text = text_of(text, size, "text")?;
        match (*handle).pipeline.encode(text, add_special_tokens != 0) {
            // Ids fit: load looked at the largest.
            Ok(ids) => Ok(ids.into_iter().map(|id| id as i32).collect::<Vec<i32>>()),
            Err(error) => problem(Code::Limit, format!("cannot encode the text: {error}")),
        }
    });
    report(outcome, message, |ids| out.write(Ids::from_vector(ids)))
}

/// As textrs_encode; `out` gets three numbers for each token: id, first byte, byte after the last.
///
/// # Safety
/// As textrs_encode.
#[no_mangle]
pub unsafe extern "C" fn textrs_encode_with_ranges(
    handle: *const Handle,
    text: *const u8,
    size: usize,
    add_special_tokens: i32,
    stop: extern "C" fn(*const c_void) -> i32,
    stop_data: *const c_void,
    out: *mut Ids,
    message: *mut Bytes,
) -> i32 {
    let outcome = bounded("encoding the text", encode_allowance(size), || {
        stop_by(Stop { ask: stop, data: stop_data });
        let text = text_of(text, size, "text")?;
        match (*handle).pipeline.encode_with_ranges(text, add_special_tokens != 0) {
            Ok(encoding) => {
                let tokens = encoding.get_ids().iter().zip(encoding.get_offsets());
                Ok(tokens
                    .flat_map(|(&id, range)| [id as i32, range.0 as i32, range.1 as i32])
                    .collect::<Vec<i32>>())
            }
            Err(error) => problem(Code::Limit, format!("cannot encode the text: {error}")),
        }
    });
    report(outcome, message, |ids| out.write(Ids::from_vector(ids)))
}

/// Ids that the vocabulary lacks give no text, as in the original; negative ones are an error.
pub fn checked_ids(ids: &[i32]) -> Outcome<Vec<u32>> {
    ids.iter()
        .map(|&id| {
            u32::try_from(id)
                .or_else(|_| problem(Code::InvalidArgument, format!("token id {id} is negative")))
        })
        .collect()
}

/// # Safety
/// `handle` is alive; `ids` points to `count` ids.
#[no_mangle]
pub unsafe extern "C" fn textrs_decode(
    handle: *const Handle,
    ids: *const i32,
    count: usize,
    skip_special_tokens: i32,
    out: *mut Bytes,
    message: *mut Bytes,
) -> i32 {
    let outcome = bounded("decoding", decode_allowance(count), || {
        let ids = if count == 0 { &[] } else { std::slice::from_raw_parts(ids, count) };
        let tokenizer = &(*handle).pipeline.tokenizer;
        tokenizer.decode(&checked_ids(ids)?, skip_special_tokens != 0).or_else(format_problem)
    });
    report(outcome, message, |text| out.write(Bytes::from_vector(text.into_bytes())))
}

/// # Safety
/// `handle` is alive. `special` gets whether the token is an added special one.
#[no_mangle]
pub unsafe extern "C" fn textrs_token(
    handle: *const Handle,
    id: i32,
    out: *mut Bytes,
    special: *mut i32,
    message: *mut Bytes,
) -> i32 {
    let outcome = bounded("looking up a token", decode_allowance(1), || {
        let tokenizer = &(*handle).pipeline.tokenizer;
        let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder();
        let known = u32::try_from(id).ok().and_then(|id| match added.get(&id) {
            Some(token) => Some((token.content.clone(), token.special)),
            None => tokenizer.get_model().id_to_token(id).map(|text| (text, false)),
        });
        known.map_or_else(|| problem(Code::NotFound, format!("no token has the id {id}")), Ok)
    });
    report(outcome, message, |(text, is_special)| {
        out.write(Bytes::from_vector(text.into_bytes()));
        special.write(i32::from(is_special));
    })
}

/// The id of a token's exact text, or -1.
///
/// # Safety
/// `handle` is alive; `text` points to `size` bytes.
#[no_mangle]
pub unsafe extern "C" fn textrs_token_id(handle: *const Handle, text: *const u8, size: usize) -> i32 {
    let found = bounded("looking up a token", decode_allowance(1), || {
        let text = std::str::from_utf8(bytes_of(text, size)).ok();
        Ok(text.and_then(|text| (*handle).pipeline.tokenizer.token_to_id(text)))
    });
    found.ok().flatten().map_or(-1, |id| id as i32)
}

/// # Safety
/// `out` points to a place for a pointer.
#[no_mangle]
pub unsafe extern "C" fn textrs_stream_new(
    skip_special_tokens: i32,
    out: *mut *mut Stream,
    message: *mut Bytes,
) -> i32 {
    let outcome = bounded("starting to decode", decode_allowance(1), || {
        Ok(Box::new(Stream::new(skip_special_tokens != 0)))
    });
    report(outcome, message, |stream| out.write(Box::into_raw(stream)))
}

/// A second stream that stands where `stream` does.
///
/// # Safety
/// `stream` is alive and not changed meanwhile; `out` points to a place for a pointer.
#[no_mangle]
pub unsafe extern "C" fn textrs_stream_copy(
    stream: *const Stream,
    out: *mut *mut Stream,
    message: *mut Bytes,
) -> i32 {
    let outcome =
        bounded("copying a stream", decode_allowance((*stream).held()), || Ok(Box::new((*stream).clone())));
    report(outcome, message, |copy| out.write(Box::into_raw(copy)))
}

/// # Safety
/// `stream` came from textrs_stream_new or textrs_stream_copy and is not used afterwards; NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn textrs_stream_free(stream: *mut Stream) {
    if !stream.is_null() {
        drop(Box::from_raw(stream));
    }
}

/// Text that `id` completes; with `finish` (and `id` ignored) all that was held back.
///
/// # Safety
/// `handle` is alive, `stream` is used by this thread only.
#[no_mangle]
pub unsafe extern "C" fn textrs_stream_step(
    handle: *const Handle,
    stream: *mut Stream,
    id: i32,
    finish: i32,
    out: *mut Bytes,
    message: *mut Bytes,
) -> i32 {
    let allowance = decode_allowance((*stream).held());
    let outcome = bounded("decoding", allowance, || {
        let text = if finish != 0 {
            (*stream).finish(&*handle)
        } else {
            (*stream).step(&*handle, checked_ids(&[id])?[0])
        };
        text.or_else(format_problem)
    });
    report(outcome, message, |text| out.write(Bytes::from_vector(text.into_bytes())))
}
