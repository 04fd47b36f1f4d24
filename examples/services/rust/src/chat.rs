//! One answer, piece by piece as it is made.

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event, Sse};
use libpeft::{CancelToken, Conversation, PrefillOptions, SamplingOptions, Session};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};

use crate::Service;
use crate::failure::Failure;

const MOST_NEW_TOKENS: i64 = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    messages: Vec<Value>,
    adapter: Option<String>,
    max_new_tokens: Option<i64>,
    #[serde(default)]
    temperature: f64,
    #[serde(default)]
    seed: i64,
}

/// Stops the work when the client goes away and the stream is dropped.
struct StopOnDrop(CancelToken);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        let _ = self.0.cancel();
    }
}

pub type Events = Sse<std::pin::Pin<Box<dyn Stream<Item = Result<Event, Infallible>> + Send>>>;

/// Prepares the answer, so that what is wrong with the request is a plain HTTP error, and then streams it.
pub async fn answer(service: Arc<Service>, request: Request) -> Result<Events, Failure> {
    let Ok(place) = service.places.clone().acquire_owned().await else {
        return Err(Failure::bad_request("the service is closed"));
    };
    let token = CancelToken::new()?;
    let stop = StopOnDrop(token.clone());
    let session = tokio::task::spawn_blocking(move || begin(&service, &request, &token)).await??;
    let (sender, receiver) = channel(16);
    // The library computes on this thread; the runtime's own threads stay free.
    tokio::task::spawn_blocking(move || {
        speak(session, &sender);
        drop(place);
    });
    let events = ReceiverStream::new(receiver).map(move |event| {
        let _ = &stop;
        Ok(event)
    });
    Ok(Sse::new(Box::pin(events)))
}

fn begin(service: &Service, request: &Request, token: &CancelToken) -> Result<Session, Failure> {
    let mut session = service.adapters.session(request.adapter.as_deref())?;
    let count = request.max_new_tokens.unwrap_or(256);
    if !(1..=MOST_NEW_TOKENS).contains(&count) {
        return Err(Failure::bad_request(format!("max_new_tokens is not from 1 to {MOST_NEW_TOKENS}")));
    }
    session.set_sampling(
        &SamplingOptions::new()
            .max_new_tokens(count)
            .temperature(request.temperature)
            .seed(request.seed)
            .cancel(token),
    )?;
    let chat = Conversation::from_json(Value::from(request.messages.clone()).to_string());
    session.prefill_chat(&chat, &PrefillOptions::new().cancel(token))?;
    Ok(session)
}

fn speak(mut session: Session, sender: &Sender<Event>) {
    for piece in session.pieces() {
        let event = match piece {
            Ok(piece) if piece.text.is_empty() => continue,
            Ok(piece) => named("piece", json!({ "text": piece.text })),
            Err(error) => named("failure", Failure::from(error).json()),
        };
        // Nobody listens any more.
        if sender.blocking_send(event).is_err() {
            return;
        }
    }
    let end = session.info().map(|info| {
        let reason = format!("{:?}", info.finish_reason).to_lowercase();
        json!({ "finish_reason": reason, "new_tokens": info.new_tokens, "seconds": info.decode_seconds })
    });
    let event = match end {
        Ok(end) => named("end", end),
        Err(error) => named("failure", Failure::from(error).json()),
    };
    let _ = sender.blocking_send(event);
}

fn named(name: &str, data: Value) -> Event {
    Event::default().event(name).data(data.to_string())
}
