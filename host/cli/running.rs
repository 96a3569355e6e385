//! Commands beside a service that holds the data folder: it runs them itself, asked over a socket in the folder.
//!
//! The program that was called sends its arguments, the service runs the command with the state that it has open, and what
//! the command says comes back. Only what reads, and pausing, is run so. Only the user that runs the service, and root,
//! are heard: they could as well read and write the data folder themselves.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream as Stream},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser as _;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    runtime::Handle,
    sync::Semaphore,
    task::{JoinSet, spawn_blocking},
};

use super::{
    arguments::{Alerts, Arguments, Command, Connector, Mapping, Parked, Plugin},
    context::{Context, actor},
    dispatch,
    error::{self, CliError},
    speak::{self, Said},
};
use crate::{item::limits, people::People, scheduler::service::Service};

/// A command.
#[derive(Serialize, Deserialize)]
struct Request {
    /// As typed.
    arguments: Vec<String>,
    /// Where: what paths are relative to.
    folder: PathBuf,
    /// Who asks.
    actor: String,
}

/// What it said.
#[derive(Serialize, Deserialize)]
struct Answer {
    stdout: String,
    stderr: String,
    exit: u8,
}

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("service.socket")
}

/// Whether a service may run it: it reads, or what it does is safe beside turns and recorded with who asked.
fn is_for_a_service(command: &Command) -> bool {
    matches!(
        command,
        Command::Status(_)
            | Command::Alerts(Alerts::List(_) | Alerts::Test)
            | Command::Report(_)
            | Command::Plan(_)
            | Command::Mapping(_)
            | Command::Parked(
                Parked::List { .. } | Parked::Show { save: None, .. } | Parked::Retry(_) | Parked::Discard { .. }
            )
            | Command::Hold(_)
            | Command::People(_)
            | Command::Token(_)
            | Command::Connector(
                Connector::Add { from: Some(_) } | Connector::Check { .. } | Connector::Pause(_) | Connector::Resume(_)
            )
            | Command::Plugin(
                Plugin::Approve { .. } | Plugin::Install { .. } | Plugin::Diff { .. } | Plugin::Remove { .. }
            )
    )
}

/// Has a running service do the command; none: it is not for a service, or none runs here.
pub(super) fn ask(context: &Context, command: &Command, arguments: &[String]) -> Option<Result<ExitCode, CliError>> {
    if !is_for_a_service(command) {
        return None;
    }
    let data_dir = context.config().ok()?.data_dir;
    let stream = Stream::connect(file(&data_dir)).ok()?;
    Some(exchange(stream, arguments).map_err(|error| {
        CliError::failed(format!("the service that holds `{}` does not answer: {error}", data_dir.display()))
            .hint("look at its log (`journalctl -u chancery`), then run the command again")
    }))
}

fn exchange(mut stream: Stream, arguments: &[String]) -> io::Result<ExitCode> {
    stream.set_read_timeout(Some(limits::SERVICE_ANSWER_TIME_MAX))?;
    stream.set_write_timeout(Some(limits::SERVICE_ANSWER_TIME_MAX))?;
    let request = Request { arguments: arguments.to_vec(), folder: std::env::current_dir()?, actor: actor() };
    stream.write_all(&serde_json::to_vec(&request)?)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut bytes = Vec::new();
    stream.take(limits::SERVICE_ANSWER_BYTES_MAX).read_to_end(&mut bytes)?;
    let answer: Answer = serde_json::from_slice(&bytes)?;
    eprint!("{}", answer.stderr);
    print!("{}", answer.stdout);
    Ok(answer.exit.into())
}

/// Whether a service holds this data folder.
pub(super) fn is_there(data_dir: &Path) -> bool {
    Stream::connect(file(data_dir)).is_ok()
}

