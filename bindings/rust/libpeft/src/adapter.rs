//! Adapters: attach, load, save, scale, detach.

use std::path::Path;
use std::ptr;

use libpeft_sys as sys;

use crate::cancel::CancelToken;
use crate::convert::Keep;
use crate::error::{Result, check};
use crate::model::Model;
use crate::model_info::Parameter;
use crate::output::{NAME, array, text};
use crate::save::SaveOptions;

handle! {
    /// A set of small weights of one method on one model. Dropping it leaves the adapter attached;
    /// [`Model::adapter`] gives a handle again.
    Adapter, peft_adapter, peft_adapter_free, Sync
}

options! {
    /// How to attach or load an adapter of any method.
    AdapterOptions<'a>, peft_adapter_options, peft_adapter_options_init {
        /// A trainer may change it; so unless set.
        trainable: bool,
        /// Of first values; 42 unless set.
        seed: i64,
        /// Stops it.
        cancel: &'a CancelToken,
    }
}

figures! {
    /// What an adapter is.
    AdapterInfo, peft_adapter_info {
        /// Rank, or number of virtual tokens; 0 where the method has neither.
        r: i32,
        /// PEFT's peft_type: "LORA", "IA3", "PROMPT_TUNING".
        method: String,
        /// 0 where the method has none.
        lora_alpha: f64,
        /// Factor on its effect; 1 unless set.
        scale: f64,
        /// Its numbers.
        parameter_elements: i64,
        /// Their memory.
        parameter_bytes: i64,
        /// Tensors.
        parameter_count: i64,
        /// Modules that it changes.
        module_count: i64,
        /// Optimizer steps applied since it was attached or loaded.
        trained_steps: i64,
        /// A trainer may change it.
        trainable: bool,
        /// On its model still.
        attached: bool,
        /// Part of the base weights now.
        merged: bool,
    }
}

impl AdapterOptions<'_> {
    /// Attaches a new adapter of any method by the text of PEFT's adapter_config.json.
    pub fn attach(&self, model: &Model, name: &str, config: &str) -> Result<Adapter> {
        let mut keep = Keep::default();
        let name = keep.string(name.as_bytes())?;
        let raw = self.raw(&mut keep)?;
        Adapter::create(|out| unsafe {
            sys::peft_attach(model.raw(), name, config.as_ptr().cast(), config.len(), &raw, out)
        })
    }

    /// Loads an adapter folder of PEFT's strictly.
    pub fn load(&self, model: &Model, name: &str, path: impl AsRef<Path>) -> Result<Adapter> {
        let mut keep = Keep::default();
        let name = keep.string(name.as_bytes())?;
        let path = keep.path(path.as_ref())?;
        let raw = self.raw(&mut keep)?;
        let adapter =
            Adapter::create(|out| unsafe { sys::peft_adapter_load(model.raw(), name, path, &raw, out) })?;
        if let Some(note) = adapter.note() {
            tracing::warn!(target: "libpeft", "{note}");
        }
        Ok(adapter)
    }
}

impl Adapter {
    /// Attaches a new adapter of any method by the text of PEFT's adapter_config.json. For LoRA see
    /// [`LoraConfig`](crate::LoraConfig).
    pub fn attach(model: &Model, name: &str, config: &str) -> Result<Self> {
        AdapterOptions::new().attach(model, name, config)
    }

    /// Loads an adapter folder of PEFT's, trainable.
    pub fn load(model: &Model, name: &str, path: impl AsRef<Path>) -> Result<Self> {
        AdapterOptions::new().load(model, name, path)
    }

    /// What the user should know about the files it was loaded from, such as that they name another base model.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Another handle of the same adapter.
    pub fn try_clone(&self) -> Result<Self> {
        Self::create(|out| unsafe {
            *out = self.raw();
            let status = sys::peft_adapter_retain(self.raw());
            if status < 0 {
                *out = ptr::null_mut();
            }
            status
        })
    }

