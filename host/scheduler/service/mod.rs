//! The service: waits for schedules and runs turns, until it is stopped.
//!
//! What lives here: when a schedule comes ([`occurrence`]), which turns begin now ([`plan`]), what they are doing
//! ([`live`], [`status`]), and the loop that puts this together. The first two have no clock, so that weeks are simulated
//! in a test. What may not: what happens inside a turn, words for people, HTTP.
//!
//! The loop never sleeps for long and asks the wall clock anew each time: a machine that slept, or whose clock was set,
//! is noticed within a minute. What is due follows from stored facts: when the last turn began, and whether it was left.

mod live;
mod occurrence;
mod plan;
mod retries;
#[cfg(test)]
mod simulation;
mod status;
#[cfg(test)]
mod tests;
mod watching;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    task::{Id, JoinError, JoinSet},
};

use super::{
    Host, Lane, Sync, check,
    clock::{self, Clocks, Doubt, Past},
    pauses, sync, turns,
};
use crate::{
    config::Config,
    item::{Failure, NextMove, TimestampMs, limits},
    pipeline,
    state::StateError,
};
use live::Live;
use occurrence::Timetable;
use plan::Plan;
use retries::Job;

pub use live::Running;
pub use retries::{Asked, Retrying};
pub use status::{ConnectorStatus, Doing, Failed, Health};

/// A handle on the service; clones share it.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    /// The host with the configuration in force; none once the service has stopped.
    host: Mutex<Option<Arc<Host>>>,
    plan: Mutex<Plan>,
    live: Mutex<BTreeMap<String, Arc<Live>>>,
    /// What somebody asked to be tried again, and how that stands.
    jobs: Mutex<VecDeque<Job>>,
    retries: Mutex<BTreeMap<String, Retrying>>,
    /// How each connector's last turn failed, if it did, and how many ended well or not since the start.
    outcomes: Mutex<BTreeMap<String, Outcomes>>,
    clocks: Clocks,
    wake: Notify,
    /// What is the matter may be another by now: a turn has ended, the configuration was read, or the service is stopping.
    watch_now: Notify,
    changed: watch::Sender<u64>,
    stopping: Arc<AtomicBool>,
    /// When the loop last looked, by the time since the machine's start.
    looked_uptime_ms: AtomicI64,
}

/// What became of a connector's turns since the service was started.
#[derive(Clone, Debug, Default)]
struct Outcomes {
    done: u64,
    failed: u64,
    failure: Option<Failure>,
}

/// What is under way, and for which connector.
type Names = BTreeMap<Id, (String, Work)>;

/// What is done for a connector.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// What its schedule asks for.
    Turn,
    /// Trying again what is parked.
    Retry,
}

