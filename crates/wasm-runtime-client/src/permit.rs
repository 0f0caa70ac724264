//! Permits, counted over all processes that share an engine.
#![expect(
    unsafe_code,
    reason = "calls C functions on a handle; each use is argued for where it stands"
)]

use crate::error::Error;
use crate::runtime::Runtime;
use crate::sys;
use std::ptr::{self, NonNull};

/// A permit, given back when it is dropped or its process ends.
pub struct Permit {
    runtime: &'static Runtime,
    permit: NonNull<sys::wrt_permit>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        // SAFETY: made by wrt_permit_take and freed only here.
        unsafe { self.runtime.functions.wrt_permit_free(self.permit.as_ptr()) };
    }
}

/// Takes a permit of a live engine, if one is free.
pub(crate) fn take(
    runtime: &'static Runtime,
    engine: *const sys::wrt_engine,
    number: u32,
    most: u32,
) -> Result<Option<Permit>, Error> {
    let mut permit = ptr::null_mut();
    runtime.call(|error| {
        // SAFETY: the engine is alive by the caller's borrow; the others are valid for writes.
        unsafe {
            runtime
                .functions
                .wrt_permit_take(engine, number, most, &mut permit, error)
        }
    })?;
    Ok(NonNull::new(permit).map(|permit| Permit { runtime, permit }))
}
