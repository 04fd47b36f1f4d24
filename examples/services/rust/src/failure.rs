//! Errors as HTTP says them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use libpeft::ErrorCode;

/// A request that could not be served.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    code: String,
    message: String,
}

impl Failure {
    pub fn not_found(message: String) -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "not found".to_string(), message }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "bad request".to_string(), message: message.into() }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({ "error": self.code, "message": self.message })
    }
}

impl From<libpeft::Error> for Failure {
    fn from(error: libpeft::Error) -> Self {
        let status = match error.code() {
            ErrorCode::NotFound => StatusCode::NOT_FOUND,
            ErrorCode::Busy | ErrorCode::State => StatusCode::CONFLICT,
            ErrorCode::OutOfMemory => StatusCode::INSUFFICIENT_STORAGE,
            ErrorCode::InvalidArgument | ErrorCode::Format | ErrorCode::Limit => StatusCode::BAD_REQUEST,
            ErrorCode::Mismatch | ErrorCode::Unsupported => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, code: error.code().to_string(), message: error.message().to_string() }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, code: "input or output".to_string(), message: error.to_string() }
    }
}

impl From<tokio::task::JoinError> for Failure {
    fn from(error: tokio::task::JoinError) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, code: "internal".to_string(), message: error.to_string() }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(self.json())).into_response()
    }
}
