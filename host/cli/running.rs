//! How commands reach a service that holds the data folder: a socket in it, one line of JSON each way.
//!
//! Only the user that runs the service, and root, are heard: they could as well write the ledger themselves. What is said
//! on the command line is made where the state is, so that a command says the same with a service and without.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream as Stream},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};

use super::{connector, error::CliError, status};
use crate::{item::limits, pipeline, scheduler::service::Service};

/// What is asked of a service.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Request {
    /// How each connector stands.
    Status {
        /// As JSON.
        json: bool,
    },
    /// To pause a connector, or resume it.
    Pause {
        /// Which.
        connector: String,
        /// Who asks.
        actor: String,
        /// Why.
        reason: String,
        /// False: resume.
        pause: bool,
    },
}

/// What it says: the text for stdout, or an error.
pub(super) type Answer = Result<String, CliError>;

fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("service.socket")
}

/// Asks the service that holds this data folder; none: no service runs there.
pub(super) fn ask(data_dir: &Path, request: &Request) -> Option<Answer> {
    let stream = Stream::connect(file(data_dir)).ok()?;
    Some(exchange(stream, request).unwrap_or_else(|error| {
        let problem =
            CliError::failed(format!("the service that holds `{}` does not answer: {error}", data_dir.display()));
        Err(problem.hint("look at its log (`journalctl -u chancery`), then run the command again"))
    }))
}

fn exchange(mut stream: Stream, request: &Request) -> io::Result<Answer> {
    stream.set_read_timeout(Some(limits::SERVICE_ANSWER_TIME_MAX))?;
    stream.set_write_timeout(Some(limits::SERVICE_ANSWER_TIME_MAX))?;
    stream.write_all(&serde_json::to_vec(request)?)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut bytes = Vec::new();
    stream.take(limits::SERVICE_ANSWER_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
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

/// Answers one command after the other, for ever.
pub(super) async fn serve(listener: UnixListener, service: Service) {
    loop {
        let heard = match listener.accept().await {
            Ok((stream, _)) => tokio::time::timeout(limits::SERVICE_ANSWER_TIME_MAX, hear(stream, &service)).await,
            Err(error) => {
                // Out of files, say: not at once again.
                tokio::time::sleep(limits::SERVICE_ACCEPT_PAUSE).await;
                Ok(Err(error))
            }
        };
        if let Err(error) = heard.unwrap_or_else(|late| Err(late.into())) {
            tracing::warn!("a command was not answered: {error}");
        }
    }
}

async fn hear(mut stream: UnixStream, service: &Service) -> io::Result<()> {
    let (peer, own) = (stream.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
    if peer != own && peer != 0 {
        return Err(io::Error::other(format!("it came from user {peer}")));
    }
    let mut bytes = Vec::new();
    (&mut stream).take(limits::SERVICE_REQUEST_BYTES_MAX).read_to_end(&mut bytes).await?;
    let answer: Answer = match serde_json::from_slice(&bytes)? {
        Request::Status { json } => {
            let service = service.clone();
            let answer = pipeline::blocking(move || {
                Ok(service.host().map_or_else(|| Err(stopped()), |host| status::of(&host, Some(&service), json)))
            });
            answer.await.unwrap_or_else(|failure| Err(failure.into()))
        }
        Request::Pause { connector, actor, reason, pause } => {
            let known = service.connectors().iter().any(|status| status.name == connector);
            if known {
                connector::change_pause(service, &connector, &actor, &reason, pause).await
            } else {
                Err(stopped())
            }
        }
    };
    stream.write_all(&serde_json::to_vec(&answer)?).await?;
    stream.shutdown().await
}

fn stopped() -> CliError {
    CliError::failed("the service is stopping, or its configuration does not have that connector yet").hint(
        "send it SIGHUP if the configuration was changed (`systemctl reload chancery`), then run the command again",
    )
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
        assert!(ask(folder.path(), &Request::Status { json: true }).is_none());
    }
}
