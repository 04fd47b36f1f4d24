//! Models: load, look into, quantize, save.

use std::ffi::c_void;
use std::path::Path;
use std::ptr;

use libpeft_sys as sys;

use crate::callback::{Flow, guard};
use crate::cancel::{CancelToken, raw_or_null};
use crate::context::Context;
use crate::convert::{FromRaw, Keep};
use crate::enums::{Dtype, Placement};
use crate::error::{Result, check};
use crate::model_info::{ModelInfo, Module, Parameter};
use crate::output::{NAME, array, text};
use crate::save::SaveOptions;

handle! {
    /// A loaded transformer with its adapters and, where its files have one, its tokenizer.
    ///
    /// Any number of threads may use it at once: what needs it alone takes `&mut self`, and while a trainer or
    /// session holds it, or another handle of the same model is at work, gives [`Busy`](crate::ErrorCode::Busy).
    Model, peft_model, peft_model_free, Sync
}

options! {
    /// How to load a model.
    ModelOptions<'a>, peft_model_options, peft_model_options_init {
        /// Type of the weights: as stored unless set; [`Dtype::Float32`] or [`Dtype::Bfloat16`].
        dtype: Dtype,
        /// "cpu" unless set, "cuda:0" and so on, or "auto": the first GPU where there is one.
        device: String,
        /// Does not look for a tokenizer.
        without_tokenizer: bool,
        /// Files may be symbolic links that lead out of the folder, as in Hugging Face's cache.
        follow_links: bool,
        /// Stops the loading, and tells how far it has come.
        cancel: &'a CancelToken,
        /// Of the token embedding, of which a step reads a few rows; [`Placement::Device`] unless set;
        /// [`Placement::Auto`] is not offered. [`Placement::Host`] is
        /// [`Unsupported`](crate::ErrorCode::Unsupported) where the head is the embedding (`tied_head`).
        embedding_placement: Placement,
    }
    also raw_parts {
        /// Linear layers become NF4 as they are read, with the bits of [`Model::quantize_nf4`]: one at a time is held
        /// as stored, so that a model fits whose stored weights do not. What is NF4 already stays. Its `cancel` is
        /// not read. Nothing is quantized unless set.
        quantize_nf4: QuantizeOptions<'a>,
    }
}

options! {
    /// How to quantize a model to NF4.
    QuantizeOptions<'a>, peft_quantize_options, peft_quantize_options_init {
        /// Weights per maximum: 64 unless set.
        block_size: i32,
        /// The maxima are quantized to 8 bits too, as QLoRA does; so unless set.
        double_quantize: bool,
        /// Comma list of modules that stay as they are; the output head unless set. "" is none.
        skip_modules: String,
        /// Stops it; the model is then as it was.
        cancel: &'a CancelToken,
    }
}

impl ModelOptions<'_> {
    fn raw_parts(&self, raw: &mut sys::peft_model_options, keep: &mut Keep) -> Result<()> {
        if let Some(options) = &self.quantize_nf4 {
            let part = options.raw(keep)?;
            raw.quantize_nf4 = keep.value(part);
        }
        Ok(())
    }

    /// Loads a Hugging Face folder or a GGUF file, strictly: every tensor is used once and none is missing.
    pub fn load(&self, context: &Context, path: impl AsRef<Path>) -> Result<Model> {
        let mut keep = Keep::default();
        let path = keep.path(path.as_ref())?;
        let raw = self.raw(&mut keep)?;
        Model::create(|out| unsafe { sys::peft_model_load(context.raw(), path, &raw, out) })
    }

    /// The same, and tells a closure how far it has come, from 0 to 1.
    pub fn load_with_progress<F, R>(
        &self,
        context: &Context,
        path: impl AsRef<Path>,
        mut progress: F,
    ) -> Result<Model>
    where
        F: FnMut(f64) -> R,
        R: Into<Flow>,
    {
        let mut keep = Keep::default();
        let path = keep.path(path.as_ref())?;
        let mut raw = self.raw(&mut keep)?;
        raw.progress = Some(call_progress::<F, R>);
        raw.user_data = ptr::from_mut(&mut progress).cast();
        Model::create(|out| unsafe { sys::peft_model_load(context.raw(), path, &raw, out) })
    }
}

unsafe extern "C" fn call_progress<F: FnMut(f64) -> R, R: Into<Flow>>(
    user_data: *mut c_void,
    fraction: f64,
) -> i32 {
    guard(|| unsafe { (*user_data.cast::<F>())(fraction) }.into())
}

