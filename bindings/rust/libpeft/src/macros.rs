//! Patterns that repeat for every handle, option structure, result structure and enumeration.

/// An owner of a handle that is freed when it goes out of scope.
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident, $raw:ident, $free:ident $(, $share:ident)?) => {
        $(#[$doc])*
        pub struct $name {
            handle: std::ptr::NonNull<libpeft_sys::$raw>,
            // Only what is loaded has one.
            #[allow(dead_code)]
            note: Option<String>,
        }

        // Handles are numbers that any thread may use and free.
        unsafe impl Send for $name {}
        $(unsafe impl $share for $name {})?

        impl $name {
            #[allow(dead_code)]
            pub(crate) fn raw(&self) -> *mut libpeft_sys::$raw {
                self.handle.as_ptr()
            }

            /// The handle, for functions of [`sys`](crate::sys). This owner still frees it.
            pub fn as_raw(&self) -> *mut libpeft_sys::$raw {
                self.handle.as_ptr()
            }

            pub(crate) fn create(
                call: impl FnOnce(*mut *mut libpeft_sys::$raw) -> libpeft_sys::peft_status,
            ) -> crate::Result<Self> {
                let mut out = std::ptr::null_mut();
                let status = call(&mut out);
                let note = (status == crate::error::NOTE).then(crate::error::last_message);
                // Owned before the panic of a callback may go on.
                let owner = std::ptr::NonNull::new(out).map(|handle| Self { handle, note });
                crate::error::check(status)?;
                owner.ok_or_else(|| {
                    crate::Error::new(crate::ErrorCode::Internal, "the library gave no handle")
                })
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                unsafe { libpeft_sys::$free(self.raw()) }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.raw()).finish()
            }
        }
    };
}

/// A builder over an option structure. Settings that are not given keep the library's defaults. Those after `also`
/// are put into the structure by a function of their own.
macro_rules! options {
    (
        $(#[$doc:meta])* $name:ident $(<$life:lifetime>)?, $raw:ident, $init:ident {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
        }
        $(also $finish:ident { $($(#[$other_doc:meta])* $other:ident: $other_type:ty,)* })?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        #[must_use]
        pub struct $name $(<$life>)? {
            $($field: Option<$type>,)*
            $($($other: Option<$other_type>,)*)?
        }

        impl $(<$life>)? $name $(<$life>)? {
            /// The library's defaults.
            pub fn new() -> Self {
                Self::default()
            }

            $($(#[$field_doc])*
            pub fn $field(mut self, $field: impl Into<$type>) -> Self {
                self.$field = Some($field.into());
                self
            })*

            $($($(#[$other_doc])*
            pub fn $other(mut self, $other: impl Into<$other_type>) -> Self {
                self.$other = Some($other.into());
                self
            })*)?

            pub(crate) fn raw(&self, keep: &mut crate::convert::Keep) -> crate::Result<libpeft_sys::$raw> {
                crate::library::ready()?;
                let mut raw: libpeft_sys::$raw = unsafe { std::mem::zeroed() };
                crate::error::check(unsafe { libpeft_sys::$init(&mut raw, size_of_val(&raw)) })?;
                $(if let Some(value) = &self.$field {
                    raw.$field = crate::convert::ToRaw::to_raw(value, keep)?;
                })*
                $(self.$finish(&mut raw, keep)?;)?
                let _ = keep;
                Ok(raw)
            }
        }
    };
}

/// Figures that the library fills in.
macro_rules! figures {
    ($(#[$doc:meta])* $name:ident, $raw:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            #[allow(dead_code)]
            pub(crate) fn read(
                call: impl FnOnce(*mut libpeft_sys::$raw) -> libpeft_sys::peft_status,
            ) -> crate::Result<Self> {
                let mut raw = Self::empty();
                crate::error::check(call(&mut raw))?;
                Ok(Self::from_raw(&raw))
            }

            pub(crate) fn empty() -> libpeft_sys::$raw {
                let mut raw: libpeft_sys::$raw = unsafe { std::mem::zeroed() };
                raw.struct_size = size_of_val(&raw) as u32;
                raw
            }

            pub(crate) fn from_raw(raw: &libpeft_sys::$raw) -> Self {
                Self { $($field: crate::convert::FromRaw::from_raw(raw.$field),)* }
            }
        }
    };
}

/// An enumeration of the header; values of a newer library become `Other`.
macro_rules! enumeration {
    ($(#[$doc:meta])* $name:ident, $raw:ident { $($(#[$value_doc:meta])* $value:ident = $constant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$value_doc])* $value,)*
            /// A value that these bindings do not know.
            Other(i32),
        }

        impl crate::convert::FromRaw<libpeft_sys::$raw> for $name {
            fn from_raw(raw: libpeft_sys::$raw) -> Self {
                match raw {
                    $(libpeft_sys::$raw::$constant => Self::$value,)*
                    libpeft_sys::$raw(other) => Self::Other(other),
                }
            }
        }

        impl crate::convert::ToRaw for $name {
            type Raw = libpeft_sys::$raw;
            fn to_raw(&self, _: &mut crate::convert::Keep) -> crate::Result<libpeft_sys::$raw> {
                Ok(match *self {
                    $(Self::$value => libpeft_sys::$raw::$constant,)*
                    Self::Other(other) => libpeft_sys::$raw(other),
                })
            }
        }
    };
}
