//! The site itself: a story told over HTTP on loopback, with the faults that were asked for.
//!
//! `answer` is the journey of one request; `faults` what goes wrong on purpose; `cursor` and `body` what answers are
//! made of. Here: start, stop, and what can be watched and changed while it runs.

mod answer;
mod body;
mod cursor;
mod faults;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::story::Story;

pub(crate) use body::Pieces;
pub use faults::{Fault, Faults, Route};

/// A running site. Dropping it stops it.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    story: Arc<Story>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    /// Requests per route since the faults were set.
    counted: BTreeMap<Route, u64>,
    /// Requests answered since the start, by route and status.
    answered: BTreeMap<(Route, u16), u64>,
    /// Tokens that are good, with the requests each has served.
    tokens: BTreeMap<String, u64>,
    /// Sign-ins so far.
    sessions: u64,
    now_ms: Option<i64>,
}

impl Shared {
    /// The state. A thread that panicked with the lock held left nothing half-done: every change is one statement.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site {
    /// Starts a site on a free port of 127.0.0.1, on the current tokio runtime. Fails when no port can be bound.
    pub async fn start(story: Arc<Story>, faults: Faults) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { story, state: Mutex::new(State { faults, ..State::default() }) });
        let router = Router::new().fallback(answer::answer).with_state(Arc::clone(&shared));
        // Answers end in small packets; without this each would wait for the reader's delayed acknowledgement.
        let listener = listener.tap_io(|connection| {
            // A connection that refuses the option only is slower.
            let _ = connection.set_nodelay(true);
        });
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async {
                // A dropped sender means the same as a message: the site is no longer wanted.
                let _ = stopped.await;
            };
            // `serve` never returns an error; it retries what `accept` reports.
            let _ = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
        });
        Ok(Self { address, shared, stop: Some(stop), task: Some(task) })
    }

    /// The base URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The story it tells.
    pub fn story(&self) -> &Arc<Story> {
        &self.shared.story
    }

    /// Replaces the faults and begins to count requests anew for them.
    pub fn set_faults(&self, faults: Faults) {
        let mut state = self.shared.state();
        state.counted.clear();
        state.faults = faults;
    }

    /// Hides what happens after this time, or nothing. At the start nothing is hidden.
    pub fn set_now_ms(&self, now_ms: Option<i64>) {
        self.shared.state().now_ms = now_ms;
    }

    /// What was asked since the start and how it was answered. Holds no credentials, queries or ids.
    pub fn requests(&self) -> Requests {
        Requests { answered: self.shared.state().answered.clone() }
    }

    /// Stops taking connections and waits until those under way are done.
    pub async fn shutdown(mut self) {
        self.stop = None;
        if let Some(task) = self.task.take() {
            // An error means that the task panicked or was cancelled with its runtime: stopped either way.
            let _ = task.await;
        }
    }
}

/// Requests by route and status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    answered: BTreeMap<(Route, u16), u64>,
}

impl Requests {
    /// Requests to this route, however answered.
    pub fn to(&self, route: Route) -> u64 {
        self.iter().filter(|(asked, ..)| *asked == route).map(|(.., count)| count).sum()
    }

    /// Requests to this route that were answered with this status.
    pub fn answered(&self, route: Route, status: u16) -> u64 {
        self.answered.get(&(route, status)).copied().unwrap_or(0)
    }

    /// Route, status and number of requests, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Route, u16, u64)> {
        self.answered.iter().map(|((route, status), count)| (*route, *status, *count))
    }
}
