//! What becomes of the list of functions: linked symbols, or a table that is filled at run time.

#[cfg(not(feature = "load-dynamic"))]
macro_rules! declare {
    ($($functions:tt)*) => { $($functions)* };
}

#[cfg(feature = "load-dynamic")]
macro_rules! declare {
    (unsafe extern "C" {
        $($(#[$attribute:meta])* pub fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*
    }) => {
        /// The functions of an open library.
        pub(crate) struct Functions {
            $($name: unsafe extern "C" fn($($type),*) $(-> $result)?,)*
        }

        impl Functions {
            /// Finds every function, or gives the name of one that is missing.
            pub(crate) unsafe fn resolve(library: &libloading::Library) -> Result<Self, &'static str> {
                Ok(Self { $($name: unsafe {
                    *library.get(concat!(stringify!($name), "\0").as_bytes()).map_err(|_| stringify!($name))?
                },)* })
            }
        }

        $($(#[$attribute])*
        #[inline]
        pub unsafe fn $name($($argument: $type),*) $(-> $result)? {
            unsafe { (crate::load::functions().$name)($($argument),*) }
        })*
    };
}

pub(crate) use declare;
