//! Bucket brigades: httpd's lists of pieces of data. Holds the few macros of apr_buckets.h and apr_ring.h that are needed,
//! written out, and nothing that knows about requests or bodies.

use std::ffi::c_char;
use std::ptr::{self, NonNull};
use std::slice;

use httpd_sys as sys;

use crate::request::Request;
use crate::status::Status;

mod hold;

pub(crate) use hold::{hold_to, push_error_before_end};

/// A brigade of its own, in a request's pool. Destroyed with everything in it when it is dropped.
///
/// It holds no lifetime: its owners ([`Input`](crate::Input), [`Output`](crate::Output)) are made from a request and used
/// with the same request, and neither can leave the handler's call because neither is `Send`.
#[derive(Debug)]
pub(crate) struct Brigade {
    brigade: NonNull<sys::apr_bucket_brigade>,
}

/// What lies at the front of a brigade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// Nothing.
    Empty,
    /// The end of the stream.
    End,
    /// A bucket without data.
    Metadata,
    /// A bucket with data, perhaps of no length.
    Data,
}

impl Brigade {
    /// An empty brigade. `apr_brigade_create` ends the process rather than returning null.
    pub(crate) fn new(request: &Request) -> Brigade {
        let connection = request.connection_ptr();
        // SAFETY: a request's connection is alive as long as the request.
        let allocator = unsafe { (*connection).bucket_alloc };
        // SAFETY: pool and allocator are alive as long as the request.
        let brigade = unsafe { sys::apr_brigade_create(request.pool_ptr(), allocator) };
        // A stray pointer would be worse than a panic, which the guard turns into a 500.
        assert!(!brigade.is_null(), "apr_brigade_create returned null");
        // SAFETY: just checked.
        let brigade = unsafe { NonNull::new_unchecked(brigade) };
        Brigade { brigade }
    }

    pub(crate) fn as_ptr(&mut self) -> *mut sys::apr_bucket_brigade {
        self.brigade.as_ptr()
    }

    fn allocator(&mut self) -> *mut sys::apr_bucket_alloc_t {
        // SAFETY: the brigade is alive until it is dropped.
        unsafe { (*self.as_ptr()).bucket_alloc }
    }

    /// Appends a bucket that asks the filters to send what they hold.
    pub(crate) fn push_flush(&mut self) {
        // SAFETY: the allocator lives as long as the brigade.
        let bucket = unsafe { sys::apr_bucket_flush_create(self.allocator()) };
        self.push(bucket);
    }

    /// Appends the bucket that ends the stream.
    pub(crate) fn push_end(&mut self) {
        // SAFETY: the allocator lives as long as the brigade.
        let bucket = unsafe { sys::apr_bucket_eos_create(self.allocator()) };
        self.push(bucket);
    }

    /// Appends a bucket that tells the filters about an error.
    pub(crate) fn push_error(&mut self, request: &Request, status: u32) {
        let allocator = self.allocator();
        // SAFETY: pool and allocator are alive; null stands for "no text".
        let bucket = unsafe {
            sys::ap_bucket_error_create(
                status.cast_signed(),
                ptr::null(),
                request.pool_ptr(),
                allocator,
            )
        };
        self.push(bucket);
    }

    /// Appends a copy of `data`.
    pub(crate) fn push_copy(&mut self, data: &[u8]) -> Result<(), Status> {
        let brigade = self.as_ptr();
        // SAFETY: the brigade is alive; without a flush function the data is copied before the call returns.
        let status = unsafe {
            sys::apr_brigade_write(
                brigade,
                None,
                ptr::null_mut(),
                data.as_ptr().cast(),
                data.len(),
            )
        };
        Status::check(status)
    }

    /// Appends `data` without a copy.
    ///
    /// # Safety
    /// The brigade is cleared, or passed to filters and cleared then, before `data` ends or changes. Filters that keep data
    /// beyond a call copy it first.
    pub(crate) unsafe fn push_lent(&mut self, data: &[u8]) {
        let (data, length, allocator) = (data.as_ptr().cast(), data.len(), self.allocator());
        // SAFETY: the allocator lives as long as the brigade, and the caller keeps the data.
        let bucket = unsafe { sys::apr_bucket_transient_create(data, length, allocator) };
        self.push(bucket);
    }

    /// Throws away everything in it.
    pub(crate) fn clear(&mut self) {
        // SAFETY: the brigade is alive.
        unsafe { sys::apr_brigade_cleanup(self.as_ptr().cast()) };
    }

    /// What lies at the front.
    pub(crate) fn front(&mut self) -> Front {
        let Some(first) = self.first() else {
            return Front::Empty;
        };
        // SAFETY: a bucket in a brigade is alive.
        unsafe { kind_of(first) }
    }