/// Listens for commands. The data folder is held, so that what lies there is a dead service's.
pub(super) fn listen(data_dir: &Path) -> io::Result<UnixListener> {
    let file = file(data_dir);
    if let Err(error) = fs::remove_file(&file)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(&file)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Runs commands, some side by side, for ever.
pub(super) async fn serve(listener: UnixListener, service: Service, people: Arc<People>) {
    let places = Arc::new(Semaphore::new(limits::SERVICE_COMMANDS_AT_ONCE_MAX));
    let mut commands = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (service, people) = (service.clone(), Arc::clone(&people));
                commands.spawn(async move {
                    let heard = hear(stream, service, people);
                    let heard = tokio::time::timeout(limits::SERVICE_ANSWER_TIME_MAX, heard).await;
                    if let Err(error) = heard.unwrap_or_else(|late| Err(late.into())) {
                        tracing::warn!("a command was not answered: {error}");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                // Out of files, say: not at once again.
                tracing::warn!("a command was not heard: {error}");
                tokio::time::sleep(limits::SERVICE_ACCEPT_PAUSE).await;
            }
        }
        while commands.try_join_next().is_some() {}
    }
}

async fn hear(mut stream: UnixStream, service: Service, people: Arc<People>) -> io::Result<()> {
    let (peer, own) = (stream.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
    if peer != own && peer != 0 {
        return Err(io::Error::other(format!("it came from user {peer}")));
    }
    let mut bytes = Vec::new();
    (&mut stream).take(limits::SERVICE_REQUEST_BYTES_MAX).read_to_end(&mut bytes).await?;
    if bytes.is_empty() {
        // Somebody looked whether a service is there.
        return Ok(());
    }
    let request: Request = serde_json::from_slice(&bytes)?;
    let runtime = Handle::current();
    // The command stays on one thread, where what it says is kept.
    let run = move || speak::keep(|| runtime.block_on(run(request, service, people)));
    let (exit, Said { stdout, stderr }) = spawn_blocking(run).await?;
    stream.write_all(&serde_json::to_vec(&Answer { stdout, stderr, exit })?).await?;
    stream.shutdown().await
}

async fn run(request: Request, service: Service, people: Arc<People>) -> u8 {
    let done = match Arguments::try_parse_from(&request.arguments) {
        Ok(mut arguments) if is_for_a_service(&arguments.command) => {
            arguments.config = request.folder.join(&arguments.config);
            match &mut arguments.command {
                Command::Mapping(Mapping::Check { file, .. }) => *file = request.folder.join(&*file),
                // A reference to a registry is no file.
                Command::Plugin(Plugin::Install { from, .. } | Plugin::Diff { from }) => {
                    let file = request.folder.join(&*from);
                    if file.exists() {
                        *from = file.display().to_string();
                    }
                }
                Command::Connector(Connector::Add { from: Some(file) }) => *file = request.folder.join(&*file),
                Command::Report(report) => {
                    report.compare = report.compare.as_ref().map(|file| request.folder.join(file));
                }
                _ => {}
            }
            let context = Context::beside(&arguments, service, people, request.actor);
            dispatch(&context, arguments.command).await
        }
        Ok(_) => Err(CliError::usage("a service does not run that command")),
        Err(error) => Err(CliError::usage(error.to_string())),
    };
    match done {
        Ok(code) => error::number(code),
        Err(error) => error::number(error.print()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_service_left_is_no_service() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!is_there(folder.path()));
        drop(std::os::unix::net::UnixListener::bind(file(folder.path())).expect("bound"));
        assert!(file(folder.path()).exists() && !is_there(folder.path()));
    }

    #[test]
    fn a_service_runs_what_reads_and_what_is_safe_beside_turns() {
        for (line, expect) in [
            ("status --json", true),
            ("report x", true),
            ("parked list x", true),
            ("parked show x 7", true),
            ("parked show x 7 --save d", false),
            ("parked retry x", true),
            ("parked discard x --item 7 --because y", true),
            ("connector add --from f", true),
            ("connector add", false),
            ("connector pause x", true),
            ("connector remove x", false),
            ("hold list", true),
            ("people list", true),
            ("token list", true),
            ("plugin approve f.wasm", true),
            ("plugin check f.wasm", false),
            ("sync", false),
            ("serve", false),
            ("erase x 7 --reason y", false),
            ("state backup d", false),
        ] {
            let words = std::iter::once("chancery").chain(line.split(' '));
            let arguments = Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(is_for_a_service(&arguments.command), expect, "{line}");
        }
    }
}
