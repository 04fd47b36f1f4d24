//! LoRA's settings.

use libpeft_sys as sys;

use crate::adapter::Adapter;
use crate::convert::Keep;
use crate::error::Result;
use crate::model::Model;

enumeration! {
    /// How `target_modules` is read, after Hugging Face PEFT.
    TargetKind, peft_target_kind {
        /// Nothing given: the family's defaults; "all-linear": that; else a list.
        Auto = PEFT_TARGET_AUTO,
        /// Comma list; each a whole module name or its end after a dot.
        List = PEFT_TARGET_LIST,
        /// One pattern that matches the whole module name.
        Regex = PEFT_TARGET_REGEX,
        /// PEFT's defaults of the model family.
        Defaults = PEFT_TARGET_DEFAULTS,
    }
}

enumeration! {
    /// Which biases train with LoRA.
    LoraBias, peft_lora_bias {
        /// None.
        None = PEFT_LORA_BIAS_NONE,
        /// Every bias of the model.
        All = PEFT_LORA_BIAS_ALL,
        /// The biases of the targeted modules.
        LoraOnly = PEFT_LORA_BIAS_LORA_ONLY,
    }
}

enumeration! {
    /// First values of LoRA's factors, after PEFT's `init_lora_weights`.
    LoraInit, peft_lora_init {
        /// A uniform, B zero.
        Default = PEFT_LORA_INIT_DEFAULT,
        /// A normal, B zero.
        Gaussian = PEFT_LORA_INIT_GAUSSIAN,
        /// Both random: the adapter changes the model from the start.
        None = PEFT_LORA_INIT_NONE,
    }
}

options! {
    /// LoRA's settings: y = W x + (alpha / r) B A dropout(x). Names and meaning are PEFT's.
    LoraConfig, peft_lora_config, peft_lora_config_init {
        /// Rank; 16 unless set.
        r: i32,
        /// 32 unless set.
        lora_alpha: f64,
        /// 0 <= p < 1; 0 unless set.
        lora_dropout: f64,
        /// Scale alpha / sqrt(r).
        use_rslora: bool,
        /// None unless set.
        bias: LoraBias,
        /// First values of the factors.
        init_lora_weights: LoraInit,
        /// How `target_modules` is read.
        target_kind: TargetKind,
        /// "all-linear" unless set, a comma list, or a pattern.
        target_modules: String,
        /// Comma list, or a pattern if `exclude_is_regex`.
        exclude_modules: String,
        /// `exclude_modules` is a pattern.
        exclude_is_regex: bool,
        /// Comma list of names before the layer's number.
        layers_pattern: String,
        /// JSON object, pattern -> rank.
        rank_pattern: String,
        /// JSON object, pattern -> alpha.
        alpha_pattern: String,
        /// Comma list of modules that are trained whole.
        modules_to_save: String,
        /// Of the first values; 42 unless set.
        seed: i64,
    }
    also layers {
        /// Numbers of the layers; all unless set. Only with a list of target modules.
        layers_to_transform: Vec<i32>,
    }
}

impl LoraConfig {
    /// Attaches a new LoRA adapter. Its weights are float32.
    pub fn attach(&self, model: &Model, name: &str) -> Result<Adapter> {
        let mut keep = Keep::default();
        let name = keep.string(name.as_bytes())?;
        let raw = self.raw(&mut keep)?;
        Adapter::create(|out| unsafe { sys::peft_attach_lora(model.raw(), name, &raw, out) })
    }

    fn layers(&self, raw: &mut sys::peft_lora_config, keep: &mut Keep) -> Result<()> {
        if let Some(layers) = &self.layers_to_transform {
            (raw.layers_to_transform, raw.layers_to_transform_count) = keep.array(layers.clone())?;
        }
        Ok(())
    }
}