/// How the service ended.
pub struct Stopped {
    /// The host, whose state is to be closed.
    pub host: Arc<Host>,
    /// Connectors whose turns were left in the middle. The next start goes on with them.
    pub left: Vec<String>,
    /// Some of them did not come to the end of a page in time: they may still write, so that the data folder must be held
    /// until the process is gone.
    pub is_cut_off: bool,
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service {
    /// A service for this host; nothing runs before [`Service::run`].
    ///
    /// # Errors
    /// When the ledger of acts cannot be read.
    pub fn new(host: Host) -> Result<Self, StateError> {
        let clocks = host.clocks.clone();
        let now_ms = (clocks.wall_ms)();
        for connector in &host.config.connectors {
            let mut last = turns::read(&host, &connector.name);
            if last.known_ms.is_none() {
                last.known_ms = Some(now_ms);
                if let Err(failure) = turns::write(&host, &connector.name, &last) {
                    tracing::warn!(connector = connector.name, code = failure.code, "{failure}");
                }
            }
        }
        let service = Self(Arc::new(Inner {
            looked_uptime_ms: AtomicI64::new((clocks.uptime_ms)()),
            host: Mutex::new(None),
            plan: Mutex::default(),
            live: Mutex::default(),
            jobs: Mutex::default(),
            retries: Mutex::default(),
            outcomes: Mutex::default(),
            clocks,
            wake: Notify::new(),
            watch_now: Notify::new(),
            changed: watch::Sender::new(0),
            stopping: Arc::default(),
        }));
        service.adopt(Arc::new(host))?;
        Ok(service)
    }

    /// Runs turns as their schedules say, until [`Service::stop`]. Turns under way are then given some time to come to
    /// the end of a page; what is left after that is as safe as after a crash, and named.
    ///
    /// `idle` is called whenever the last turn under way has ended.
    ///
    /// # Errors
    /// None of a connector's: those are its own. Only when it was run to its end before.
    pub async fn run(&self, idle: impl Fn()) -> Result<Stopped, Failure> {
        let mut turns: JoinSet<Option<Failure>> = JoinSet::new();
        let mut names: Names = BTreeMap::new();
        let watching = tokio::spawn(self.clone().watch());
        let mut earlier = self.0.clocks.read();
        // A step while nothing ran here shows against the reading of the last turns.
        if let Some(doubt) = self.host().and_then(|host| clock::look(&host.config.data_dir, &host.clocks)) {
            self.moved(doubt, earlier.wall_ms);
        }
        while !self.is_stopping() {
            let now = self.0.clocks.read();
            if let Some(doubt) = clock::doubt(&now, &Past { earlier: Some(earlier), ..Past::default() }) {
                self.moved(doubt, now.wall_ms);
            }
            earlier = now;
            self.0.looked_uptime_ms.store(now.uptime_ms, Ordering::Relaxed);
            let look = unpoisoned(&self.0.plan).look(now.wall_ms);
            if let Some(host) = self.host().filter(|_| !look.begin.is_empty()) {
                clock::look(&host.config.data_dir, &host.clocks);
            }
            for (name, moved) in look.begin {
                let id = turns.spawn(self.clone().turn(name.clone(), moved)).id();
                names.insert(id, (name, Work::Turn));
            }
            for job in self.take_jobs() {
                let name = job.name().to_owned();
                let id = turns.spawn(self.clone().do_job(job)).id();
                names.insert(id, (name, Work::Retry));
            }
            let sleep = look.next_ms.map_or(limits::SERVICE_SLEEP_MAX, |next_ms| {
                // A little later than due, never earlier.
                let wait_ms = next_ms.saturating_sub(now.wall_ms).saturating_add(1).max(1);
                Duration::from_millis(wait_ms.unsigned_abs()).min(limits::SERVICE_SLEEP_MAX)
            });
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                () = self.0.wake.notified() => {}
                Some(ended) = turns.join_next_with_id() => {
                    self.ended(ended, &mut names);
                    if turns.is_empty() {
                        idle();
                    }
                }
            }
        }
        // Who asked for them hears that they do not begin any more.
        unpoisoned(&self.0.jobs).clear();
        let (left, mut is_cut_off) = self.end_turns(&mut turns, names).await;
        self.0.watch_now.notify_one();
        let watch_is_over = watching.abort_handle();
        if tokio::time::timeout(limits::STOP_TIME_MAX, watching).await.is_err() {
            watch_is_over.abort();
            is_cut_off = true;
        }
        let host = unpoisoned(&self.0.host).take();
        self.changed();
        let host =
            host.ok_or_else(|| Failure::new("state-closed", NextMove::Stop, "the service was run to its end before"))?;
        Ok(Stopped { host, left, is_cut_off })
    }

    /// Waits for the turns under way, for so long; names those that were left, and says whether any was cut off.
    async fn end_turns(&self, turns: &mut JoinSet<Option<Failure>>, mut names: Names) -> (Vec<String>, bool) {
        let in_time = tokio::time::timeout(limits::STOP_TIME_MAX, async {
            while let Some(ended) = turns.join_next_with_id().await {
                self.ended(ended, &mut names);
            }
        });
        let is_cut_off = in_time.await.is_err();
        if is_cut_off {
            turns.shutdown().await;
        }
        // Those that came to the end of a page in time, and those that did not.
        let left: Vec<String> = unpoisoned(&self.0.plan)
            .entries()
            .filter(|(name, entry)| {
                entry.is_running || names.values().any(|(of, _)| of == name) || entry.last.was_left()
            })
            .filter(|(_, entry)| entry.last.began_ms.is_some())
            .map(|(name, _)| name.to_owned())
            .collect();
        unpoisoned(&self.0.live).clear();
        (left, is_cut_off)
    }

