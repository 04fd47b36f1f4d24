//! Training: step by step, event by event, or in one call.

use std::ffi::c_void;
use std::path::Path;
use std::ptr;

use libpeft_sys as sys;

use crate::adapter::Adapter;
use crate::callback::{Flow, guard};
use crate::cancel::{CancelToken, raw_or_null};
use crate::convert::Keep;
use crate::dataset::{Dataset, Row, raw_rows};
use crate::error::{END, Error, ErrorCode, NOTE, Result, check, last_message};
use crate::evaluate::Evaluation;
use crate::model::Model;
use crate::train_options::TrainerOptions;
use crate::training::{Event, EventKind, TrainerInfo};

handle! {
    /// Trains one adapter. While it lives the model cannot be quantized, merged or unmerged. One thread at a time
    /// trains; another may read [`info`](Self::info) meanwhile if it is shared.
    Trainer, peft_trainer, peft_trainer_free, Sync
}

options! {
    /// What one step is given.
    StepOptions<'a>, peft_step_options, peft_step_options_init {
        /// Stops the step, which is then undone: the next call repeats it.
        cancel: &'a CancelToken,
    }
    also raw_step {
        /// One step is made of them all; the data set does not move.
        rows: Vec<Row<'a>>,
    }
}

impl StepOptions<'_> {
    fn raw_step(&self, raw: &mut sys::peft_step_options, keep: &mut Keep) -> Result<()> {
        if let Some(rows) = &self.rows {
            // To the library no rows means the next batch of the data set.
            if rows.is_empty() {
                return Err(Error::new(ErrorCode::InvalidArgument, "step: no rows"));
            }
            (raw.rows, raw.row_count) = keep.array(raw_rows(rows)?)?;
        }
        Ok(())
    }
}

impl TrainerOptions<'_> {
    /// Makes a trainer. It keeps model, adapter and data sets alive. Without a data set every step is given its
    /// rows.
    pub fn create(&self, model: &Model, adapter: &Adapter, dataset: Option<&Dataset>) -> Result<Trainer> {
        let mut keep = Keep::default();
        let raw = self.raw(&mut keep)?;
        let dataset = dataset.map_or(ptr::null_mut(), Dataset::raw);
        Trainer::create(|out| unsafe {
            sys::peft_trainer_create(model.raw(), adapter.raw(), dataset, &raw, out)
        })
    }
}

impl Trainer {
    /// A trainer with the library's defaults.
    pub fn new(model: &Model, adapter: &Adapter, dataset: Option<&Dataset>) -> Result<Self> {
        TrainerOptions::new().create(model, adapter, dataset)
    }

    /// Makes one step on the next batch: forward, backward, update. `None` when all steps have been made.
    pub fn step(&mut self) -> Result<Option<Event>> {
        self.raw_step(ptr::null())
    }

    /// Makes one step with rows or a cancel token.
    pub fn step_with(&mut self, options: &StepOptions<'_>) -> Result<Option<Event>> {
        let mut keep = Keep::default();
        let options = options.raw(&mut keep)?;
        self.raw_step(&options)
    }

    fn raw_step(&mut self, options: *const sys::peft_step_options) -> Result<Option<Event>> {
        let mut raw = Event::empty();
        let status = check(unsafe { sys::peft_train_step(self.raw(), options, &mut raw) })?;
        Ok((status != END).then(|| Event::from_raw(&raw)))
    }

