//! What the host holds for a guest beside its memory: objects behind its handles with their strings, fields and buffers, calls
//! under way and their stacks.
//!
//! Wasmtime bounds most of that by number. Here it is weighed, every so many calls of the host, and charged to the guest's
//! account ([`limits`](crate::limits)). Between two weighings a call can leave no more than [`PER_CALL`] behind: what is longer
//! is refused where it comes in ([`link`](crate::link)). It must not know what a guest does with its objects.

use crate::capi::stack::{DEEPEST, give_back, here};
use crate::engine::{FIBER_STACK, GUEST_STACK};
use crate::outcome::Stop;
use crate::state::HostState;
use http::HeaderMap;
use std::any::Any;
use std::collections::HashSet;
use wasmtime::component::ResourceTable;
use wasmtime::{CallHook, Store, StoreContextMut, bail};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::{DynInputStream, DynPollable};
use wasmtime_wasi::{p2, sockets};
use wasmtime_wasi_http::p2::bindings::http::types::{Method, Scheme};
use wasmtime_wasi_http::p2::body::HostFutureTrailers;
use wasmtime_wasi_http::p2::types::{
    HostFutureIncomingResponse, HostIncomingResponse, HostOutgoingRequest, HostOutgoingResponse,
};
use wasmtime_wasi_http::{FieldMap, p3};

/// Bytes that one call of the host may pass in, in strings and lists.
const CALL: usize = 8 << 20;

/// The same where calls are concurrent: many may be under way, and all bulk goes through streams.
const CONCURRENT_CALL: usize = 1 << 20;

/// Bytes that one call of the host may leave behind, about.
pub(crate) const PER_CALL: usize = 128 << 10;

/// The most calls from one weighing to the next, and the fewest.
const CALLS: (usize, usize) = (256, 8);

/// What an object weighs with its places in the tables, if it is not one of those that [`weigh`] knows better: bytes.
const OBJECT: usize = 1 << 10;

/// One that is only waited for.
const POLLABLE: usize = 256;

/// A file's stream may have read ahead, a socket has buffers, and the head of a response lies in its task.
const BUFFER: usize = 64 << 10;

/// A body that is being written: [`Hooks`](crate::network::Hooks) allows 8 pieces of 16 KiB.
const BODY: usize = 144 << 10;

/// A task, or an end of a stream, of concurrent calls.
const TASK: usize = 4 << 10;

/// A place for a header field in a map.
const FIELD: usize = 128;

/// How many objects of the host a guest may have, whatever they weigh.
const MOST_OBJECTS: usize = 1 << 18;

/// How many handles a guest with this memory limit may have: each of its up to 128 instances has a table of them, which does
/// not shrink.
fn most_handles(limit: usize) -> usize {
    (limit / (4 << 10)).clamp(4096, 65536)
}

/// The most calls of one guest that may wait in the middle, each on a stack of its own. The pool has some more for each guest
/// ([`engine`](crate::engine)), so that none can take another's.
pub(crate) const MAX_STACKS: usize = 60;

/// Stacks that every guest needs, and that are not charged.
const FREE_STACKS: usize = 2;

/// Watches what the host holds for the guest of one store.
#[derive(Default)]
pub struct Scales {
    /// Calls of the host until the next weighing.
    calls: usize,
    stacks: Stacks,
}

impl Scales {
    /// Sets the bounds that Wasmtime keeps by itself.
    pub fn set_bounds(store: &mut Store<HostState>) {
        let most = most_handles(store.data().limits.limit());
        store.set_max_component_handles(most);
        let table = store.data_mut().ctx().table;
        table.set_max_capacity(MOST_OBJECTS);
        let fuel = match store.concurrent_resource_table() {
            Some(table) => {
                table.set_max_capacity(most);
                CONCURRENT_CALL
            }
            None => CALL,
        };
        store.set_hostcall_fuel(fuel);
    }

    /// To be called at every change between guest and host.
    ///
    /// # Errors
    /// The guest has more than it may.
    pub fn on(
        &mut self,
        context: &mut StoreContextMut<'_, HostState>,
        hook: CallHook,
    ) -> wasmtime::Result<()> {
        match hook {
            CallHook::CallingHost => match self.calls.checked_sub(1) {
                Some(left) => self.calls = left,
                None => self.weigh(context)?,
            },
            CallHook::CallingWasm => self.enter(context).inspect_err(|_| self.leave(true))?,
            CallHook::ReturningFromWasm => self.leave(false),
            CallHook::ReturningFromHost => {}
        }
        Ok(())
    }

