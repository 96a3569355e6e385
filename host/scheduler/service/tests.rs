//! The loop itself with a real data folder and a real plugin, and clocks that are moved by hand.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use super::{ConnectorStatus, Doing, Retrying, Service};
use crate::{
    config::Config,
    item::time::parse_instant,
    pipeline::Selection,
    scheduler::{
        Host,
        clock::{Clocks, ReadMs},
    },
    state::State,
};

const HOUR_MS: i64 = 3_600_000;

const CONFIGURATION: &str = r#"
data_dir = "data"

[[connector]]
name = "exports"
schedule = "hourly"
source = { plugin = "whatsapp-export", settings = { path = "inbox", zone = "Europe/Berlin", owner = "anna@example.com" } }
mapper = { plugin = "users", settings = { automatic = true } }
converter = { plugin = "email" }
destinations = [{ kind = "maildir", root = "mail", mailboxes = { domains = ["example.com"] } }]
grant = { source = { folders = ["inbox"] } }
"#;

/// A machine's clocks in a test's hands.
struct Machine {
    wall_ms: Arc<AtomicI64>,
    uptime_ms: Arc<AtomicI64>,
}

impl Machine {
    fn clocks(&self) -> Clocks {
        let read = |clock: &Arc<AtomicI64>| -> ReadMs {
            let clock = Arc::clone(clock);
            Arc::new(move || clock.load(Ordering::SeqCst))
        };
        Clocks { wall_ms: read(&self.wall_ms), uptime_ms: read(&self.uptime_ms), boot: [1; 16] }
    }
}

fn service(folder: &Path, machine: &Machine) -> Service {
    let file = folder.join("chancery.toml");
    fs::write(&file, CONFIGURATION).expect("written");
    fs::create_dir(folder.join("inbox")).expect("a folder");
    State::create(&folder.join("data")).expect("a data folder");
    let config = Config::load(&file).expect("a configuration");
    let (host, _) = Host::open(config, machine.clocks()).expect("a host");
    Service::new(host).expect("a service")
}