impl Model {
    /// Loads a model as it is stored, on the CPU.
    pub fn load(context: &Context, path: impl AsRef<Path>) -> Result<Self> {
        ModelOptions::new().load(context, path)
    }

    /// Another handle of the same model.
    pub fn try_clone(&self) -> Result<Self> {
        Self::create(|out| unsafe {
            *out = self.raw();
            let status = sys::peft_model_retain(self.raw());
            if status < 0 {
                *out = ptr::null_mut();
            }
            status
        })
    }

    /// What the model is.
    pub fn info(&self) -> Result<ModelInfo> {
        ModelInfo::read(|info| unsafe { sys::peft_model_get_info(self.raw(), info) })
    }

    /// The model as a JSON object: path, family, format, config, bytes per tensor type, tokenizer, adapters.
    pub fn describe(&self) -> Result<String> {
        text(16384, |buf, cap, len| unsafe { sys::peft_model_describe(self.raw(), buf, cap, len) })
            .map(|(_, json)| json)
    }

    /// One row of the parameter list, in the order of the model.
    pub fn parameter(&self, index: i64) -> Result<Parameter> {
        let mut info = Parameter::empty();
        let (_, name) = text(NAME, |buf, cap, len| unsafe {
            sys::peft_model_parameter_at(self.raw(), index, &mut info, buf, cap, len)
        })?;
        Ok(Parameter::from_raw(name, &info))
    }

    /// All parameters, in the order of the model.
    pub fn parameters(&self) -> Result<Vec<Parameter>> {
        (0..self.info()?.parameter_count).map(|index| self.parameter(index)).collect()
    }

    /// The numbers of one parameter, row by row; quantized ones are dequantized.
    pub fn read_parameter(&self, name: &str) -> Result<Vec<f32>> {
        let mut keep = Keep::default();
        let name = keep.string(name.as_bytes())?;
        array(0, |data, cap, len| unsafe { sys::peft_model_parameter_read(self.raw(), name, data, cap, len) })
            .map(|(_, values)| values)
    }

    /// One row of the list of modules that adapters can target.
    pub fn module(&self, index: i64) -> Result<Module> {
        let mut info: sys::peft_module_info = unsafe { std::mem::zeroed() };
        info.struct_size = size_of_val(&info) as u32;
        let (_, name) = text(NAME, |buf, cap, len| unsafe {
            sys::peft_model_module_at(self.raw(), index, &mut info, buf, cap, len)
        })?;
        Ok(Module {
            name,
            layer: (info.layer >= 0).then_some(info.layer),
            kind: String::from_raw(info.kind),
            in_features: info.in_features,
            out_features: info.out_features,
            dtype: Dtype::from_raw(info.dtype),
            is_output_head: info.is_output_head != 0,
        })
    }

    /// All modules that adapters can target.
    pub fn modules(&self) -> Result<Vec<Module>> {
        (0..self.info()?.module_count).map(|index| self.module(index)).collect()
    }

    /// Saves the base weights as they are now, with config, tokenizer and chat template: a folder, or a GGUF file
    /// where the path ends in ".gguf". Attached adapters are not saved with it.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        self.save_with(path, &SaveOptions::new())
    }

    /// The same with options.
    pub fn save_with(&self, path: impl AsRef<Path>, options: &SaveOptions<'_>) -> Result<()> {
        let mut keep = Keep::default();
        let path = keep.path(path.as_ref())?;
        let raw = options.raw(&mut keep)?;
        check(unsafe { sys::peft_model_save(self.raw(), path, &raw) }).map(drop)
    }

    /// Quantizes the linear layers to NF4 in place, with bitsandbytes' codes bit for bit.
    pub fn quantize_nf4(&mut self, options: &QuantizeOptions<'_>) -> Result<()> {
        let mut keep = Keep::default();
        let raw = options.raw(&mut keep)?;
        check(unsafe { sys::peft_quantize_nf4(self.raw(), &raw) }).map(drop)
    }
}

impl Context {
    /// Checks a model folder, a GGUF file or an adapter folder strictly, without building the model, and describes
    /// what it found as a JSON object.
    pub fn inspect(&self, path: impl AsRef<Path>, cancel: Option<&CancelToken>) -> Result<String> {
        let mut keep = Keep::default();
        let path = keep.path(path.as_ref())?;
        // Measuring checks the files anew, so there is room for most answers at once.
        text(1 << 18, |buf, cap, len| unsafe {
            sys::peft_inspect(self.raw(), path, raw_or_null(cancel), buf, cap, len)
        })
        .map(|(_, json)| json)
    }
}