    /// A call of the guest begins.
    fn enter(&mut self, context: &mut StoreContextMut<'_, HostState>) -> wasmtime::Result<()> {
        let depth = self.stacks.enter();
        if depth > DEEPEST {
            bail!("the guest is called in the middle of its own calls too often");
        }
        let number = self.stacks.number();
        if number > MAX_STACKS {
            bail!("the guest has more than {MAX_STACKS} calls under way that wait in the middle");
        }
        if number > FREE_STACKS {
            self.weigh(context)?;
        }
        Ok(())
    }

    /// It has ended, or could not begin. What it had of the stack goes back, as far as it seems to have been much.
    fn leave(&mut self, failed: bool) {
        let many = self.stacks.number() > FREE_STACKS;
        let (last, depth) = self.stacks.leave();
        if last || depth > GUEST_STACK / 2 {
            give_back(depth, failed || many || !last);
        }
    }

    fn weigh(&mut self, context: &mut StoreContextMut<'_, HostState>) -> wasmtime::Result<()> {
        let tasks = match context.concurrent_resource_table() {
            Some(table) => table.iter_mut().count() * TASK,
            None => 0,
        };
        let stacks = self.stacks.number().saturating_sub(FREE_STACKS) * GUEST_STACK;
        let state = context.data_mut();
        let bytes = weigh(state.ctx().table);
        let held = bytes + tasks + stacks;
        if !state.limits.hold(held) {
            return Err(Stop::Held(held).into());
        }
        let (most, fewest) = CALLS;
        self.calls = (state.limits.left() / PER_CALL).clamp(fewest, most);
        Ok(())
    }
}

/// The stacks on which calls of the guest are under way, told apart by where they are. A call that the host makes in the
/// middle of another, to have memory for a result, is on the same stack.
#[derive(Default)]
struct Stacks(Vec<Stack>);

struct Stack {
    /// Near its upper end.
    top: usize,
    calls: usize,
}

impl Stacks {
    /// More than what calls at the upper end of one stack can differ in where they begin.
    const SLACK: usize = 64 << 10;
    /// Less than what lies between the upper ends of two stacks.
    const REACH: usize = FIBER_STACK - 2 * Self::SLACK;

    /// A call begins; says how far below the first one on its stack.
    fn enter(&mut self) -> usize {
        let here = here();
        match self.find(here) {
            Some(at) => {
                self.0[at].calls += 1;
                self.0[at].top.saturating_sub(here)
            }
            None => {
                self.0.push(Stack {
                    top: here,
                    calls: 1,
                });
                0
            }
        }
    }

    /// A call has ended; says whether it was the last one on its stack, and how far below the first one it began.
    fn leave(&mut self) -> (bool, usize) {
        let here = here();
        let Some(at) = self.find(here) else {
            return (false, 0);
        };
        self.0[at].calls -= 1;
        let last = self.0[at].calls == 0;
        let depth = self.0[at].top.saturating_sub(here);
        if last {
            self.0.swap_remove(at);
        }
        (last, depth)
    }

    fn find(&self, here: usize) -> Option<usize> {
        self.0.iter().position(|stack| {
            here <= stack.top.saturating_add(Self::SLACK)
                && here >= stack.top.saturating_sub(Self::REACH)
        })
    }

    fn number(&self) -> usize {
        self.0.len()
    }
}

/// The bytes of all objects. How many files and sockets are among them is counted when they are opened.
fn weigh(table: &mut ResourceTable) -> usize {
    // Copies of fields share one map until they are changed.
    let mut maps = HashSet::new();
    let objects = table.iter_mut();
    objects.map(|object| weigh_object(object, &mut maps)).sum()
}

fn weigh_object(object: &dyn Any, maps: &mut HashSet<usize>) -> usize {
    if object.is::<DynPollable>() {
        return POLLABLE;
    }
    if object.is::<DynInputStream>()
        || object.is::<p2::TcpSocket>()
        || object.is::<p2::UdpSocket>()
        || object.is::<sockets::TcpSocket>()
        || object.is::<sockets::UdpSocket>()
    {
        return BUFFER;
    }
    OBJECT + weigh_http(object, maps)
}

