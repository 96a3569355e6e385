//! A simulated Microsoft Graph: token endpoint, users, mail folders, messages, attachments, upload sessions, batches.
//!
//! It behaves as the real one is documented or reported to, where that matters to somebody who writes archived items:
//! a message sent as MIME, or without the property `0x0E07`, is a draft for ever; a change of that property says 200
//! and does nothing; property ids come back in another spelling; values are compared without regard to case; a folder
//! that exists is a 409; attachments of 3 MB and more need a session; every mailbox serves four requests at once and
//! so many in ten minutes, those of a batch counted one by one; ids are long and change with the folder unless
//! immutable ones are asked for; people are addressed by object id or user principal name, not by other addresses.
//!
//! It keeps what it was sent, so that a test can count and compare. `answer` is the journey of one request, `mail` what
//! is done to a mailbox, `store` what is kept, `filter` the few queries it understands, `faults` what goes wrong on
//! purpose.

mod answer;
mod faults;
mod filter;
mod mail;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use faults::{GraphFault, GraphFaults, GraphRoute, MailboxTrouble};
pub use store::{GraphAttachment, GraphMessage};

use store::Mailbox;

/// What a simulated tenant is like.
#[derive(Clone, Debug)]
pub struct GraphOptions {
    /// Tenant, as it stands in the token endpoint's path.
    pub tenant: String,
    /// The application's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Thumbprint (`x5t#S256`) of the certificate with which it may sign in instead; the signature is not checked.
    pub certificate_sha256: Option<String>,
    /// What tokens say in `roles`.
    pub roles: Vec<String>,
    /// Who is in the directory.
    pub users: Vec<GraphUser>,
    /// Requests a mailbox serves at once.
    pub at_once_max: usize,
    /// Requests a mailbox serves within [`GraphOptions::requests_window`].
    pub requests_max: usize,
    /// Length of the window in which requests are counted.
    pub requests_window: Duration,
    /// How long a request takes, so that requests meet.
    pub work_time: Duration,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self {
            tenant: "contoso.example".to_owned(),
            client_id: "6f0e0000-0000-4000-8000-000000000001".to_owned(),
            client_secret: "graph-secret-7391".to_owned(),
            certificate_sha256: None,
            roles: ["Mail.ReadWrite", "User.Read.All"].map(str::to_owned).to_vec(),
            users: Vec::new(),
            at_once_max: 4,
            requests_max: 10_000,
            requests_window: Duration::from_secs(600),
            work_time: Duration::from_millis(2),
        }
    }
}

/// Somebody in the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphUser {
    /// Object id.
    pub id: String,
    /// `userPrincipalName`.
    pub principal: String,
    /// Primary SMTP address; none for somebody without a mailbox.
    pub mail: Option<String>,
    /// Further addresses, as `proxyAddresses` writes them (`smtp:a@b`).
    pub proxies: Vec<String>,
    /// Bytes the mailbox may hold.
    pub quota_bytes: Option<u64>,
}

impl GraphUser {
    /// Somebody whose address is also the principal name.
    pub fn simple(address: &str) -> Self {
        Self {
            id: object_id(address),
            principal: address.to_owned(),
            mail: Some(address.to_owned()),
            proxies: vec![format!("SMTP:{address}")],
            quota_bytes: None,
        }
    }
}

/// A made-up object id, the same for the same name.
fn object_id(name: &str) -> String {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("00000000-0000-4000-8000-{:012x}", hash & 0xffff_ffff_ffff)
}

/// A running double. Dropping it stops it.
#[derive(Debug)]
pub struct Graph {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    options: GraphOptions,
    /// Where upload sessions are answered.
    url: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: GraphFaults,
    /// Requests per route since the faults were set.
    counted: BTreeMap<GraphRoute, u64>,
    /// Requests answered since the start, by route and status.
    answered: BTreeMap<(GraphRoute, u16), u64>,
    /// Requests that came without `client-request-id`.
    nameless: u64,
    tokens: BTreeSet<String>,
    issued: u64,
    /// Mailboxes by object id.
    mailboxes: BTreeMap<String, Mailbox>,
    /// Upload sessions under way: mailbox, message and file.
    sessions: BTreeMap<u64, store::Session>,
    serial: u64,
}

