//! What models and adapters tell about themselves.

use libpeft_sys as sys;

use crate::convert::FromRaw;
use crate::enums::Dtype;

figures! {
    /// What a model is. Figures that a family does not have are 0.
    ModelInfo, peft_model_info {
        /// Type that holds most of the weights.
        dtype: Dtype,
        /// "llama", "qwen2", "gpt2" and so on.
        family: String,
        /// "cpu", "cuda:0".
        device: String,
        /// Numbers in the base weights, a tied one counted once.
        parameter_elements: i64,
        /// Memory of the base weights.
        weight_bytes: i64,
        /// Memory of originals that a merge keeps for `unmerge`.
        original_bytes: i64,
        /// Tensors.
        parameter_count: i64,
        /// Modules that adapters can target.
        module_count: i64,
        /// Attached adapters.
        adapter_count: i64,
        /// Layers.
        layers: i64,
        /// Width of the residual stream.
        hidden_size: i64,
        /// Attention heads of a layer.
        attention_heads: i64,
        /// Of which keys and values have so many.
        key_value_heads: i64,
        /// Numbers of a head.
        head_size: i64,
        /// Width of the feed-forward part.
        feed_forward_size: i64,
        /// Rows of the embedding, which may exceed the tokenizer's words.
        vocabulary_size: i64,
        /// Longest sequence that the model was made for.
        context_length: i64,
        /// Tensors in the report of the last merge.
        merge_tensor_count: i64,
        /// Adapters merged and not undone.
        merged_adapters: i32,
        /// The output head is the embedding.
        tied_head: bool,
        /// The files had a tokenizer.
        has_tokenizer: bool,
        /// The files had a chat template.
        has_chat_template: bool,
        /// Of `weight_bytes` those in pinned host memory ([`embedding_placement`]).
        ///
        /// [`embedding_placement`]: crate::ModelOptions::embedding_placement
        host_weight_bytes: i64,
    }
}

/// One tensor of a model or an adapter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Parameter {
    /// As the checkpoint spells it.
    pub name: String,
    /// As held in memory.
    pub dtype: Dtype,
    /// Outermost first.
    pub shape: Vec<i64>,
    /// Training changes it (adapters only).
    pub trainable: bool,
    /// Its numbers.
    pub elements: i64,
    /// Their memory.
    pub bytes: i64,
}

impl Parameter {
    pub(crate) fn empty() -> sys::peft_parameter_info {
        let mut info: sys::peft_parameter_info = unsafe { std::mem::zeroed() };
        info.struct_size = size_of_val(&info) as u32;
        info
    }

    pub(crate) fn from_raw(name: String, raw: &sys::peft_parameter_info) -> Self {
        Self {
            name,
            dtype: Dtype::from_raw(raw.dtype),
            shape: raw.shape.iter().take(raw.dimensions.max(0) as usize).copied().collect(),
            trainable: raw.trainable != 0,
            elements: raw.elements,
            bytes: raw.bytes,
        }
    }
}

/// One module that adapters can target.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Module {
    /// Such as "model.layers.0.self_attn.q_proj".
    pub name: String,
    /// Number of its layer; none outside the layers.
    pub layer: Option<i32>,
    /// "linear", "conv1d", "embedding", "norm".
    pub kind: String,
    /// Columns of its weight.
    pub in_features: i64,
    /// Rows of its weight.
    pub out_features: i64,
    /// Type of its weight.
    pub dtype: Dtype,
    /// "all-linear" leaves it out.
    pub is_output_head: bool,
}
