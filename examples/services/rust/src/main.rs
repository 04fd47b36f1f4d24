//! Chat over HTTP: `chat-service MODEL ADAPTERS_FOLDER [ADDRESS]`. One resident model answers everybody, each with the
//! adapter that was asked for; adapters come and go while it runs.
//!
//! | | |
//! |---|---|
//! | `GET /health` | what runs |
//! | `POST /chat` | server-sent events `piece`, then `end` or `failure` |
//! | `GET /adapters` | those that are loaded |
//! | `PUT /adapters/NAME` | `{"folder": ".."}`: loads it from the adapters' folder, in place of what had the name |
//! | `DELETE /adapters/NAME` | unloads it |
//!
//! A chat is `{"messages": [..], "adapter"?, "max_new_tokens"?, "temperature"?, "seed"?}`.

mod adapters;
mod chat;
mod failure;
mod routes;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use libpeft::{Context, Model, ModelOptions, log};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;

/// What all requests share.
pub struct Service {
    model: Arc<Model>,
    adapters: adapters::Registry,
    /// Answers that are made at the same time; more wait.
    places: Arc<Semaphore>,
}

const PLACES: usize = 8;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let (model, folder, address) = match arguments.as_slice() {
        [_, model, folder] => (model, folder, "127.0.0.1:0"),
        [_, model, folder, address] => (model, folder, address.as_str()),
        _ => {
            eprintln!("usage: chat-service MODEL ADAPTERS_FOLDER [ADDRESS]");
            return ExitCode::from(2);
        }
    };
    match run(model, folder.into(), address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(model: &str, folder: PathBuf, address: &str) -> Result<(), Box<dyn std::error::Error>> {
    log::set_callback(|_, text| eprintln!("libpeft: {text}"))?;
    log::set_level(log::Level::Warning)?;
    let context = Context::new()?;
    let model = Arc::new(ModelOptions::new().device("auto").load(&context, model)?);
    let service = Arc::new(Service {
        adapters: adapters::Registry::new(model.clone(), folder),
        model,
        places: Arc::new(Semaphore::new(PLACES)),
    });
    service.adapters.restore().map_err(|failure| failure.json().to_string())?;
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    // Answers that are being given are finished first.
    axum::serve(listener, routes::router(service)).with_graceful_shutdown(asked_to_stop()).await?;
    Ok(())
}

async fn asked_to_stop() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => (),
        _ = tokio::signal::ctrl_c() => (),
    }
}