    /// Saves it as PEFT does, in float32; or as GGUF where the path ends in ".gguf".
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_with(path, &SaveOptions::new())
    }

    /// The same with options.
    pub fn save_with(&self, path: impl AsRef<Path>, options: &SaveOptions<'_>) -> Result<()> {
        let mut keep = Keep::default();
        let path = keep.path(path.as_ref())?;
        let raw = options.raw(&mut keep)?;
        check(unsafe { sys::peft_adapter_save(self.raw(), path, &raw) }).map(drop)
    }

    /// What the adapter is.
    pub fn info(&self) -> Result<AdapterInfo> {
        AdapterInfo::read(|info| unsafe { sys::peft_adapter_get_info(self.raw(), info) })
    }

    /// Its name on the model.
    pub fn name(&self) -> Result<String> {
        text(NAME, |buf, cap, len| unsafe { sys::peft_adapter_get_name(self.raw(), buf, cap, len) })
            .map(|(_, name)| name)
    }

    /// Its settings as the text of PEFT's adapter_config.json.
    pub fn config(&self) -> Result<String> {
        text(4096, |buf, cap, len| unsafe { sys::peft_adapter_get_config(self.raw(), buf, cap, len) })
            .map(|(_, json)| json)
    }

    /// One row of the parameter list.
    pub fn parameter(&self, index: i64) -> Result<Parameter> {
        let mut info = Parameter::empty();
        let (_, name) = text(NAME, |buf, cap, len| unsafe {
            sys::peft_adapter_parameter_at(self.raw(), index, &mut info, buf, cap, len)
        })?;
        Ok(Parameter::from_raw(name, &info))
    }

    /// All its parameters.
    pub fn parameters(&self) -> Result<Vec<Parameter>> {
        (0..self.info()?.parameter_count).map(|index| self.parameter(index)).collect()
    }

    /// The numbers of one parameter, row by row.
    pub fn read_parameter(&self, name: &str) -> Result<Vec<f32>> {
        let mut keep = Keep::default();
        let name = keep.string(name.as_bytes())?;
        array(0, |data, cap, len| unsafe {
            sys::peft_adapter_parameter_read(self.raw(), name, data, cap, len)
        })
        .map(|(_, values)| values)
    }

    /// Sets a factor on its effect, for trainers, sessions and scores that begin after the call. It is not saved.
    pub fn set_scale(&mut self, scale: f64) -> Result<()> {
        check(unsafe { sys::peft_adapter_set_scale(self.raw(), scale) }).map(drop)
    }

    /// Takes it off its model: the name becomes free. Trainers and sessions that hold it keep it, and it can still
    /// be read and saved.
    pub fn detach(&mut self) -> Result<()> {
        check(unsafe { sys::peft_adapter_detach(self.raw()) }).map(drop)
    }
}

impl Model {
    /// An attached adapter by its name.
    pub fn adapter(&self, name: &str) -> Result<Adapter> {
        let mut keep = Keep::default();
        let name = keep.string(name.as_bytes())?;
        Adapter::create(|out| unsafe { sys::peft_model_adapter_find(self.raw(), name, out) })
    }

    /// An attached adapter by its place, in the order of attaching.
    pub fn adapter_at(&self, index: i64) -> Result<Adapter> {
        Adapter::create(|out| unsafe { sys::peft_model_adapter_at(self.raw(), index, out) })
    }

    /// All attached adapters.
    pub fn adapters(&self) -> Result<Vec<Adapter>> {
        (0..self.info()?.adapter_count).map(|index| self.adapter_at(index)).collect()
    }
}

/// The list of active adapters as the library takes it.
pub(crate) fn raw_list(
    adapters: &Option<Vec<&Adapter>>,
    keep: &mut Keep,
) -> Result<(*const *const sys::peft_adapter, i32)> {
    match adapters {
        Some(adapters) => {
            keep.array(adapters.iter().map(|adapter| adapter.raw().cast_const()).collect::<Vec<_>>())
        }
        None => Ok((ptr::null(), 0)),
    }
}
