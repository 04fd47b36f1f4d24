//! How to train.

use std::path::PathBuf;

use libpeft_sys as sys;

use crate::convert::{Keep, ToRaw};
use crate::dataset::Dataset;
use crate::enums::{Dtype, Placement};
use crate::error::Result;

enumeration! {
    /// How the learning rate goes after the warm-up.
    Schedule, peft_schedule {
        /// As it is.
        Constant = PEFT_SCHEDULE_CONSTANT,
        /// Down to 0 at the last step.
        Linear = PEFT_SCHEDULE_LINEAR,
        /// Half a cosine down to 0 at the last step.
        Cosine = PEFT_SCHEDULE_COSINE,
    }
}

enumeration! {
    /// What a step keeps of its forward pass for the gradients.
    ActivationPolicy, peft_activation_policy {
        /// All that they need.
        Keep = PEFT_ACTIVATION_KEEP,
        /// The inputs of layers; the layers are run again: about a third more time.
        Checkpoint = PEFT_ACTIVATION_CHECKPOINT,
        /// Those, in pinned host memory, copied beside the computation; bit for bit the same as `Checkpoint`.
        /// [`Unsupported`](crate::ErrorCode::Unsupported) on the CPU, whose memory is the host's.
        Offload = PEFT_ACTIVATION_OFFLOAD,
        /// The first of these whose estimate fits what the device has free when the trainer is made; needs a data
        /// set.
        Auto = PEFT_ACTIVATION_AUTO,
    }
}

options! {
    /// How to train.
    TrainerOptions<'a>, peft_trainer_options, peft_trainer_options_init {
        /// Rows of a micro-batch; 2 unless set.
        batch_size: i32,
        /// Micro-batches of a step; 4 unless set.
        gradient_accumulation_steps: i32,
        /// Cosine unless set.
        schedule: Schedule,
        /// Passes over the data; 3 unless set.
        epochs: f64,
        /// So many steps whatever `epochs` says.
        max_steps: i64,
        /// 2e-4 unless set.
        learning_rate: f64,
        /// Share of the steps; 0.03 unless set.
        warmup_ratio: f64,
        /// Goes before `warmup_ratio`.
        warmup_steps: i64,
        /// Decoupled; 0 unless set.
        weight_decay: f64,
        /// 0.9 unless set.
        beta1: f64,
        /// 0.999 unless set.
        beta2: f64,
        /// 1e-8 unless set.
        epsilon: f64,
        /// Gradients are scaled down to this norm; 1 unless set; 0 is never.
        max_grad_norm: f64,
        /// Of order and dropout; 42 unless set.
        seed: i64,
        /// A new order of rows in each epoch; so unless set.
        shuffle: bool,
        /// Short rows share a sequence, attention stays apart.
        packing: bool,
        /// Tokens of a packed sequence; the longest row unless set.
        packing_length: i64,
        /// [`Dtype::Float32`] unless set, or [`Dtype::Bfloat16`].
        compute_dtype: Dtype,
        /// Evaluated by plan.
        eval_dataset: &'a Dataset,
        /// Evaluate every so many steps; only after the last unless set.
        eval_steps: i64,
        /// Checkpoint every so many steps; needs `output_dir`.
        save_steps: i64,
        /// Newest complete checkpoints that are kept; 2 unless set; 0 is all.
        save_total_limit: i32,
        /// The adapter ends with the values of the lowest evaluation loss; so unless set.
        keep_best: bool,
        /// Stop after so many evaluations without a lower loss.
        early_stopping_patience: i32,
        /// Fail after so many steps in a row with a non-finite loss; 5 unless set.
        max_skipped_in_row: i32,
        /// Folder of the checkpoints.
        output_dir: PathBuf,
        /// Of AdamW's two moments, 8 bytes a trained number; [`Placement::Device`] unless set. On the host an update
        /// moves 16 bytes a trained number over the bus and gives the same bits; [`Placement::Auto`] needs a data set.
        optimizer_placement: Placement,
    }
    also raw_policy {
        /// [`ActivationPolicy::Keep`] unless set. [`ActivationPolicy::Checkpoint`]: less memory, about a third more
        /// time.
        activation_checkpointing: ActivationPolicy,
    }
}

impl TrainerOptions<'_> {
    /// The structure has a plain number there.
    fn raw_policy(&self, raw: &mut sys::peft_trainer_options, keep: &mut Keep) -> Result<()> {
        if let Some(policy) = &self.activation_checkpointing {
            raw.activation_checkpointing = policy.to_raw(keep)?.0;
        }
        Ok(())
    }
}
