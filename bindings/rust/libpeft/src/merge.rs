//! Merging adapters into the base weights, and taking them out again.

use std::fmt;

use libpeft_sys as sys;

use crate::adapter::Adapter;
use crate::cancel::CancelToken;
use crate::convert::{FromRaw, Keep};
use crate::enums::Dtype;
use crate::error::{Error, ErrorCode, Result, check};
use crate::model::Model;
use crate::output::{NAME, text};

options! {
    /// How to merge.
    MergeOptions<'a>, peft_merge_options, peft_merge_options_init {
        /// Refuse if a tensor would keep less of its update than this share; 0.99 unless set.
        minimum_retained: f64,
        /// Merge all the same; the report tells what was lost.
        force: bool,
        /// Only make the report and change nothing.
        dry_run: bool,
        /// Do not keep what `unmerge` needs.
        discard_originals: bool,
        /// Stops it; the model is then as it was.
        cancel: &'a CancelToken,
        /// Type that the merged model will be saved as: the report counts its rounding too. As in memory unless set.
        save_dtype: Dtype,
    }
}

figures! {
    /// Outcome of a merge.
    MergeReport, peft_merge_result {
        /// The weights were changed.
        merged: bool,
        /// Tensors that the adapter changes.
        tensor_count: i64,
        /// Of which below the minimum.
        below_minimum: i64,
        /// Smallest share of an update that survived.
        minimum_retained: f64,
        /// Mean share over the tensors.
        mean_retained: f64,
        /// Memory of the originals that are kept.
        original_bytes: i64,
    }
}

/// One tensor in the report of a merge.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MergeTensor {
    /// Its name.
    pub name: String,
    /// Type that the update was rounded to.
    pub dtype: Dtype,
    /// Share of the update that survived; 1 is all.
    pub retained: f64,
    /// Frobenius norm of the update.
    pub update_norm: f64,
    /// Frobenius norm of the weight before.
    pub weight_norm: f64,
}

/// A merge that was not done. Becomes a plain [`Error`] by `?`.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeError {
    /// Why.
    pub error: Error,
    /// The figures, where it was refused for what would be lost.
    pub report: Option<MergeReport>,
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for MergeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl From<MergeError> for Error {
    fn from(refusal: MergeError) -> Self {
        refusal.error
    }
}

impl From<Error> for MergeError {
    fn from(error: Error) -> Self {
        Self { error, report: None }
    }
}

impl Model {
    /// Folds an adapter into the base weights, whatever their type, and measures for each tensor how much of the
    /// update survives the rounding to that type. Refused where that is too little.
    pub fn merge(
        &mut self,
        adapter: &Adapter,
        options: &MergeOptions<'_>,
    ) -> std::result::Result<MergeReport, MergeError> {
        let mut keep = Keep::default();
        let options = options.raw(&mut keep)?;
        let mut raw = MergeReport::empty();
        let status = unsafe { sys::peft_merge(self.raw(), adapter.raw(), &options, &mut raw) };
        match check(status) {
            Ok(_) => Ok(MergeReport::from_raw(&raw)),
            Err(error) => {
                let refused = error.code() == ErrorCode::Refused;
                Err(MergeError { error, report: refused.then(|| MergeReport::from_raw(&raw)) })
            }
        }
    }

    /// One row of the report of the last merge, dry or refused ones too.
    pub fn merge_tensor(&self, index: i64) -> Result<MergeTensor> {
        let mut info: sys::peft_merge_tensor = unsafe { std::mem::zeroed() };
        info.struct_size = size_of_val(&info) as u32;
        let (_, name) = text(NAME, |buf, cap, len| unsafe {
            sys::peft_merge_tensor_at(self.raw(), index, &mut info, buf, cap, len)
        })?;
        Ok(MergeTensor {
            name,
            dtype: Dtype::from_raw(info.dtype),
            retained: info.retained,
            update_norm: info.update_norm,
            weight_norm: info.weight_norm,
        })
    }

    /// All rows of the report of the last merge.
    pub fn merge_tensors(&self) -> Result<Vec<MergeTensor>> {
        (0..self.info()?.merge_tensor_count).map(|index| self.merge_tensor(index)).collect()
    }

    /// Undoes all merges, bit for bit.
    pub fn unmerge(&mut self) -> Result<()> {
        check(unsafe { sys::peft_unmerge(self.raw()) }).map(drop)
    }

    /// Makes all merges final: frees the originals. The merged adapters are detached.
    pub fn discard_originals(&mut self) -> Result<()> {
        check(unsafe { sys::peft_merge_discard(self.raw()) }).map(drop)
    }
}
