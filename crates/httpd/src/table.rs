//! APR tables: header fields and environment variables. Keys are compared without regard to case.

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

use httpd_sys as sys;

/// A table of a request, lent for `'r`.
#[derive(Debug, Clone, Copy)]
pub struct Table<'r> {
    table: NonNull<sys::apr_table_t>,
    lent: PhantomData<&'r sys::apr_table_t>,
}

impl<'r> Table<'r> {
    /// The table that a request refers to.
    ///
    /// # Safety
    /// `table` must be null or a table that lives during `'r`, used by the current thread only, and whose entries are not
    /// changed in place while a slice of it is held.
    pub(crate) unsafe fn from_raw(table: *mut sys::apr_table_t) -> Option<Table<'r>> {
        Some(Table {
            table: NonNull::new(table)?,
            lent: PhantomData,
        })
    }

    /// The first value of `key`.
    #[must_use]
    pub fn get(self, key: &CStr) -> Option<&'r [u8]> {
        // SAFETY: the table is alive and the key ends with a NUL.
        let value = unsafe { sys::apr_table_get(self.table.as_ptr(), key.as_ptr()) };
        // SAFETY: null or a NUL-terminated string in the table's pool, which lives for `'r`.
        unsafe { bytes(value) }
    }

    /// Sets `key` to `value`; both are copied.
    pub fn set(self, key: &CStr, value: &CStr) {
        // SAFETY: the table is alive; both strings end with a NUL and are copied.
        unsafe { sys::apr_table_set(self.table.as_ptr(), key.as_ptr(), value.as_ptr()) }
    }

    /// Adds `key` with `value`, beside any that are there; both are copied. C ends a text at its first NUL, so texts that
    /// come from elsewhere must have been looked at.
    pub fn add(self, key: &[u8], value: &[u8]) {
        // SAFETY: the table is alive; the array is part of it and never null.
        let array = unsafe { sys::apr_table_elts(self.table.as_ptr()) };
        // SAFETY: the array was allocated in the table's pool and says so.
        let pool = unsafe { (*array).pool };
        // SAFETY: the pool lives as long as the table; pointer and length are those of `key`, which is only read.
        let key = unsafe { sys::apr_pstrmemdup(pool, key.as_ptr().cast(), key.len()) };
        // SAFETY: as the key.
        let value = unsafe { sys::apr_pstrmemdup(pool, value.as_ptr().cast(), value.len()) };
        // SAFETY: the table is alive; both strings end with a NUL and live as long as the table.
        unsafe { sys::apr_table_addn(self.table.as_ptr(), key, value) }
    }

    /// Is there nothing in it?
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// Removes `key`.
    pub fn unset(self, key: &CStr) {
        // SAFETY: the table is alive and the key ends with a NUL.
        unsafe { sys::apr_table_unset(self.table.as_ptr(), key.as_ptr()) }
    }

    /// Removes everything.
    pub fn clear(self) {
        // SAFETY: the table is alive.
        unsafe { sys::apr_table_clear(self.table.as_ptr()) }
    }

    /// All entries that have a value, in order.
    pub fn iter(self) -> impl Iterator<Item = (&'r [u8], &'r [u8])> {
        // SAFETY: the table is alive; the array is part of it.
        let array = unsafe { sys::apr_table_elts(self.table.as_ptr()) };
        // SAFETY: `apr_table_elts` never returns null for a live table.
        let array = unsafe { *array };
        let count = usize::try_from(array.nelts).unwrap_or(0);
        let entries: &'r [sys::apr_table_entry_t] = if count == 0 {
            &[]
        } else {
            // SAFETY: the elements of a table's array are `nelts` entries, alive as long as the table.
            unsafe { slice::from_raw_parts(array.elts.cast(), count) }
        };
        entries.iter().filter_map(|entry| {
            // SAFETY: null or a NUL-terminated string in the table's pool, which lives for `'r`.
            let key = unsafe { bytes(entry.key) };
            // SAFETY: as the key.
            let value = unsafe { bytes(entry.val) };
            Some((key?, value?))
        })
    }
}

/// The bytes of a C string, without its NUL; `None` for null.
///
/// # Safety
/// `text` must be null or a NUL-terminated string that lives and does not change during `'a`.
pub(crate) unsafe fn bytes<'a>(text: *const std::ffi::c_char) -> Option<&'a [u8]> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller promises the rest.
    Some(unsafe { CStr::from_ptr(text) }.to_bytes())
}
