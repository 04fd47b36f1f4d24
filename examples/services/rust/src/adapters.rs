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

/// Names and folders of those that are loaded, in the folder of the adapters.
const LOADED: &str = "loaded.json";

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

    /// What was loaded when the service last ran, however that ended, is loaded again.
    pub fn restore(&self) -> Result<(), Failure> {
        let text = match std::fs::read_to_string(self.folder.join(LOADED)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        let before: BTreeMap<String, String> = serde_json::from_str(&text)
            .map_err(|error| Failure::bad_request(format!("{LOADED}: {error}")))?;
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        for (name, folder) in before {
            match self.load(&name, &folder) {
                Ok(found) => drop(loaded.insert(name, found)),
                Err(failure) => eprintln!("chat-service: {name} is not back: {}", failure.json()),
            }
        }
        Ok(())
    }

    pub fn list(&self) -> Vec<Entry> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.values().map(|(entry, _)| entry.clone()).collect()
    }

    /// Loads an adapter beside the others, and only then lets it take the name. Sessions that speak with the one
    /// that had it go on with that.
    pub fn put(&self, name: &str, folder: &str) -> Result<Entry, Failure> {
        let (entry, adapter) = self.load(name, folder)?;
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, mut before)) = loaded.insert(name.to_string(), (entry.clone(), adapter)) {
            before.detach()?;
        }
        self.remember(&loaded)?;
        Ok(entry)
    }

    fn load(&self, name: &str, folder: &str) -> Result<(Entry, Adapter), Failure> {
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
        Ok((entry, adapter))
    }

    pub fn remove(&self, name: &str) -> Result<Entry, Failure> {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        let (entry, mut adapter) = loaded.remove(name).ok_or_else(|| unknown(name))?;
        adapter.detach()?;
        self.remember(&loaded)?;
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

    /// Written beside and renamed: a kill leaves the old list or the new one.
    fn remember(&self, loaded: &BTreeMap<String, (Entry, Adapter)>) -> Result<(), Failure> {
        let folders: BTreeMap<_, _> = loaded.iter().map(|(name, (entry, _))| (name, &entry.folder)).collect();
        let fresh = self.folder.join(format!("{LOADED}.new"));
        std::fs::write(&fresh, serde_json::json!(folders).to_string())?;
        Ok(std::fs::rename(fresh, self.folder.join(LOADED))?)
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
