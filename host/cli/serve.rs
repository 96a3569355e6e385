//! `chancery serve`: waits for schedules and runs turns, until it is stopped.

use std::{io, io::Write as _, process::ExitCode, sync::Arc};

use secrecy::ExposeSecret as _;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{Mutex, oneshot},
    task::JoinHandle,
};

use super::{
    arguments::Serve as Command,
    context::{Context, now_ms},
    error::{self, CliError},
    running,
};
use crate::{
    console::{self, Door},
    item::{Failure, limits::SETUP_LINK_TIME_MAX},
    network::ServerCertificate,
    scheduler::service::{Service, Stopped},
};

pub(super) async fn run(context: &Context, command: Command, idle: fn()) -> Result<ExitCode, CliError> {
    let mut signals = Signals::new()?;
    // Before anything is touched: an address in use shall cost nothing.
    let listener = console::listen(command.listen, &context.config()?.console).await?;
    let address = listener.local_addr()?;
    let host = context.host()?;
    let (data_dir, console) = (host.config.data_dir.clone(), host.config.console.clone());
    let people = context.people(&host)?;
    let service = Service::new(host)?;
    let door = Door::new(listener, service.clone(), Arc::clone(&people), &console)?;
    let commands = match running::listen(&data_dir) {
        Ok(listener) => Some(tokio::spawn(running::serve(listener, service.clone(), Arc::clone(&people)))),
        Err(error) => {
            tracing::warn!("commands cannot reach this service while it runs, `{}`: {error}", data_dir.display());
            None
        }
    };
    let (stop_answering, stopped) = oneshot::channel::<()>();
    let stopped = async move { drop(stopped.await) };
    // To stdout, which is no log: with port 0 whoever started it has to learn the address, and the link is a secret.
    let mut said = format!("listening on {}://{address}\n", if console.tls.is_some() { "https" } else { "http" });
    if people.is_empty() {
        let link = people.setup_link(now_ms())?;
        said += &format!("set up: {}\n", door.address(&format!("/link/{}", link.expose_secret())));
        let minutes = SETUP_LINK_TIME_MAX.as_secs() / 60;
        said += &format!(
            "(works once, within {minutes} minutes; the next start prints another while nobody has an account)\n"
        );
    }
    // A service does not end because nobody listens to what it says.
    if let Err(error) = io::stdout().write_all(said.as_bytes()) {
        tracing::warn!("the address and the link for setting up cannot be told, stdout is closed: {error}");
    }
    let (certificate, refused) = (door.certificate(), door.refused());
    let answering = tokio::spawn(console::serve(door, stopped));
    tracing::info!(connectors = service.connectors().len(), "the service runs");
    let turns = tokio::spawn({
        let service = service.clone();
        async move { service.run(idle).await }
    });
    let ended = supervise(&service, certificate, turns, &mut signals).await?;
    if let Some(commands) = commands {
        commands.abort();
        drop(commands.await);
    }
    drop(stop_answering);
    drop(answering.await);
    drop(service);
    let Stopped { host, left, is_cut_off } = ended;
    refused.record(&host);
    if left.is_empty() {
        tracing::info!("stopped; no turn was under way");
    } else {
        tracing::info!("stopped; left where they are, and gone on with at the next start: {}", left.join(", "));
    }
    if is_cut_off {
        // A call that cannot be ended may still write: nobody else gets the data folder before this process is gone.
        std::mem::forget(host);
        return Ok(error::DONE.into());
    }
    match Arc::into_inner(host) {
        Some(host) => host.state.close()?,
        // As safe as a crash: the next start looks through the end of the record.
        None => tracing::warn!("something still reads the record; it is not closed, and checked at the next start"),
    }
    Ok(error::DONE.into())
}

/// Waits for the service's end and does what signals say.
async fn supervise(
    service: &Service,
    certificate: Option<ServerCertificate>,
    mut turns: JoinHandle<Result<Stopped, Failure>>,
    signals: &mut Signals,
) -> Result<Stopped, CliError> {
    let reloading = Arc::new(Mutex::new(()));
    loop {
        tokio::select! {
            ended = &mut turns => {
                return Ok(ended.map_err(|error| CliError::failed(format!("the scheduler ended unexpectedly: {error}")))??);
            }
            said = signals.next() => if said == Said::Reload {
                // Beside this, so that a signal to stop is heard meanwhile; one after the other.
                let (service, certificate, one) = (service.clone(), certificate.clone(), Arc::clone(&reloading));
                tokio::spawn(async move {
                    let _one = one.lock().await;
                    reload(&service, certificate.as_ref()).await;
                });
            } else {
                if service.is_stopping() {
                    turns.abort();
                    // As with a turn that is cut off.
                    std::mem::forget(service.host());
                    let ended = CliError::failed("ended at the second signal; turns are left where they are");
                    return Err(ended.hint("nothing is lost: the next start goes on there"));
                }
                tracing::info!("stopping: turns under way come to the end of a page; a second signal ends at once");
                service.stop();
            }
        }
    }
}

async fn reload(service: &Service, certificate: Option<&ServerCertificate>) {
    let mut done = service.reload().await;
    let tls = service.host().and_then(|host| host.config.console.tls.clone());
    if let (Ok(()), Some(certificate), Some(tls)) = (&done, certificate, tls) {
        done = certificate.replace(&tls.certificate, &tls.key);
    }
    match done {
        Ok(()) => tracing::info!(connectors = service.connectors().len(), "the configuration was read again"),
        Err(failure) => {
            let hint = error::hint(&failure).unwrap_or_default();
            tracing::error!(code = failure.code, hint, "{}", failure.message);
        }
    }
}

/// What a signal means.
#[derive(PartialEq)]
enum Said {
    Stop,
    Reload,
}

/// What the service listens to from the system.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let [terminate, interrupt, hangup] =
            [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
        Ok(Self { terminate: terminate?, interrupt: interrupt?, hangup: hangup? })
    }

    async fn next(&mut self) -> Said {
        tokio::select! {
            _ = self.terminate.recv() => Said::Stop,
            _ = self.interrupt.recv() => Said::Stop,
            _ = self.hangup.recv() => Said::Reload,
        }
    }
}