/// Waits until this is so of the one connector.
async fn until(service: &Service, is_so: impl Fn(&ConnectorStatus) -> bool) -> ConnectorStatus {
    let mut changes = service.changes();
    loop {
        let status = service.connectors().remove(0);
        if is_so(&status) {
            return status;
        }
        changes.changed().await.expect("the service lives");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_does_what_is_asked_and_follows_a_moved_clock_once_it_was_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let start_ms = parse_instant("2026-11-22T12:00:00Z").expect("an instant");
    let machine = Machine { wall_ms: Arc::new(AtomicI64::new(start_ms)), uptime_ms: Arc::new(AtomicI64::new(HOUR_MS)) };
    let service = service(folder.path(), &machine);
    let idle = Arc::new(AtomicI64::new(0));
    let running = tokio::spawn({
        let (service, idle) = (service.clone(), Arc::clone(&idle));
        async move { service.run(move || _ = idle.fetch_add(1, Ordering::SeqCst)).await }
    });

    let status = until(&service, |status| status.turns_done == 1 && status.doing == Doing::Idle).await;
    assert_eq!(status.last.began_ms, Some(start_ms), "the first look is at once");
    assert!(status.next_ms > Some(start_ms), "{status:?}");
    assert!(!service.run_now("nobody"));

    // Somebody sets the clock: the next turn is refused, what is written meanwhile is stamped as if nothing had happened.
    machine.wall_ms.fetch_add(2 * HOUR_MS, Ordering::SeqCst);
    assert!(service.run_now("exports"));
    let status = until(&service, |status| status.turns_failed == 1 && status.doing == Doing::Retrying).await;
    assert_eq!(status.last.code.as_deref(), Some("clock-stepped"));
    assert_eq!(status.failure.map(|failure| failure.code).as_deref(), Some("clock-stepped"));
    assert!(service.pause("exports", "anna", "the clock").await.expect("paused"));
    let pause = until(&service, |status| status.pause.is_some()).await.pause.expect("a pause");
    assert_eq!((pause.since_ms, &*pause.by), (start_ms, "anna"));
    assert!(service.resume("exports", "anna", "").await.expect("resumed"));

    // The next takes the clock as it is, and so does the ledger.
    assert!(service.run_now("exports"));
    let status = until(&service, |status| status.turns_done == 2 && status.doing == Doing::Idle).await;
    assert_eq!((status.failure, status.last.failures), (None, 0));
    assert!(service.pause("exports", "anna", "").await.expect("paused"));
    assert!(!service.pause("exports", "bert", "").await.expect("paused before"));
    let pause = until(&service, |status| status.doing == Doing::Paused).await.pause.expect("a pause");
    assert_eq!((pause.since_ms, &*pause.by), (start_ms + 2 * HOUR_MS, "anna"));

    // Who asks by name gets a turn all the same.
    assert!(service.run_now("exports"));
    until(&service, |status| status.turns_done == 3 && status.doing == Doing::Paused).await;

    fs::write(folder.path().join("chancery.toml"), CONFIGURATION.replace("hourly", "sometimes")).expect("written");
    let refused = service.reload().await.expect_err("refused");
    assert_eq!(refused.code, "reload-refused");
    assert_eq!(service.connectors()[0].schedule.as_deref(), Some("hourly"));
    fs::write(folder.path().join("chancery.toml"), CONFIGURATION.replace("hourly", "daily at 02:00")).expect("written");
    service.reload().await.expect("taken");
    let status = service.connectors().remove(0);
    assert_eq!((status.schedule.as_deref(), status.doing), (Some("daily at 02:00"), Doing::Paused));

    assert_eq!(service.health().problems, [""; 0]);
    machine.uptime_ms.fetch_add(10 * 60_000, Ordering::SeqCst);
    assert_eq!(service.health().problems, ["the scheduler has not looked for 600 seconds"]);
    service.stop();
    let stopped = running.await.expect("it ends").expect("it was run once");
    assert_eq!(stopped.left, [""; 0]);
    assert!(!stopped.is_cut_off);
    assert_eq!(idle.load(Ordering::SeqCst), 4, "after each turn");
    assert!(service.connectors().is_empty() && service.host().is_none());
    let host = Arc::into_inner(stopped.host).expect("nobody else holds it");
    host.state.close().expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_can_never_begin_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let start_ms = parse_instant("2026-11-22T12:00:00Z").expect("an instant");
    let machine = Machine { wall_ms: Arc::new(AtomicI64::new(start_ms)), uptime_ms: Arc::new(AtomicI64::new(HOUR_MS)) };
    let service = service(folder.path(), &machine);
    let everything = || Selection { reason: None, item: None };
    let refused = service.retry("nobody", everything(), "anna").await.expect_err("refused");
    assert_eq!(refused.code, "connector-unknown");

    // Its connector is taken out of the configuration while it waits.
    let asked = service.retry("exports", everything(), "anna").await.expect("it waits");
    assert_eq!(service.retrying("exports"), Some(Retrying::Waiting));
    let other = CONFIGURATION.replace("name = \"exports\"", "name = \"other\"");
    fs::write(folder.path().join("chancery.toml"), other).expect("written");
    service.reload().await.expect("taken");
    let running = tokio::spawn({
        let service = service.clone();
        async move { service.run(|| {}).await }
    });
    let answer = tokio::time::timeout(std::time::Duration::from_secs(60), asked.done()).await.expect("answered");
    assert_eq!(answer.expect_err("it is not there").code, "connector-unknown");
    assert!(
        matches!(service.retrying("exports"), Some(Retrying::Failed { failure, .. }) if failure.code == "connector-unknown")
    );

    // The service is stopping, and does not look for jobs any more.
    service.stop();
    if let Err(refused) = service.retry("other", everything(), "anna").await {
        assert_eq!(refused.code, "state-closed");
    } else {
        panic!("nobody would begin it");
    }
    running.await.expect("it ends").expect("it was run once");
}
