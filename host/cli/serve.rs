//! `chancery serve`: waits for schedules and runs turns, until it is stopped.

use std::{io, process::ExitCode, sync::Arc};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{Mutex, oneshot},
    task::JoinHandle,
};

use super::{
    arguments::Serve as Command,
    context::Context,
    error::{self, CliError},
    running,
};
use crate::{
    console,
    item::Failure,
    scheduler::service::{Service, Stopped},
};

pub(super) async fn run(context: &Context, command: Command, idle: fn()) -> Result<ExitCode, CliError> {
    let mut signals = Signals::new()?;
    // Before anything is touched: an address in use shall cost nothing.
    let listener = console::listen(command.listen).await?;
    let address = listener.local_addr()?;
    let host = context.host()?;
    let data_dir = host.config.data_dir.clone();
    let service = Service::new(host)?;
    let commands = match running::listen(&data_dir) {
        Ok(listener) => Some(tokio::spawn(running::serve(listener, service.clone()))),
        Err(error) => {
            tracing::warn!("commands cannot reach this service while it runs, `{}`: {error}", data_dir.display());
            None
        }
    };
    let (stop_answering, stopped) = oneshot::channel::<()>();
    let stopped = async move { drop(stopped.await) };
    let answering = tokio::spawn(console::serve(listener, service.clone(), stopped));
    // The address is all that goes to stdout: with port 0 whoever started it has to learn it.
    println!("listening on http://{address}");
    tracing::info!(connectors = service.connectors().len(), "the service runs");
    let turns = tokio::spawn({
        let service = service.clone();
        async move { service.run(idle).await }
    });
    let ended = supervise(&service, turns, &mut signals).await?;
    if let Some(commands) = commands {
        commands.abort();
        drop(commands.await);
    }
    drop(stop_answering);
    drop(answering.await);
    drop(service);
    let Stopped { host, left, is_cut_off } = ended;
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
                let (service, one) = (service.clone(), Arc::clone(&reloading));
                tokio::spawn(async move {
                    let _one = one.lock().await;
                    reload(&service).await;
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

async fn reload(service: &Service) {
    match service.reload().await {
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
