//! Reading the request body without blocking, for a guest that may wait for other things at the same time. Whoever polls the guest
//! sees that it waits, and waits for the client in its place.

use super::{BodyRead, Channel, Closed, Inner, READ_AHEAD};
use crate::outcome::Stop;
use bytes::{Buf, Bytes};
use std::os::fd::BorrowedFd;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// One who reads the body without blocking. Whoever polls the guest sees that he waits, until he has got something or is
/// dropped.
pub struct Reader {
    channel: Channel,
    number: u64,
}

impl Channel {
    /// One more who reads the body.
    pub fn reader(&self) -> Reader {
        let mut inner = self.lock();
        inner.next_reader += 1;
        Reader {
            channel: self.clone(),
            number: inner.next_reader,
        }
    }

    /// Whether the guest waits for more of the body.
    pub fn is_awaited(&self) -> bool {
        !self.lock().readers.is_empty()
    }

    /// Fetches more of the body for those who wait for it, as far as it has come; says whether they can go on.
    pub fn feed(&self) -> Result<bool, Stop> {
        let mut inner = self.lock();
        if inner.readers.is_empty() {
            return Ok(false);
        }
        if !inner.fetch()? {
            return Ok(false);
        }
        let readers = std::mem::take(&mut inner.readers);
        drop(inner);
        readers.into_iter().for_each(|(_, waker)| waker.wake());
        Ok(true)
    }

    /// Waits until there may be more of the body, or `wake` can be read; at most so long. It is the client who keeps the guest
    /// waiting, also where the guest waits for other things as well: the client can end it.
    pub fn wait_for_client(&self, wake: BorrowedFd<'_>, most: Duration) {
        let mut inner = self.lock();
        let Inner {
            exchange, budget, ..
        } = &mut *inner;
        budget.waiting(|| exchange.wait(wake, most));
    }
}

impl Inner {
    /// Fetches more of the body, if none is there; says whether a read would not wait.
    pub(super) fn fetch(&mut self) -> Result<bool, Stop> {
        if !self.ahead.is_empty() || self.at_end {
            return Ok(true);
        }
        let mut buf = vec![0; READ_AHEAD];
        let Some(n) = self.read_now(&mut buf)? else {
            return Ok(false);
        };
        buf.truncate(n);
        self.ahead = Bytes::from(buf);
        Ok(true)
    }

    /// Reads what has come of the body; 0 is its end, and `None` that nothing has come yet.
    fn read_now(&mut self, buf: &mut [u8]) -> Result<Option<usize>, Stop> {
        if !self.ahead.is_empty() {
            return Ok(Some(self.take_ahead(buf)));
        }
        if self.at_end {
            return Ok(Some(0));
        }
        if self.closed {
            return Err(Stop::ClientGone);
        }
        match self.exchange.read_body(buf, false) {
            Ok(BodyRead::Data(n)) => Ok(Some(n)),
            Ok(BodyRead::End) => {
                self.at_end = true;
                Ok(Some(0))
            }
            Ok(BodyRead::Later) => Ok(None),
            Err(Closed) => {
                self.closed = true;
                Err(Stop::ClientGone)
            }
        }
    }

    pub(super) fn take_ahead(&mut self, buf: &mut [u8]) -> usize {
        let n = buf.len().min(self.ahead.len());
        self.ahead.copy_to_slice(&mut buf[..n]);
        n
    }

    /// Forgets that this reader waits. What wakes it is for the caller to drop, once the channel is unlocked.
    fn forget(&mut self, number: u64) -> Option<(u64, Waker)> {
        let at = self.readers.iter().position(|(own, _)| *own == number)?;
        Some(self.readers.swap_remove(at))
    }
}

impl Reader {
    /// Waits until a read would not wait.
    pub fn poll_readable(&self, cx: &Context<'_>) -> Poll<Result<(), Stop>> {
        self.poll(cx, |inner| Ok(inner.fetch()?.then_some(())))
    }

    /// Reads into `buf`, which is not empty; 0 is the end of the body.
    pub fn poll_read(&self, cx: &Context<'_>, buf: &mut [u8]) -> Poll<Result<usize, Stop>> {
        self.poll(cx, |inner| inner.read_now(buf))
    }

    /// Whether the guest must stop.
    pub fn check(&self) -> Result<(), Stop> {
        self.channel.check()
    }

    fn poll<R>(
        &self,
        cx: &Context<'_>,
        call: impl FnOnce(&mut Inner) -> Result<Option<R>, Stop>,
    ) -> Poll<Result<R, Stop>> {
        let mut inner = self.channel.lock();
        let forgotten = inner.forget(self.number);
        let polled = match call(&mut inner) {
            Ok(Some(result)) => Poll::Ready(Ok(result)),
            Ok(None) => {
                inner.readers.push((self.number, cx.waker().clone()));
                Poll::Pending
            }
            Err(stop) => Poll::Ready(Err(stop)),
        };
        drop(inner);
        drop(forgotten);
        polled
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let forgotten = self.channel.lock().forget(self.number);
        drop(forgotten);
    }
}