    /// Removes the first bucket.
    pub(crate) fn drop_front(&mut self) {
        if let Some(first) = self.first() {
            // SAFETY: the bucket is in the ring of this brigade, which this unlinks it from and then frees it.
            unsafe { delete(first) };
        }
    }

    /// Moves bytes from the first bucket into `buffer`. Returns how many: 0 if the bucket was empty. `wait`: may it block?
    pub(crate) fn take(&mut self, buffer: &mut [u8], wait: bool) -> Result<usize, Status> {
        let Some(first) = self.first() else {
            return Ok(0);
        };
        // SAFETY: a bucket in a brigade is alive.
        let data = unsafe { read(first, wait) }?;
        let count = data.len().min(buffer.len());
        buffer[..count].copy_from_slice(&data[..count]);
        if count < data.len() {
            // SAFETY: the bucket was just read, so its length is known and larger than `count`.
            Status::check(unsafe { split(first, count) })?;
        }
        // SAFETY: the bucket is in the ring of this brigade, which this unlinks it from and then frees it.
        unsafe { delete(first) };
        Ok(count)
    }

    /// `APR_BRIGADE_FIRST`, or none if that is the sentinel.
    fn first(&mut self) -> Option<*mut sys::apr_bucket> {
        // SAFETY: the brigade is alive.
        let first = unsafe { (*self.as_ptr()).list.next };
        (first != self.sentinel()).then_some(first)
    }

    fn sentinel(&mut self) -> *mut sys::apr_bucket {
        // SAFETY: the brigade is alive until it is dropped.
        unsafe { sentinel(self.as_ptr()) }
    }

    /// `APR_BRIGADE_INSERT_TAIL`
    fn push(&mut self, bucket: *mut sys::apr_bucket) {
        let sentinel = self.sentinel();
        // SAFETY: the new bucket belongs to nobody yet, and the sentinel is part of the live brigade.
        unsafe { insert_before(sentinel, bucket) };
    }
}

impl Drop for Brigade {
    fn drop(&mut self) {
        // SAFETY: the brigade is alive: its pool outlives the handler's call, in which its owner lives.
        unsafe { sys::apr_brigade_destroy(self.as_ptr()) };
    }
}

/// What a bucket is.
///
/// # Safety
/// `bucket` must be a live bucket.
unsafe fn kind_of(bucket: *mut sys::apr_bucket) -> Front {
    // SAFETY: by this function's contract.
    let kind = unsafe { (*bucket).type_ };
    if ptr::eq(kind, &raw const sys::apr_bucket_type_eos) {
        return Front::End;
    }
    // SAFETY: every bucket has a type, and types are static.
    let metadata = unsafe { (*kind).is_metadata };
    if metadata == sys::APR_BUCKET_METADATA {
        Front::Metadata
    } else {
        Front::Data
    }
}

/// Puts other bytes in place of the last chunk, `0` and an empty line, with which httpd's chunk filter ends a body just
/// before the end of the stream. Does nothing in a brigade without that.
///
/// # Safety
/// `brigade` must be a live brigade, used by nobody else meanwhile.
pub(crate) unsafe fn replace_last_chunk(
    brigade: *mut sys::apr_bucket_brigade,
    bytes: impl FnOnce() -> Vec<u8>,
) {
    // SAFETY: by this function's contract.
    let Some(last) = (unsafe { last_data(brigade) }) else {
        return;
    };
    // SAFETY: a bucket of the live brigade; the chunk filter's own is in memory, so nothing is waited for.
    let found = unsafe { read(last, false) };
    if found != Ok(b"0\r\n\r\n") {
        return;
    }
    let bytes = bytes();
    // SAFETY: the brigade is alive.
    let allocator = unsafe { (*brigade).bucket_alloc };
    // SAFETY: the allocator lives as long as the brigade; without a function that frees the bytes they are copied.
    let bucket =
        unsafe { sys::apr_bucket_heap_create(bytes.as_ptr().cast(), bytes.len(), None, allocator) };
    // SAFETY: the new bucket belongs to nobody yet, and the other is in the ring.
    unsafe { insert_before(last, bucket) };
    // SAFETY: the bucket is in the ring, which this unlinks it from and then frees it.
    unsafe { delete(last) };
}

/// The last bucket with data before the end of the stream; none if the stream does not end in this brigade.
///
/// # Safety
/// As for [`replace_last_chunk`].
unsafe fn last_data(brigade: *mut sys::apr_bucket_brigade) -> Option<*mut sys::apr_bucket> {
    let mut ended = false;
    // SAFETY: by this function's contract.
    let sentinel = unsafe { sentinel(brigade) };
    // SAFETY: the sentinel has its links where a bucket has them.
    let mut bucket = unsafe { (*sentinel).link.prev };
    while bucket != sentinel {
        // SAFETY: a bucket in a live brigade is alive.
        match unsafe { kind_of(bucket) } {
            Front::Data => return ended.then_some(bucket),
            Front::End => ended = true,
            Front::Metadata | Front::Empty => {}
        }
        // SAFETY: as above.
        bucket = unsafe { (*bucket).link.prev };
    }
    None
}

