//! The adapters that are loaded, by the names that clients know.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use libpeft::{Adapter, AdapterOptions, Model, Session, SessionOptions};
use serde::Serialize;

use crate::failure::Failure;

/// One that is loaded.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub name: String,
    pub folder: String,
    /// Grows with each adapter that is loaded.
    pub version: u64,
    pub method: String,
    pub parameters: i64,
}

pub struct Registry {
    model: Arc<Model>,
    folder: PathBuf,
    next: AtomicU64,
    // Sessions are made under the shared lock, so that none takes an adapter that is just being detached.
    loaded: RwLock<BTreeMap<String, (Entry, Adapter)>>,
}

impl Registry {
    pub fn new(model: Arc<Model>, folder: PathBuf) -> Self {
        Self { model, folder, next: AtomicU64::new(1), loaded: RwLock::default() }
    }

    pub fn list(&self) -> Vec<Entry> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.values().map(|(entry, _)| entry.clone()).collect()
    }

    /// Loads an adapter beside the others, and only then lets it take the name. Sessions that speak with the one
    /// that had it go on with that.
    pub fn put(&self, name: &str, folder: &str) -> Result<Entry, Failure> {
        let path = self.inside(folder)?;
        let version = self.next.fetch_add(1, Ordering::Relaxed);
        let adapter =
            AdapterOptions::new().trainable(false).load(&self.model, &format!("v{version}"), path)?;
        let info = adapter.info()?;
        let entry = Entry {
            name: name.to_string(),
            folder: folder.to_string(),
            version,
            method: info.method,
            parameters: info.parameter_elements,
        };
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, mut before)) = loaded.insert(name.to_string(), (entry.clone(), adapter)) {
            before.detach()?;
        }
        Ok(entry)
    }

    pub fn remove(&self, name: &str) -> Result<Entry, Failure> {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        let (entry, mut adapter) = loaded.remove(name).ok_or_else(|| unknown(name))?;
        adapter.detach()?;
        Ok(entry)
    }

    /// A session that speaks with an adapter, or with the model alone.
    pub fn session(&self, name: Option<&str>) -> Result<Session, Failure> {
        let Some(name) = name else {
            return Ok(Session::new(&self.model)?);
        };
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        let (_, adapter) = loaded.get(name).ok_or_else(|| unknown(name))?;
        Ok(SessionOptions::new().adapters([adapter]).create(&self.model)?)
    }

    /// Clients name folders below the adapters' folder and nothing else.
    fn inside(&self, folder: &str) -> Result<PathBuf, Failure> {
        let path = Path::new(folder);
        if folder.is_empty() || !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(Failure::bad_request(format!("'{folder}' is no folder below that of the adapters")));
        }
        Ok(self.folder.join(path))
    }
}

fn unknown(name: &str) -> Failure {
    Failure::not_found(format!("no adapter '{name}' is loaded"))
}