    /// One connector's turn; what ended it early.
    async fn turn(self, name: String, moved: Option<Doubt>) -> Option<Failure> {
        let host = self.host()?;
        // Taken out, or not there yet, while a configuration is taken over: looked at again at once.
        let Some(connector) = host.config.connector(&name) else { return Some(pipeline::stopped(&name)) };
        let began_ms = (host.clocks.wall_ms)();
        if moved.is_none() {
            // Nobody moved it, or that was refused before and stands as it is.
            host.steady.follow(&host.clocks);
        }
        let (uptime_ms, stopping) = (Arc::clone(&host.clocks.uptime_ms), Arc::clone(&self.0.stopping));
        let live = Arc::new(Live::new(began_ms, uptime_ms, stopping, self.0.changed.clone()));
        unpoisoned(&self.0.live).insert(name.clone(), Arc::clone(&live));
        self.changed();
        tracing::info!(connector = name, "a turn begins");
        let what = Sync { now_ms: began_ms, lane: Lane::Due };
        let outcome = sync::one(&host, connector, &what, moved, live).await;
        for announcement in host.state.take_announcements() {
            tracing::warn!(connector = announcement.connector, "{}", announcement.text);
        }
        tracing::info!(
            connector = name,
            windows = outcome.windows.len(),
            seconds = ((host.clocks.wall_ms)() - began_ms) / 1_000,
            "the turn {}",
            if outcome.failure.is_none() { "is done" } else { "failed" }
        );
        outcome.failure
    }

    fn record(&self, name: &str, failure: Option<Failure>) {
        let mut outcomes = unpoisoned(&self.0.outcomes);
        let outcomes = outcomes.entry(name.to_owned()).or_default();
        match &failure {
            None => outcomes.done += 1,
            Some(failure) if failure.code == pipeline::STOPPED => {}
            Some(_) => outcomes.failed += 1,
        }
        outcomes.failure = failure;
    }

    /// Tidies up after a turn, also one that ended unexpectedly.
    fn ended(&self, ended: Result<(Id, Option<Failure>), JoinError>, names: &mut Names) {
        let (id, failure, unexpected) = match ended {
            Ok((id, failure)) => (id, failure, false),
            Err(error) => (error.id(), Some(Failure::new("host-panic", NextMove::Stop, error.to_string())), true),
        };
        let Some(((name, work), host)) = names.remove(&id).zip(self.host()) else { return };
        if work == Work::Retry {
            if let Some(failure) = failure.as_ref().filter(|_| unexpected) {
                tracing::error!(connector = name, code = failure.code, "the retry ended unexpectedly: {failure}");
                self.retry_failed(&name, failure);
            }
            unpoisoned(&self.0.live).remove(&name);
            unpoisoned(&self.0.plan).release(&name);
            self.0.watch_now.notify_one();
            self.changed();
            return;
        }
        if let Some(failure) = failure.as_ref().filter(|_| unexpected) {
            tracing::error!(connector = name, code = failure.code, "the turn ended unexpectedly: {failure}");
            if let Err(failure) = turns::end(&host, &name, Some(failure)) {
                tracing::warn!(connector = name, code = failure.code, "{failure}");
            }
        }
        unpoisoned(&self.0.live).remove(&name);
        unpoisoned(&self.0.plan).ended(&name, (host.clocks.wall_ms)(), failure.as_ref());
        self.record(&name, failure);
        self.0.watch_now.notify_one();
        self.changed();
    }

    fn moved(&self, doubt: Doubt, now_ms: TimestampMs) {
        tracing::warn!("the clock was moved: {doubt:?}");
        unpoisoned(&self.0.plan).moved(doubt, now_ms);
    }

    /// The host with the configuration in force; none once the service has stopped.
    pub fn host(&self) -> Option<Arc<Host>> {
        unpoisoned(&self.0.host).clone()
    }

    /// Runs a connector's turn now, or after the one under way; also of a paused one. False: there is no such connector.
    pub fn run_now(&self, name: &str) -> bool {
        let asked = unpoisoned(&self.0.plan).ask(name);
        self.0.wake.notify_one();
        self.changed();
        asked
    }