/// `APR_BRIGADE_SENTINEL`: the ring's head, seen as if it were a bucket. `link` is the first field of a bucket.
///
/// # Safety
/// `brigade` must be a live brigade.
unsafe fn sentinel(brigade: *mut sys::apr_bucket_brigade) -> *mut sys::apr_bucket {
    const { assert!(std::mem::offset_of!(sys::apr_bucket, link) == 0) }
    // SAFETY: only the address of a field of the live brigade is taken.
    unsafe { (&raw mut (*brigade).list).cast() }
}

/// `APR_BUCKET_INSERT_BEFORE`
///
/// # Safety
/// `place` must be a live bucket in a ring, or its sentinel; `bucket` a live one in no ring.
unsafe fn insert_before(place: *mut sys::apr_bucket, bucket: *mut sys::apr_bucket) {
    // SAFETY: the sentinel has its links where a bucket has them.
    let before = unsafe { (*place).link.prev };
    // SAFETY: the bucket belongs to nobody yet.
    unsafe {
        (*bucket).link = sys::apr_bucket__bindgen_ty_1 {
            next: place,
            prev: before,
        }
    };
    // SAFETY: the neighbours in a ring are alive.
    unsafe { (*before).link.next = bucket };
    // SAFETY: as above.
    unsafe { (*place).link.prev = bucket };
}

/// `apr_bucket_read`
///
/// # Safety
/// `bucket` must be a live bucket. The slice is valid until the bucket is split, deleted or passed on.
unsafe fn read<'b>(bucket: *mut sys::apr_bucket, wait: bool) -> Result<&'b [u8], Status> {
    let (mut data, mut length): (*const c_char, usize) = (ptr::null(), 0);
    let block = if wait {
        sys::APR_BLOCK_READ
    } else {
        sys::APR_NONBLOCK_READ
    };
    // SAFETY: the bucket is alive.
    let kind = unsafe { (*bucket).type_ };
    // SAFETY: every bucket has a type, and types are static.
    let function = unsafe { (*kind).read };
    let Some(function) = function else {
        return Ok(&[]);
    };
    // SAFETY: this is the function that belongs to this bucket; the results go to variables of ours.
    Status::check(unsafe { function(bucket, &raw mut data, &raw mut length, block) })?;
    if length == 0 {
        return Ok(&[]);
    }
    // SAFETY: the bucket says that `length` bytes lie there, and keeps them as long as it is left alone.
    Ok(unsafe { slice::from_raw_parts(data.cast(), length) })
}

/// `apr_bucket_split`
///
/// # Safety
/// `bucket` must be a live bucket in a ring, of known length greater than `point`.
unsafe fn split(bucket: *mut sys::apr_bucket, point: usize) -> sys::apr_status_t {
    // SAFETY: the bucket is alive.
    let kind = unsafe { (*bucket).type_ };
    // SAFETY: every bucket has a type, and types are static.
    let function = unsafe { (*kind).split };
    // Every data bucket can be split once it has been read; a type without the function is a programming error there.
    let Some(function) = function else {
        return sys::APR_EGENERAL.cast_signed();
    };
    // SAFETY: this is the function that belongs to this bucket, and the caller vouches for the point.
    unsafe { function(bucket, point) }
}

/// `apr_bucket_delete`
///
/// # Safety
/// `bucket` must be a live bucket in a ring; it is gone afterwards.
unsafe fn delete(bucket: *mut sys::apr_bucket) {
    // SAFETY: the bucket is alive.
    let link = unsafe { (*bucket).link };
    // SAFETY: the neighbours in a ring are alive; the sentinel has its links where a bucket has them.
    unsafe { (*link.prev).link.next = link.next };
    // SAFETY: as above.
    unsafe { (*link.next).link.prev = link.prev };
    // SAFETY: the bucket is alive.
    let kind = unsafe { (*bucket).type_ };
    // SAFETY: every bucket has a type, and types are static.
    let destroy = unsafe { (*kind).destroy };
    // SAFETY: the bucket is alive.
    let data = unsafe { (*bucket).data };
    if let Some(destroy) = destroy {
        // SAFETY: this is the function that belongs to this bucket's data, which nobody uses any more.
        unsafe { destroy(data) };
    }
    // SAFETY: the bucket is alive.
    let free = unsafe { (*bucket).free };
    if let Some(free) = free {
        // SAFETY: this is the function that belongs to this bucket, which is in no ring any more.
        unsafe { free(bucket.cast()) };
    }
}