impl State {
    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

impl Shared {
    /// The state. A thread that panicked with the lock held left nothing half-done that a test would go on with.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user that a path names: by object id or principal name.
    fn user(&self, name: &str) -> Option<&GraphUser> {
        self.options.users.iter().find(|user| user.id == name || user.principal.eq_ignore_ascii_case(name))
    }
}

impl Graph {
    /// Starts a double on a free port of 127.0.0.1, on the current tokio runtime. Fails when no port can be bound.
    pub async fn start(options: GraphOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}");
        let shared = Arc::new(Shared { options, url, state: Mutex::default() });
        let router = Router::new().fallback(answer::answer).with_state(Arc::clone(&shared));
        let listener = listener.tap_io(|connection| {
            // A connection that refuses the option only is slower.
            let _ = connection.set_nodelay(true);
        });
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async {
                // A dropped sender means the same as a message: nobody wants it any more.
                let _ = stopped.await;
            };
            // `serve` never returns an error; it retries what `accept` reports.
            let _ = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
        });
        Ok(Self { address, shared, stop: Some(stop), task: Some(task) })
    }

    /// The base URL, without a slash at the end: `endpoint` of a destination, and where tokens are given out.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was started with.
    pub fn options(&self) -> &GraphOptions {
        &self.shared.options
    }

    /// Replaces the faults and begins to count requests anew for them.
    pub fn set_faults(&self, faults: GraphFaults) {
        let mut state = self.shared.state();
        state.counted.clear();
        state.faults = faults;
    }

    /// Everything in all mailboxes but what was removed, by mailbox address.
    pub fn messages(&self) -> Vec<GraphMessage> {
        let state = self.shared.state();
        let of_user = |user: &GraphUser| {
            let address = user.mail.clone().unwrap_or_else(|| user.principal.clone());
            state.mailboxes.get(&user.id).map(|mailbox| mailbox.messages(&address)).unwrap_or_default()
        };
        self.shared.options.users.iter().flat_map(of_user).collect()
    }

    /// Names of the folders that were made in a mailbox.
    pub fn folders(&self, principal: &str) -> Vec<String> {
        let state = self.shared.state();
        let mailbox = self.shared.user(principal).and_then(|user| state.mailboxes.get(&user.id));
        mailbox.map(Mailbox::folder_names).unwrap_or_default()
    }

    /// Removes a message, as a user does.
    pub fn remove(&self, message: &GraphMessage) {
        let mut state = self.shared.state();
        for mailbox in state.mailboxes.values_mut() {
            mailbox.remove(&message.id);
        }
    }

    /// Moves a message to another folder, as a user does.
    pub fn move_to(&self, message: &GraphMessage, folder: &str) {
        let mut state = self.shared.state();
        for kept in state.mailboxes.values_mut().filter_map(|mailbox| mailbox.find(&message.id)) {
            folder.clone_into(&mut kept.folder);
        }
    }

    /// Copies a message within its folder, as a user does.
    pub fn double(&self, message: &GraphMessage) {
        let mut state = self.shared.state();
        let id = store::long_id('M', state.next_serial());
        for mailbox in state.mailboxes.values_mut() {
            if let Some(kept) = mailbox.find(&message.id).cloned() {
                mailbox.keep(GraphMessage { id: id.clone(), ..kept });
            }
        }
    }

    /// The most requests that were under way at once in any mailbox.
    pub fn at_once_peak(&self) -> usize {
        self.shared.state().mailboxes.values().map(|mailbox| mailbox.peak).max().unwrap_or(0)
    }

    /// Requests to this route that were answered with this status, since the start.
    pub fn answered(&self, route: GraphRoute, status: u16) -> u64 {
        self.shared.state().answered.get(&(route, status)).copied().unwrap_or(0)
    }

    /// Requests to this route, however answered.
    pub fn asked(&self, route: GraphRoute) -> u64 {
        self.shared.state().answered.iter().filter(|((of, _), _)| *of == route).map(|(_, count)| count).sum()
    }

    /// Requests without a `client-request-id`.
    pub fn nameless(&self) -> u64 {
        self.shared.state().nameless
    }

    /// Upload sessions that were begun and neither ended nor given up.
    pub fn open_sessions(&self) -> usize {
        self.shared.state().sessions.len()
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
