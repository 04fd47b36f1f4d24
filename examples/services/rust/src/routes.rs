//! What can be asked for.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Service;
use crate::adapters::Entry;
use crate::chat::{Events, Request, answer};
use crate::failure::Failure;

type Shared = State<Arc<Service>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    folder: String,
}

pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/chat", post(chat))
        .route("/adapters", get(list))
        .route("/adapters/{name}", put(load).delete(unload))
        .with_state(service)
}

async fn health(State(service): Shared) -> Result<Json<Value>, Failure> {
    let info = service.model.info()?;
    Ok(Json(json!({
        "library": libpeft::version()?,
        "family": info.family,
        "device": info.device,
        "weight_bytes": info.weight_bytes,
        "attached": info.adapter_count,
        "free_places": service.places.available_permits(),
    })))
}

async fn chat(State(service): Shared, Json(request): Json<Request>) -> Result<Events, Failure> {
    answer(service, request).await
}

async fn list(State(service): Shared) -> Json<Vec<Entry>> {
    Json(service.adapters.list())
}

async fn load(
    State(service): Shared,
    Path(name): Path<String>,
    Json(source): Json<Source>,
) -> Result<Json<Entry>, Failure> {
    let loading = move || service.adapters.put(&name, &source.folder);
    Ok(Json(tokio::task::spawn_blocking(loading).await??))
}

async fn unload(State(service): Shared, Path(name): Path<String>) -> Result<Json<Entry>, Failure> {
    let unloading = move || service.adapters.remove(&name);
    Ok(Json(tokio::task::spawn_blocking(unloading).await??))
}
