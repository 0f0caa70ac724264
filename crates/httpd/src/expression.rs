//! Expressions of httpd (`ap_expr`) that give a string: parsed with a line of configuration, evaluated for requests.

use std::ffi::c_char;
use std::ptr::{self, NonNull};
use std::sync::{Arc, PoisonError, RwLock};

use httpd_sys as sys;

use crate::command::Command;
use crate::module::index;
use crate::request::Request;
use crate::table::bytes;

/// A parsed expression; copies of it are the same one. It lives as long as the configuration that it was parsed for: the
/// server's until the next restart, that of a `.htaccess` file until its request ends. After that it gives an error.
#[derive(Debug, Clone)]
pub struct Expression(Arc<Tree>);

/// What httpd has made of the text, until its pool is cleared. The lock keeps the pool from being cleared during an
/// evaluation; evaluations do not wait for each other.
#[derive(Debug)]
struct Tree(RwLock<Option<Parsed>>);

#[derive(Debug)]
struct Parsed(NonNull<sys::ap_expr_info_t>);

// SAFETY: httpd never changes an expression after parsing it, and itself evaluates one expression on many threads at once.
unsafe impl Send for Parsed {}
// SAFETY: as above.
unsafe impl Sync for Parsed {}

/// Given to the pool that the expression lies in: cleared together with it.
struct Holder(Arc<Tree>);

impl Drop for Holder {
    fn drop(&mut self) {
        *self.0.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Command<'_> {
    /// Parses `text` as an expression that gives a string. In `.htaccess`, what httpd restricts there is refused, such as
    /// functions that read files: the author of such a file need not be one who may read what the server can.
    ///
    /// # Errors
    /// httpd's words for what is wrong with it.
    pub fn expression(&self, text: &str) -> Result<Expression, String> {
        let pool = self.pool().ok_or("no pool")?;
        let mut flags = sys::AP_EXPR_FLAG_STRING_RESULT;
        if self.in_htaccess() {
            flags |= sys::AP_EXPR_FLAG_RESTRICTED;
        }
        let mut error: *const c_char = ptr::null();
        // SAFETY: line and pool are alive, and the copy of the text lives as long as what is made of it. Null stands for
        // httpd's own functions and variables. The error is written to our variable.
        let parsed = unsafe {
            sys::ap_expr_parse_cmd_mi(
                self.as_ptr(),
                pool.string(text),
                flags,
                &raw mut error,
                None,
                index(),
            )
        };
        // SAFETY: null or a string in the line's pool.
        if let Some(error) = unsafe { bytes(error) } {
            return Err(String::from_utf8_lossy(error).into_owned());
        }
        let parsed = NonNull::new(parsed).ok_or("httpd has not parsed it")?;
        let tree = Arc::new(Tree(RwLock::new(Some(Parsed(parsed)))));
        pool.own(Holder(Arc::clone(&tree)));
        Ok(Expression(tree))
    }
}

impl Expression {
    /// What it gives for `request`.
    ///
    /// # Errors
    /// Why it cannot be evaluated, in httpd's words, which it has logged too.
    pub fn evaluate(&self, request: &Request) -> Result<Vec<u8>, String> {
        let parsed = self.0.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(Parsed(parsed)) = &*parsed else {
            return Err("the configuration that it belongs to is gone".to_owned());
        };
        let mut error: *const c_char = ptr::null();
        // SAFETY: the request is alive and served by this thread; the expression is alive while the lock is held, since
        // its pool waits for it. The error is written to our variable.
        let result =
            unsafe { sys::ap_expr_str_exec(request.as_ptr(), parsed.as_ptr(), &raw mut error) };
        // SAFETY: null or a string in the request's pool, or one that never changes.
        if let Some(error) = unsafe { bytes(error) } {
            return Err(String::from_utf8_lossy(error).into_owned());
        }
        // SAFETY: as the error.
        let result = unsafe { bytes(result) };
        result
            .map(<[u8]>::to_vec)
            .ok_or_else(|| "httpd gives no result".to_owned())
    }
}
