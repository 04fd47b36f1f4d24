//! Requests to stop.

use std::sync::Arc;

use libpeft_sys as sys;

use crate::convert::{Keep, ToRaw};
use crate::error::{Result, check};

handle! {
    #[allow(missing_docs)]
    Token, peft_cancel, peft_cancel_free, Sync
}

/// A request to stop, shared by the call that watches it and the thread that signals it. Clones are the same token;
/// once signalled it stays so.
///
/// It also tells how far a call has come: the latest load, or training by events, that was given it.
#[derive(Clone, Debug)]
pub struct CancelToken(Arc<Token>);

impl CancelToken {
    /// A token that nobody has signalled.
    pub fn new() -> Result<Self> {
        crate::library::ready()?;
        Ok(Self(Arc::new(Token::create(|out| unsafe { sys::peft_cancel_create(out) })?)))
    }

    /// Asks every call that was given the token to stop.
    pub fn cancel(&self) -> Result<()> {
        check(unsafe { sys::peft_cancel_signal(self.raw()) }).map(drop)
    }

    /// How far the call has come, from 0 to 1.
    pub fn progress(&self) -> Result<f64> {
        let mut fraction = 0.0;
        check(unsafe { sys::peft_cancel_progress(self.raw(), &mut fraction) })?;
        Ok(fraction)
    }

    /// The handle, for functions of [`sys`](crate::sys). The token still frees it.
    pub fn as_raw(&self) -> *const sys::peft_cancel {
        self.0.as_raw()
    }

    pub(crate) fn raw(&self) -> *const sys::peft_cancel {
        self.0.raw()
    }
}

impl ToRaw for &CancelToken {
    type Raw = *const sys::peft_cancel;
    fn to_raw(&self, _: &mut Keep) -> Result<Self::Raw> {
        Ok(self.raw())
    }
}

/// The pointer that the library takes for a token, or for none.
pub(crate) fn raw_or_null(cancel: Option<&CancelToken>) -> *const sys::peft_cancel {
    cancel.map_or(std::ptr::null(), CancelToken::raw)
}