/// What an object of `wasi:http` weighs beside itself.
fn weigh_http(object: &dyn Any, maps: &mut HashSet<usize>) -> usize {
    if let Some(fields) = object.downcast_ref::<FieldMap>() {
        return weigh_fields(fields, maps);
    }
    if let Some(request) = object.downcast_ref::<HostOutgoingRequest>() {
        let method = match &request.method {
            Method::Other(method) => method.len(),
            _ => 0,
        };
        let scheme = match &request.scheme {
            Some(Scheme::Other(scheme)) => scheme.len(),
            _ => 0,
        };
        return method
            + scheme
            + request.authority.as_ref().map_or(0, String::len)
            + request.path_with_query.as_ref().map_or(0, String::len)
            + request.body.as_ref().map_or(0, |_| BODY)
            + weigh_fields(&request.headers, maps);
    }
    if let Some(response) = object.downcast_ref::<HostOutgoingResponse>() {
        let body = response.body.as_ref().map_or(0, |_| BODY);
        return body + weigh_fields(&response.headers, maps);
    }
    if let Some(response) = object.downcast_ref::<HostIncomingResponse>() {
        return weigh_fields(&response.headers, maps);
    }
    if let Some(future) = object.downcast_ref::<HostFutureIncomingResponse>() {
        return match future {
            HostFutureIncomingResponse::Consumed => 0,
            HostFutureIncomingResponse::Pending(_) | HostFutureIncomingResponse::Ready(_) => BUFFER,
        };
    }
    if let Some(HostFutureTrailers::Done(Ok(Some(trailers)))) = object.downcast_ref() {
        return weigh_map(trailers);
    }
    if let Some(request) = object.downcast_ref::<p3::Request>() {
        return request.method.as_str().len()
            + request.authority.as_ref().map_or(0, |a| a.as_str().len())
            + request
                .path_with_query
                .as_ref()
                .map_or(0, |p| p.as_str().len())
            + weigh_fields(&request.headers, maps);
    }
    if let Some(response) = object.downcast_ref::<p3::Response>() {
        return weigh_fields(&response.headers, maps);
    }
    0
}

fn weigh_fields(fields: &FieldMap, maps: &mut HashSet<usize>) -> usize {
    let map: &HeaderMap = fields;
    let first = map.capacity() > 0 && maps.insert(std::ptr::from_ref(map).addr());
    match first {
        true => weigh_map(map),
        false => 0,
    }
}

fn weigh_map(map: &HeaderMap) -> usize {
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        name.as_str().len() + value.len() + FIELD
    };
    map.capacity() * FIELD + map.iter().map(text).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_told_apart() {
        let mut stacks = Stacks::default();
        let top = 1 << 30;
        stacks.0.push(Stack { top, calls: 1 });
        assert_eq!(stacks.find(top - DEEPEST - GUEST_STACK), Some(0));
        assert_eq!(stacks.find(top + 100), Some(0));
        let next = FIBER_STACK + 4096;
        assert_eq!(stacks.find(top - next), None);
        assert_eq!(stacks.find(top + next), None);
        assert_eq!(stacks.enter(), 0);
        assert!(stacks.enter() < 4096);
        assert_eq!(stacks.number(), 2);
        assert!(!stacks.leave().0);
        assert!(stacks.leave().0);
        assert_eq!(stacks.number(), 1);
    }

    #[test]
    fn copies_of_fields_weigh_once() {
        let mut table = ResourceTable::new();
        let mut map = HeaderMap::new();
        map.insert(
            "x-a",
            http::HeaderValue::from_bytes(&[b'a'; 10_000]).unwrap(),
        );
        let mut fields = FieldMap::new_mutable(1 << 20);
        for (name, value) in &map {
            fields.append_raw(name.clone(), value.clone()).unwrap();
        }
        for _ in 0..10 {
            table.push(fields.clone()).unwrap();
        }
        let bytes = weigh(&mut table);
        assert!((20_000..25_000).contains(&bytes), "{bytes}");
    }
}
