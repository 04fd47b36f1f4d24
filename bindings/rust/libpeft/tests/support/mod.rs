//! What the tests share: the tiny model, folders that go away, token rows.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use libpeft::{Adapter, Context, Dataset, LoraConfig, Model, Row, ScoreOptions};

include!("talker.rs");

pub const IDS: [i32; 8] = [3, 14, 15, 9, 26, 5, 35, 8];

/// A file of the project's tests.
pub fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests").join(path)
}

pub fn llama() -> PathBuf {
    data("data/families/llama")
}

/// A folder of its own, removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("libpeft_rust_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The tiny model with a tokenizer and a chat template.
pub fn talker(folder: &Folder) -> PathBuf {
    let path = folder.path("talker");
    make_talker(&path, &llama());
    path
}

pub fn model() -> (Context, Model) {
    let context = Context::new().unwrap();
    let model = Model::load(&context, llama()).unwrap();
    (context, model)
}

/// Four rows of five tokens.
pub fn rows(context: &Context) -> Dataset {
    let rows: Vec<Row> = (0..4).map(|i| Row::tokens(&IDS[i..i + 5])).collect();
    Dataset::from_rows(context, &rows).unwrap()
}

pub fn lora(model: &Model, name: &str) -> Adapter {
    LoraConfig::new().r(4).lora_alpha(8).attach(model, name).unwrap()
}

pub fn logits(model: &Model, adapters: &[&Adapter]) -> Vec<f32> {
    model.logits(&IDS, &ScoreOptions::new().adapters(adapters.to_vec())).unwrap()
}

/// All numbers of an adapter.
pub fn numbers(adapter: &Adapter) -> Vec<u32> {
    let parameters = adapter.parameters().unwrap();
    let values = parameters.iter().flat_map(|p| adapter.read_parameter(&p.name).unwrap());
    values.map(f32::to_bits).collect()
}

pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
