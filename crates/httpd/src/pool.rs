//! APR pools: memory and clean-ups that live until httpd clears the pool. Nothing here creates or destroys a pool.

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use httpd_sys as sys;

/// A pool of httpd, lent for `'p`. A small copyable handle that owns nothing.
#[derive(Debug, Clone, Copy)]
pub struct Pool<'p> {
    pool: NonNull<sys::apr_pool_t>,
    lent: PhantomData<&'p sys::apr_pool_t>,
}

impl<'p> Pool<'p> {
    /// The pool that httpd passed.
    ///
    /// # Safety
    /// `pool` must be null or a pool that is not cleared during `'p`, used by the current thread only.
    pub(crate) unsafe fn from_raw(pool: *mut sys::apr_pool_t) -> Option<Pool<'p>> {
        Some(Pool {
            pool: NonNull::new(pool)?,
            lent: PhantomData,
        })
    }

    pub(crate) fn as_ptr(self) -> *mut sys::apr_pool_t {
        self.pool.as_ptr()
    }

    /// Gives `value` to the pool, which drops it when it is cleared. Clean-ups run in reverse order: what was given last
    /// is dropped first.
    ///
    /// The value may be dropped by another thread than this one, hence `Send`.
    pub fn own<T: Send + 'static>(self, value: T) -> NonNull<T> {
        let value = NonNull::from(Box::leak(Box::new(value)));
        // SAFETY: the pool is alive; `drop_box` is given back the pointer of a leaked `Box<T>`, once. A forked child that
        // runs another program must not drop it, hence the second function does nothing.
        unsafe {
            sys::apr_pool_cleanup_register(
                self.as_ptr(),
                value.as_ptr().cast(),
                Some(drop_box::<T>),
                Some(sys::apr_pool_cleanup_null),
            );
        }
        value
    }

    /// A copy of `text`, with a NUL after it, that lives as long as the pool.
    pub(crate) fn string(self, text: &str) -> *const c_char {
        // SAFETY: the pool is alive; pointer and length are those of `text`, which is only read.
        unsafe { sys::apr_pstrmemdup(self.as_ptr(), text.as_ptr().cast(), text.len()) }
    }
}

/// Drops what [`Pool::own`] leaked.
unsafe extern "C" fn drop_box<T>(value: *mut c_void) -> sys::apr_status_t {
    crate::guard::guard((), || {
        // SAFETY: `Pool::own` registered this function with the pointer of a leaked `Box<T>`; a pool runs each clean-up once.
        drop(unsafe { Box::from_raw(value.cast::<T>()) });
    });
    sys::APR_SUCCESS.cast_signed()
}
