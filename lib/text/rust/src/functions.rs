//! Functions, filters and methods that chat templates expect beyond the interpreter's own.
use crate::allocator::check_deadline;
use crate::python::{self, Style};
use minijinja::value::{from_args, Kwargs, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

/// As many elements as the sandbox of Jinja2 allows.
const RANGE: u128 = 100_000;

fn failed<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message.into()))
}

pub fn install(environment: &mut Environment<'static>) {
    environment.add_filter("tojson", to_json);
    environment.add_filter("string", |value: &Value| python::to_text(value));
    environment.add_function("raise_exception", |message: &Value| -> Result<Value, Error> {
        failed(python::to_text(message)?)
    });
    environment.add_function("range", range);
}

pub fn install_clock(environment: &mut Environment<'static>, now: i64) {
    environment.add_function("strftime_now", move |format: &str| strftime(format, now));
}

fn to_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let separators: Option<Vec<String>> = options.get("separators")?;
    let ensure_ascii: Option<bool> = options.get("ensure_ascii")?;
    let sort_keys: Option<bool> = options.get("sort_keys")?;
    options.assert_all_used()?;
    let (item_separator, key_separator) = match separators.as_deref() {
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
        Some([item, key]) => (item.clone(), key.clone()),
        Some(_) => return failed("tojson: separators: expected two strings"),
    };
    let style = Style {
        lines: indent.is_some(),
        indent: indent.unwrap_or(0),
        item_separator,
        key_separator,
        ensure_ascii: ensure_ascii.unwrap_or(false),
        sort_keys: sort_keys.unwrap_or(false),
    };
    python::to_json(value, &style)
}

/// The interpreter's range, which looks at the clock: loops over it may be long and allocate nothing.
fn range(first: i64, second: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    let (start, end) = second.map_or((0, first), |end| (first, end));
    let step = step.unwrap_or(1);
    if step == 0 {
        return failed("range: the step is 0");
    }
    let distance =
        if step > 0 { i128::from(end) - i128::from(start) } else { i128::from(start) - i128::from(end) };
    let count = distance.max(0).unsigned_abs().div_ceil(u128::from(step.unsigned_abs()));
    if count > RANGE {
        return failed(format!("range has too many elements: expected at most {RANGE}, found {count}"));
    }
    Ok(Value::make_iterable(move || {
        (0..count as usize).map(move |index| {
            check_deadline();
            start + step * index as i64
        })
    }))
}

/// The methods of Python's str, dict and list, without the calls that would never return.
pub fn method(state: &State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    check_deadline();
    if name == "count" && value.kind() == ValueKind::String {
        let (needle,): (&str,) = from_args(args)?;
        if needle.is_empty() {
            return Ok(Value::from(value.as_str().unwrap_or("").chars().count() + 1));
        }
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)
}

fn strftime(format: &str, now: i64) -> Result<String, Error> {
    if format.len() > 1024 {
        return failed("strftime_now: the format is too long");
    }
    let Ok(format) = std::ffi::CString::new(format) else {
        return failed("strftime_now: the format holds a NUL");
    };
    let mut buffer = vec![0u8; 64 << 10];
    // SAFETY: `parts` is filled by localtime_r; the buffer's size is given.
    let written = unsafe {
        let mut parts: libc::tm = std::mem::zeroed();
        let seconds = now as libc::time_t;
        if libc::localtime_r(&seconds, &mut parts).is_null() {
            return failed("strftime_now: the time is out of range");
        }
        libc::strftime(buffer.as_mut_ptr().cast(), buffer.len(), format.as_ptr(), &parts)
    };
    buffer.truncate(written);
    String::from_utf8(buffer).or_else(|_| failed("strftime_now: the date is not UTF-8"))
}
