//! Holding a brigade to a number of bytes. Must not know where the number comes from.

use std::ptr;

use httpd_sys as sys;

use super::{Front, delete, insert_before, kind_of, read, sentinel, split};
use crate::request::Request;

/// What [`hold_to`] has found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    /// There was more data than that, which is gone.
    pub excess: bool,
    /// The stream ends in this brigade.
    pub ended: bool,
}

/// Lets so many bytes of data stay in the brigade, takes them off `left`, and deletes all data behind them. What is no data
/// stays, in its order.
///
/// # Safety
/// As for [`replace_last_chunk`](super::replace_last_chunk).
pub(crate) unsafe fn hold_to(brigade: *mut sys::apr_bucket_brigade, left: &mut u64) -> Held {
    let mut held = Held {
        excess: false,
        ended: false,
    };
    // SAFETY: by this function's contract.
    let sentinel = unsafe { sentinel(brigade) };
    // SAFETY: the sentinel has its links where a bucket has them.
    let mut bucket = unsafe { (*sentinel).link.next };
    while bucket != sentinel {
        // SAFETY: a bucket in a live brigade is alive.
        let kind = unsafe { kind_of(bucket) };
        held.ended |= kind == Front::End;
        let data = kind == Front::Data;
        // SAFETY: as above.
        let length = if data { unsafe { length(bucket) } } else { 0 };
        let fits = u64::try_from(length).is_ok_and(|length| length <= *left);
        if data && !fits {
            held.excess = true;
            let room = usize::try_from(*left).unwrap_or(usize::MAX);
            // SAFETY: the bucket's length is known, and greater than the point.
            let kept = room > 0 && unsafe { split(bucket, room) } == sys::APR_SUCCESS.cast_signed();
            *left = 0;
            if !kept {
                // SAFETY: the bucket is alive, in the ring.
                let next = unsafe { (*bucket).link.next };
                // SAFETY: the bucket is in the ring, which this unlinks it from and then frees it.
                unsafe { delete(bucket) };
                bucket = next;
                continue;
            }
        } else {
            *left -= u64::try_from(length).unwrap_or(0);
        }
        // SAFETY: as above. What was read has its rest behind it.
        bucket = unsafe { (*bucket).link.next };
    }
    held
}

/// How much data the bucket holds. One that cannot tell is read, which makes what was read a bucket of its own; one that
/// cannot be read holds as much as no response may have.
///
/// # Safety
/// `bucket` must be a live bucket in a ring.
unsafe fn length(bucket: *mut sys::apr_bucket) -> usize {
    // SAFETY: by this function's contract.
    let known = unsafe { (*bucket).length };
    if known != usize::MAX {
        return known;
    }
    // SAFETY: by this function's contract.
    match unsafe { read(bucket, true) } {
        Ok(data) => data.len(),
        Err(_) => usize::MAX,
    }
}

/// Tells the filters about an error, before the end of the stream, which must be in this brigade.
///
/// # Safety
/// As for [`replace_last_chunk`](super::replace_last_chunk).
pub(crate) unsafe fn push_error_before_end(
    brigade: *mut sys::apr_bucket_brigade,
    request: &Request,
    status: u32,
) {
    // SAFETY: the brigade is alive.
    let allocator = unsafe { (*brigade).bucket_alloc };
    // SAFETY: pool and allocator are alive; null stands for "no text".
    let error = unsafe {
        sys::ap_bucket_error_create(
            status.cast_signed(),
            ptr::null(),
            request.pool_ptr(),
            allocator,
        )
    };
    // SAFETY: by this function's contract.
    let sentinel = unsafe { sentinel(brigade) };
    let mut place = sentinel;
    // SAFETY: the sentinel has its links where a bucket has them.
    let mut bucket = unsafe { (*sentinel).link.next };
    while bucket != sentinel && place == sentinel {
        // SAFETY: a bucket in a live brigade is alive.
        if unsafe { kind_of(bucket) } == Front::End {
            place = bucket;
        }
        // SAFETY: as above.
        bucket = unsafe { (*bucket).link.next };
    }
    // SAFETY: the new bucket belongs to nobody yet, and the place is in the ring.
    unsafe { insert_before(place, error) };
}