    /// Pauses a connector: no turn begins, one under way ends by itself. False: it was paused already.
    ///
    /// # Errors
    /// When the act cannot be recorded; nothing is paused then.
    pub async fn pause(&self, name: &str, actor: &str, reason: &str) -> Result<bool, Failure> {
        self.set_pause(name, actor, reason, true).await
    }

    /// Resumes a connector. False: it was not paused.
    ///
    /// # Errors
    /// As [`Service::pause`].
    pub async fn resume(&self, name: &str, actor: &str, reason: &str) -> Result<bool, Failure> {
        self.set_pause(name, actor, reason, false).await
    }

    async fn set_pause(&self, name: &str, actor: &str, reason: &str, pause: bool) -> Result<bool, Failure> {
        let host =
            self.host().ok_or_else(|| Failure::new("state-closed", NextMove::Stop, "the service has stopped"))?;
        let [connector, actor, reason] = [name, actor, reason].map(str::to_owned);
        let change = move || {
            let change = if pause { pauses::pause } else { pauses::resume };
            let changed = change(&host.state, &connector, &actor, &reason)?;
            Ok::<_, Failure>((changed, pauses::in_force(&host.state)?.remove(&connector)))
        };
        let (changed, in_force) = pipeline::blocking(change).await?;
        unpoisoned(&self.0.plan).set_pause(name, in_force);
        self.0.wake.notify_one();
        self.changed();
        Ok(changed)
    }

    /// Reads the configuration again. It is checked whole first, plugins and secrets included; turns under way end with
    /// what they began with.
    ///
    /// # Errors
    /// `reload-refused`: the configuration before stays in force.
    pub async fn reload(&self) -> Result<(), Failure> {
        let before =
            self.host().ok_or_else(|| Failure::new("state-closed", NextMove::Stop, "the service has stopped"))?;
        let refused = |why: String, hint: Option<String>| {
            let failure = Failure::new(
                "reload-refused",
                NextMove::AskPerson,
                format!("the changed configuration is not taken, the one before stays in force: {why}"),
            );
            failure.hint(hint.unwrap_or_else(|| "mend it, then send SIGHUP again".to_owned()))
        };
        let config =
            Config::load(&before.config.file).map_err(|error| refused(error.to_string(), error.hint.clone()))?;
        if config.data_dir != before.config.data_dir {
            let why = format!("`data_dir` is now `{}`", config.data_dir.display());
            return Err(refused(why, Some("stop the service and start it again to use another data folder".into())));
        }
        let host = before.with(config).map_err(|failure| refused(failure.message, failure.hint))?;
        for connector in &host.config.connectors {
            check::prove(&host, connector).await.map_err(|failure| {
                let why = format!("connector `{}`: {} ({})", connector.name, failure.message, failure.code);
                refused(why, failure.hint)
            })?;
        }
        if self.is_stopping() {
            return Err(refused("the service is stopping".to_owned(), Some("start it again".to_owned())));
        }
        self.adopt(Arc::new(host)).map_err(|error| refused(error.to_string(), None))?;
        self.0.watch_now.notify_one();
        self.0.wake.notify_one();
        self.changed();
        Ok(())
    }

    fn adopt(&self, host: Arc<Host>) -> Result<(), StateError> {
        let pauses = pauses::in_force(&host.state)?;
        let config = &host.config;
        let last = |name: &str| turns::read(&host, name);
        let timetables = config.connectors.iter().map(|connector| {
            let (name, schedule) = (connector.name.clone(), connector.schedule.clone());
            let timetable = schedule.map(|schedule| Timetable::new(&name, schedule, connector.jitter_ms));
            (name, timetable)
        });
        unpoisoned(&self.0.plan).configure(timetables, config.connectors_at_once_max, &pauses, last);
        *unpoisoned(&self.0.host) = Some(host);
        Ok(())
    }

    /// Asks the service to stop: turns under way come to the end of a page.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
        self.0.wake.notify_one();
        self.changed();
    }

    /// Whether it was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Relaxed)
    }

    /// Tells of every change by a number that grows; what changed is in [`Service::connectors`].
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    fn changed(&self) {
        self.0.changed.send_modify(|count| *count += 1);
    }
}