    /// The steps that are left, one by one; nothing but steps. Ends after an error.
    pub fn steps(&mut self) -> Steps<'_> {
        Steps { trainer: self, over: false }
    }

    /// Does the next thing of the plan: a step, an evaluation, a checkpoint, or the end, which comes again each
    /// time after that.
    pub fn next_event(&mut self, cancel: Option<&CancelToken>) -> Result<Event> {
        let mut raw = Event::empty();
        check(unsafe { sys::peft_trainer_next(self.raw(), raw_or_null(cancel), &mut raw) })?;
        Ok(Event::from_raw(&raw))
    }

    /// All that is left of the plan, event by event up to [`EventKind::End`]. Ends after an error too.
    pub fn events<'a>(&'a mut self, cancel: Option<&'a CancelToken>) -> Events<'a> {
        Events { trainer: self, cancel, over: false }
    }

    /// Does all that is left of the plan and tells a closure every event. After a cancel the trainer stands at the
    /// end of a step and can go on or be saved.
    pub fn run<F, R>(&mut self, cancel: Option<&CancelToken>, mut listener: F) -> Result<()>
    where
        F: FnMut(&Event) -> R,
        R: Into<Flow>,
    {
        let user_data = ptr::from_mut(&mut listener).cast();
        check(unsafe {
            sys::peft_trainer_run(
                self.raw(),
                raw_or_null(cancel),
                Some(call_listener::<F, R>),
                user_data,
                None,
            )
        })
        .map(drop)
    }

    /// Where the trainer stands; during a step of another thread, before it.
    pub fn info(&self) -> Result<TrainerInfo> {
        TrainerInfo::read(|info| unsafe { sys::peft_trainer_get_info(self.raw(), info) })
    }

    /// Sets the learning rate of the steps that follow. The schedule goes on from it in its own proportion.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        check(unsafe { sys::peft_trainer_set_learning_rate(self.raw(), learning_rate) }).map(drop)
    }

    /// Evaluates the adapter as it is; on the options' `eval_dataset` unless one is given.
    pub fn evaluate(
        &mut self,
        dataset: Option<&Dataset>,
        cancel: Option<&CancelToken>,
    ) -> Result<Evaluation> {
        let dataset = dataset.map_or(ptr::null_mut(), Dataset::raw);
        Evaluation::read(|result| unsafe {
            sys::peft_trainer_evaluate(self.raw(), dataset, raw_or_null(cancel), result)
        })
    }

    /// Writes everything that the training needs to go on bit for bit in another process. The folder is a PEFT
    /// adapter folder too. Without a path: `output_dir/checkpoint-<step>`.
    pub fn checkpoint(&mut self, path: Option<&Path>, cancel: Option<&CancelToken>) -> Result<()> {
        let mut keep = Keep::default();
        let path = path.map_or(Ok(ptr::null()), |path| keep.path(path))?;
        check(unsafe { sys::peft_trainer_checkpoint(self.raw(), path, raw_or_null(cancel)) }).map(drop)
    }

    /// Goes on from a checkpoint, or the newest complete one of a folder; of `output_dir` without a path. Gives a
    /// remark if a newer one was damaged and passed over.
    pub fn resume(&mut self, path: Option<&Path>) -> Result<Option<String>> {
        let mut keep = Keep::default();
        let path = path.map_or(Ok(ptr::null()), |path| keep.path(path))?;
        let status = unsafe { sys::peft_trainer_resume(self.raw(), path) };
        let note = (status == NOTE).then(last_message);
        check(status)?;
        Ok(note)
    }
}

unsafe extern "C" fn call_listener<F: FnMut(&Event) -> R, R: Into<Flow>>(
    user_data: *mut c_void,
    event: *const sys::peft_step_result,
) -> i32 {
    guard(|| unsafe { (*user_data.cast::<F>())(&Event::from_raw(&*event)) }.into())
}

/// The steps of a trainer.
#[derive(Debug)]
pub struct Steps<'a> {
    trainer: &'a mut Trainer,
    over: bool,
}

impl Iterator for Steps<'_> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let step = self.trainer.step().transpose();
        self.over = !matches!(step, Some(Ok(_)));
        step
    }
}

/// The events of a trainer.
#[derive(Debug)]
pub struct Events<'a> {
    trainer: &'a mut Trainer,
    cancel: Option<&'a CancelToken>,
    over: bool,
}

impl Iterator for Events<'_> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let event = self.trainer.next_event(self.cancel);
        self.over = event.as_ref().map_or(true, |event| event.kind == EventKind::End);
        Some(event)
    }
}
