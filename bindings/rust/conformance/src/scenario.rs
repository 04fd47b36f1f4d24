//! The scenario's values, the figures that are printed, and how a step ends.

use std::sync::Mutex;

use libpeft::{Error, ErrorCode, MergeError, Result};
use serde_json::Value;

/// Why a step did not end well.
pub enum Stop {
    /// It cannot be run here.
    Skipped(String),
    /// It does not hold.
    Failed(String),
}

pub type Outcome<T> = std::result::Result<T, Stop>;

impl Stop {
    pub fn failure(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(format!("{}: {}", error.code().name(), error.message()))
    }
}

impl From<MergeError> for Stop {
    fn from(refusal: MergeError) -> Self {
        Error::from(refusal).into()
    }
}

/// Ends the step unless this holds.
#[macro_export]
macro_rules! that {
    ($condition:expr) => {
        let holds: bool = $condition;
        if !holds {
            return Err($crate::scenario::Stop::Failed(
                concat!("not so: ", stringify!($condition)).to_string(),
            ));
        }
    };
}

/// The code of a call that has to fail.
pub fn code_of<T>(result: Result<T>) -> Outcome<ErrorCode> {
    match result {
        Ok(_) => Err(Stop::failure("a call that has to fail did not")),
        Err(error) => Ok(error.code()),
    }
}

/// The scenario; a value that is not there is the end of the program.
pub struct Scenario(Value);

impl Scenario {
    pub fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// A value by its path, keys and numbers joined by dots.
    pub fn value(&self, path: &str) -> &Value {
        path.split('.').fold(&self.0, |value, key| {
            let found = match key.parse::<usize>() {
                Ok(index) => value.get(index),
                Err(_) => value.get(key),
            };
            found.unwrap_or_else(|| panic!("the scenario has no {path}"))
        })
    }

    pub fn list(&self, path: &str) -> &[Value] {
        self.value(path).as_array().unwrap_or_else(|| panic!("{path} is no list"))
    }

    pub fn text(&self, path: &str) -> &str {
        self.value(path).as_str().unwrap_or_else(|| panic!("{path} is no text"))
    }

    pub fn number(&self, path: &str) -> f64 {
        self.value(path).as_f64().unwrap_or_else(|| panic!("{path} is no number"))
    }

    pub fn integer(&self, path: &str) -> i64 {
        self.value(path).as_i64().unwrap_or_else(|| panic!("{path} is no integer"))
    }

    pub fn small(&self, path: &str) -> i32 {
        self.integer(path) as i32
    }

    pub fn ids(&self, path: &str) -> Vec<i32> {
        ids(self.value(path))
    }

    pub fn bytes(&self, path: &str) -> Vec<u8> {
        bytes(self.value(path))
    }
}

pub fn ids(value: &Value) -> Vec<i32> {
    let list = value.as_array().expect("ids are a list");
    list.iter().map(|id| id.as_i64().expect("ids are integers") as i32).collect()
}

/// What stands in a key that ends in "_hex".
pub fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().expect("hexadecimal digits are a text");
    let pairs = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16));
    pairs.collect::<std::result::Result<_, _>>().expect("hexadecimal digits")
}

static STEP: Mutex<&str> = Mutex::new("");

pub fn set_step(name: &'static str) {
    *STEP.lock().unwrap() = name;
}

fn print(key: &str, value: &str) {
    println!("value\t{}\t{key}\t{value}", STEP.lock().unwrap());
}

pub fn print_bits(key: &str, value: f64) {
    print(key, &format!("{:016x}", value.to_bits()));
}

pub fn print_integer(key: &str, value: i64) {
    print(key, &value.to_string());
}

pub fn print_ids(key: &str, ids: &[i32]) {
    print(key, &ids.iter().map(i32::to_string).collect::<Vec<_>>().join(" "));
}

pub fn print_text(key: &str, text: &str) {
    print(key, &text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
}
