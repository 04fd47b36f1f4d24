//! What a training tells.

enumeration! {
    /// What happened.
    EventKind, peft_event_kind {
        /// A step was made, or skipped.
        Step = PEFT_EVENT_STEP,
        /// The evaluation data was evaluated.
        Evaluation = PEFT_EVENT_EVALUATION,
        /// A checkpoint is complete.
        Checkpoint = PEFT_EVENT_CHECKPOINT,
        /// Training is over.
        End = PEFT_EVENT_END,
    }
}

figures! {
    /// Figures of a step or another event. What does not belong to the event is 0.
    Event, peft_step_result {
        /// What happened.
        kind: EventKind,
        /// The step that all figures belong to; the first is 1.
        step: i64,
        /// Of the whole training; 0 without a data set and `max_steps`.
        total_steps: i64,
        /// Passes over the data up to the end of this step.
        epoch: f64,
        /// Mean over the loss-bearing tokens of this step; not finite if it was skipped.
        loss: f64,
        /// That was applied.
        learning_rate: f64,
        /// Before clipping.
        grad_norm: f64,
        /// Of this step.
        tokens: i64,
        /// Of which bear a loss.
        loss_tokens: i64,
        /// That the step, evaluation or save took.
        seconds: f64,
        /// Of this step or evaluation.
        tokens_per_second: f64,
        /// Largest resident set of the process; on a GPU the driver's figure.
        peak_memory_bytes: i64,
        /// Steps skipped so far for a non-finite loss or gradient.
        skipped_steps: i64,
        /// Evaluation: mean loss over its tokens.
        eval_loss: f64,
        /// Lowest so far.
        best_eval_loss: f64,
        /// The step after which it was measured.
        best_step: i64,
        /// This step changed nothing.
        skipped: bool,
        /// Evaluation: the lowest so far.
        is_best: bool,
        /// End: the loss had not fallen for too long.
        stopped_early: bool,
    }
}

figures! {
    /// Where a trainer stands.
    TrainerInfo, peft_trainer_info {
        /// All has been done.
        finished: bool,
        /// Steps made, skipped ones included.
        step: i64,
        /// Of the whole training; 0 without a data set and `max_steps`.
        total_steps: i64,
        /// Passes over the data so far.
        epoch: f64,
        /// That the next step will apply.
        learning_rate: f64,
        /// Trained on so far.
        tokens: i64,
        /// For a non-finite loss or gradient.
        skipped_steps: i64,
        /// Of the last step that was applied.
        last_loss: f64,
        /// Lowest so far; 0 before any.
        best_eval_loss: f64,
        /// The step after which it was measured.
        best_step: Option<i64>,
        /// Numbers that are trained.
        trainable_elements: i64,
        /// Held by the trainer: gradients, optimizer, activations.
        memory_bytes: i64,
        /// Of the last complete checkpoint that was written or read.
        checkpoint_step: Option<i64>,
    }
}
