//! Chat templates as Transformers renders them, bounded in steps, memory, time, depth and output.
use crate::allocator::{check_deadline, past_deadline, Allowance};
use crate::big_stack::on_big_stack;
use crate::boundary::{bounded, problem, report, text_of, Bytes, Code, Outcome, Problem};
use crate::{functions, python};
use minijinja::{context, Environment, ErrorKind, UndefinedBehavior, Value};

pub struct Template {
    environment: Environment<'static>,
    source_bytes: usize,
}

/// Bounds of one render; mirrors textrs_template_limits.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TemplateLimits {
    pub fuel: i64,
    pub output_bytes: i64,
    pub seconds: i64,
    /// Seconds since the epoch for `strftime_now`.
    pub now: i64,
}

const NAME: &str = "chat template";
/// Frames of macros and loops within each other.
const DEPTH: usize = 128;
const SOURCE_SECONDS: u64 = 60;

/// Transformers marks what an assistant says; for rendering the marks mean nothing.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let inner = &rest[start + 2..start + length];
        let name = inner.trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace());
        let replacement = match name {
            "generation" => "if true",
            "endgeneration" => "endif",
            _ => {
                out.push_str(&rest[..start + 2]);
                rest = &rest[start + 2..];
                continue;
            }
        };
        out.push_str(&rest[..start + 2]);
        out.push_str(&inner.replace(name, &format!(" {replacement} ")));
        rest = &rest[start + length..];
    }
    out + rest
}

fn compile(source: &str) -> Outcome<Template> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_recursion_limit(DEPTH);
    environment.set_unknown_method_callback(functions::method);
    environment.set_formatter(|out, _, value| {
        check_deadline();
        match value.as_str() {
            Some(text) => out.write_str(text),
            None => out.write_str(&python::to_text(value)?),
        }
        .map_err(minijinja::Error::from)
    });
    functions::install(&mut environment);
    let cleaned = without_generation_tags(source);
    let added = environment.add_template_owned(NAME, cleaned);
    added.or_else(|error| problem(Code::Format, describe(&error)))?;
    Ok(Template { environment, source_bytes: source.len() })
}

fn describe(error: &minijinja::Error) -> String {
    let line = error.line().map_or(String::new(), |line| format!(" line {line}"));
    match (error.kind(), error.detail()) {
        (ErrorKind::InvalidOperation | ErrorKind::SyntaxError, Some(detail)) => {
            format!("{NAME}{line}: {detail}")
        }
        (kind, Some(detail)) => format!("{NAME}{line}: {kind}: {detail}"),
        (kind, None) => format!("{NAME}{line}: {kind}"),
    }
}

fn failed(error: minijinja::Error) -> Problem {
    let out_of_bounds =
        error.kind() == ErrorKind::OutOfFuel || error.detail().is_some_and(|d| d.contains("recursion limit"));
    let code = if out_of_bounds { Code::Limit } else { Code::Format };
    Problem { code, message: describe(&error) }
}

/// Stops the interpreter when the output grows too large.
struct Output {
    bytes: Vec<u8>,
    maximum: usize,
}

impl std::io::Write for Output {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        if part.len() > self.maximum.saturating_sub(self.bytes.len()) {
            return Err(std::io::Error::other("too long"));
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn render(template: &Template, variables: &str, limits: &TemplateLimits) -> Outcome<Vec<u8>> {
    let variables: serde_json::Value = serde_json::from_str(variables)
        .or_else(|error| problem(Code::InvalidArgument, format!("template variables: {error}")))?;
    let mut environment = template.environment.clone();
    environment.set_fuel(Some(limits.fuel.max(0) as u64));
    functions::install_clock(&mut environment, limits.now);
    let compiled = environment.get_template(NAME).map_err(failed)?;
    let maximum = limits.output_bytes.max(0) as usize;
    let mut output = Output { bytes: Vec::new(), maximum };
    let values = Value::from_serialize(&variables);
    let context = context! { ..values };
    let outcome = compiled.render_captured_to(context, &mut output).map(drop);
    match outcome {
        Ok(()) => Ok(output.bytes),
        Err(_) if past_deadline() => {
            check_deadline();
            problem(Code::Limit, format!("{NAME}: takes too long"))
        }
        Err(error) if error.kind() == ErrorKind::WriteFailure => {
            problem(Code::Limit, format!("{NAME}: the text is longer than {maximum} bytes"))
        }
        Err(error) => Err(failed(error)),
    }
}

/// # Safety
/// `source` points to `size` bytes; `out` and `message` to places for a pointer and a Bytes.
#[no_mangle]
pub unsafe extern "C" fn textrs_template_new(
    source: *const u8,
    size: usize,
    out: *mut *mut Template,
    message: *mut Bytes,
) -> i32 {
    let allowance = Allowance::new((64 << 20) + 256 * size as i64, SOURCE_SECONDS);
    let outcome = text_of(source, size, NAME).and_then(|source| {
        bounded(NAME, allowance, || {
            on_big_stack(NAME, || bounded(NAME, allowance, || Ok(Box::new(compile(source)?))))
        })
    });
    report(outcome, message, |template| out.write(Box::into_raw(template)))
}

/// # Safety
/// `template` came from textrs_template_new and is not used afterwards; NULL is fine.
#[no_mangle]
pub unsafe extern "C" fn textrs_template_free(template: *mut Template) {
    if !template.is_null() {
        drop(Box::from_raw(template));
    }
}

/// Renders with the variables of one JSON object.
///
/// # Safety
/// `template` is alive; `variables` points to `size` bytes; the others to what their types say.
#[no_mangle]
pub unsafe extern "C" fn textrs_template_render(
    template: *const Template,
    variables: *const u8,
    size: usize,
    limits: *const TemplateLimits,
    out: *mut Bytes,
    message: *mut Bytes,
) -> i32 {
    let (template, limits) = (&*template, *limits);
    let input = (size + template.source_bytes) as i64;
    let allowance = Allowance {
        bytes: (16 << 20) + 64 * input + 4 * limits.output_bytes.clamp(0, 1 << 40),
        largest_block: (1 << 20) + 16 * input as usize + 2 * limits.output_bytes.clamp(0, 1 << 40) as usize,
        seconds: limits.seconds.max(1) as u64,
    };
    let outcome = text_of(variables, size, "template variables").and_then(|variables| {
        bounded(NAME, allowance, || {
            on_big_stack(NAME, || bounded(NAME, allowance, || render(template, variables, &limits)))
        })
    });
    report(outcome, message, |text| out.write(Bytes::from_vector(text)))
}
