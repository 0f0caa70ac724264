//! The connection of a request: is the client still there, has it sent something?

use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::time::Duration;

use httpd_sys as sys;

/// A `conn_rec`, lent for `'r`. For HTTP/2 it is the stream's own, secondary connection.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'r> {
    connection: NonNull<sys::conn_rec>,
    lent: PhantomData<&'r sys::conn_rec>,
}

impl Connection<'_> {
    /// The connection of a request.
    ///
    /// # Safety
    /// `connection` must be null or a connection that lives during the lifetime of the result.
    pub(crate) unsafe fn from_raw(connection: *mut sys::conn_rec) -> Option<Self> {
        Some(Connection {
            connection: NonNull::new(connection)?,
            lent: PhantomData,
        })
    }

    /// Has the client gone? Asks httpd, and for a connection with a socket of its own also the system: httpd notices
    /// only when it reads or writes. Never blocks.
    ///
    /// A client that has only shut down its sending side has said all it has to say, and waits for the answer. One that has
    /// closed its socket looks just like that until something is sent to it, which its system answers with a reset: that,
    /// as any error of the socket, is what counts.
    #[must_use]
    pub fn client_gone(self) -> bool {
        self.aborted() || (self.is_primary() && self.socket().is_none_or(has_failed))
    }

    /// httpd's own knowledge: a read or a write has failed, or the HTTP/2 stream was reset.
    #[must_use]
    pub fn aborted(self) -> bool {
        // SAFETY: the connection is alive; a plain integer is read.
        let aborted = unsafe { (*self.connection.as_ptr()).aborted };
        aborted != 0
    }

    /// Blocks until `wake` can be read, with `input` also until something comes from the client on a socket of this
    /// connection, or until `most` is over. A signal may end it early. `true`: something has come from the client, or the
    /// client is gone.
    #[must_use]
    pub fn wait(self, wake: BorrowedFd<'_>, input: bool, most: Duration) -> bool {
        let watched = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let client = if input && self.is_primary() {
            self.socket()
        } else {
            None
        };
        // A negative descriptor is passed over.
        let mut both = [watched(wake.as_raw_fd()), watched(client.unwrap_or(-1))];
        // A part of a millisecond counts as a whole one: no time at all would make a loop of it.
        let most =
            libc::c_int::try_from(most.as_micros().div_ceil(1000)).unwrap_or(libc::c_int::MAX);
        // SAFETY: two elements are passed and two are said.
        let ready = unsafe { libc::poll(both.as_mut_ptr(), 2, most) };
        ready > 0 && both[1].revents != 0
    }

    /// Has it a socket of its own? A stream of HTTP/2 has not: its socket belongs to another thread.
    #[must_use]
    pub fn is_primary(self) -> bool {
        // SAFETY: the connection is alive; a plain pointer is read.
        let master = unsafe { (*self.connection.as_ptr()).master };
        master.is_null()
    }

    /// Has httpd closed the socket under this thread, because it is stopped and does not wait? A stream of HTTP/2 has none
    /// of its own and goes by what the server says of itself.
    #[must_use]
    pub fn closed_by_server(self) -> bool {
        if self.is_primary() {
            self.socket().is_none()
        } else {
            self.aborted() && crate::server::is_stopping()
        }
    }

    /// The descriptor of the client's socket. None once it is closed, as httpd does under its threads when it is stopped.
    fn socket(self) -> Option<libc::c_int> {
        // SAFETY: the connection is alive.
        let socket = unsafe { sys::ap_get_conn_socket(self.connection.as_ptr()) };
        if socket.is_null() {
            return None;
        }
        let mut descriptor: sys::apr_os_sock_t = -1;
        // SAFETY: the socket is alive with its connection, and the result goes to a variable of ours.
        let status = unsafe { sys::apr_os_sock_get(&raw mut descriptor, socket) };
        (status == sys::APR_SUCCESS.cast_signed() && descriptor >= 0).then_some(descriptor)
    }
}

/// Is the connection over in both directions, by a reset, an error, or because it was shut down? The end of what the client
/// sends (`POLLRDHUP`, or a read of nothing) is not asked for. The rest need not be: the system tells it always.
fn has_failed(descriptor: libc::c_int) -> bool {
    let mut poll = libc::pollfd {
        fd: descriptor,
        events: 0,
        revents: 0,
    };
    // SAFETY: one element is passed and one is said; a timeout of 0 returns at once.
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
    ready > 0 && poll.revents != 0
}
