//! The pools of connections, one for each distinct grant: a pooled connection carries the judgement of the grant under
//! which it was made. Must not know single requests.

use crate::connector::Connector;
use crate::exchange::{MOST_FIELDS, MOST_HEAD};
use crate::stream::Counted;
use crate::tls::{Roots, Tls};
use crate::upload::Upload;
use crate::{Grant, Resolve};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The HTTP library's client with our connections.
pub type Client = legacy::Client<Connector, Upload>;

/// Grants that have a pool; the one that was used the longest ago gives way.
const MOST_GRANTS: usize = 64;

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Unused connections to one host, that is, scheme, name and port.
const IDLE_PER_HOST: usize = 8;

/// Unused connections of one grant, over all hosts: a guest that may go anywhere must not use up the file descriptors.
const MOST_IDLE: usize = 64;

/// What the server may send ahead of the guest's reading, over HTTP/2: for one response, and for all on a connection.
/// A guest that does not read holds up the others on its connection only when there are 64 such.
const WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 64 * WINDOW;

/// How a dead connection of HTTP/2 is found while requests wait on it.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// What an exchange is given.
pub struct Lent {
    /// The client of its grant.
    pub client: Client,
    /// What makes new connections under the same grant.
    pub connector: Connector,
    /// Counts the exchange.
    _counted: Counted,
}

impl Lent {
    /// A client that knows no connection yet, and keeps none.
    pub fn fresh(&self) -> Client {
        builder()
            .pool_max_idle_per_host(0)
            .build(self.connector.clone())
    }
}

/// All pools.
pub struct Clients {
    resolve: Arc<Resolve>,
    roots: Arc<Roots>,
    pools: HashMap<Arc<Grant>, Pool>,
    clock: u64,
}

struct Pool {
    client: Client,
    connector: Connector,
    /// Connections that are open.
    open: Arc<AtomicUsize>,
    /// Exchanges under way.
    busy: Arc<AtomicUsize>,
    used: u64,
}

impl Clients {
    /// No pools; what will be made resolves and trusts as given.
    pub fn new(resolve: Arc<Resolve>, roots: Arc<Roots>) -> Clients {
        Clients {
            resolve,
            roots,
            pools: HashMap::new(),
            clock: 0,
        }
    }

    /// The client of a grant, and what counts the exchange that it is wanted for.
    pub fn of(&mut self, grant: &Arc<Grant>) -> Lent {
        self.clock += 1;
        let mut pool = match self.pools.remove(grant) {
            Some(pool) if !pool.is_crowded() => pool,
            // A crowded pool's idle connections are closed with it; exchanges under way keep theirs.
            _ => self.pool(grant.clone()),
        };
        pool.used = self.clock;
        let given = Lent {
            client: pool.client.clone(),
            connector: pool.connector.clone(),
            _counted: Counted::new(&pool.busy),
        };
        self.make_room();
        self.pools.insert(grant.clone(), pool);
        given
    }

    fn make_room(&mut self) {
        if self.pools.len() >= MOST_GRANTS {
            let oldest = self.pools.iter().min_by_key(|(_, pool)| pool.used);
            if let Some(grant) = oldest.map(|(grant, _)| grant.clone()) {
                self.pools.remove(&grant);
            }
        }
    }

    fn pool(&self, grant: Arc<Grant>) -> Pool {
        let open = Arc::<AtomicUsize>::default();
        let tls = Tls::new(self.roots.clone());
        let connector = Connector::new(grant, self.resolve.clone(), tls, open.clone());
        Pool {
            client: client(connector.clone()),
            connector,
            open,
            busy: Arc::default(),
            used: self.clock,
        }
    }
}

impl Pool {
    /// Are there too many idle connections? Each exchange is taken to use one.
    fn is_crowded(&self) -> bool {
        let busy = self.busy.load(Ordering::Relaxed);
        self.open.load(Ordering::Relaxed).saturating_sub(busy) > MOST_IDLE
    }
}

/// Redirects, cookies, proxies and compression: the library knows none of them.
fn client(connector: Connector) -> Client {
    builder()
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .build(connector)
}

fn builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .http1_max_headers(MOST_FIELDS)
        .http1_max_buf_size(MOST_HEAD as usize)
        .http2_max_header_list_size(MOST_HEAD)
        .http2_initial_stream_window_size(WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_TIMEOUT);
    builder
}
