//! `chancery doctor`: finds out what is wrong with this installation, without changing anything.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::ExitCode};

use super::{
    arguments::Json,
    context::{self, Context, print_json},
    error::{self, CliError},
    running,
};
use crate::{
    config::{CheckpointCopy, Config, DestinationConfig, EmlPlace},
    item::{Failure, NextMove},
    pipeline,
    scheduler::{self, Host},
    state,
};

/// One thing that was looked at.
#[derive(serde::Serialize)]
struct Finding {
    about: String,
    ok: bool,
    text: String,
    hint: Option<String>,
}

fn good(about: &str, text: impl Into<String>) -> Finding {
    Finding { about: about.to_owned(), ok: true, text: text.into(), hint: None }
}

fn bad(about: &str, text: impl Into<String>, hint: impl Into<String>) -> Finding {
    Finding { about: about.to_owned(), ok: false, text: text.into(), hint: Some(hint.into()) }
}

pub(super) async fn run(context: &Context, command: &Json) -> Result<ExitCode, CliError> {
    let config = context.config()?;
    let mut findings =
        vec![good("configuration", format!("`{}` with {} connectors", config.file.display(), config.connectors.len()))];
    findings.push(keys(&config.data_dir));
    findings.push(verify(&config.data_dir));
    findings.push(folder("data", &config.data_dir));
    for connector in &config.connectors {
        for destination in &connector.destinations {
            let root = match destination {
                DestinationConfig::Maildir(settings) => &settings.root,
                DestinationConfig::Eml(_, EmlPlace::Folder(root)) => root,
                DestinationConfig::Eml(_, EmlPlace::Store(_))
                | DestinationConfig::Imap(_)
                | DestinationConfig::Graph(_)
                | DestinationConfig::Smtp(_) => continue,
            };
            findings.push(folder(&format!("{}: destination", connector.name), root));
        }
    }
    for copy in &config.checkpoint_copies {
        if let CheckpointCopy::Folder(path) = copy {
            findings.push(copies(path));
        }
    }
    findings.extend(routes(&config).await);
    match Host::open(config.clone(), context::clocks()) {
        Err(failure) if failure.code == "state-locked" && running::is_there(&config.data_dir) => {
            let text = "runs here, and holds the state; `chancery status` says how each connector stands";
            findings.push(good("service", text));
        }
        Ok((host, announcements)) => {
            findings.extend(announcements.into_iter().map(|text| good("state", text)));
            findings.push(staging(&config).await);
            findings.extend(connectors(&host, &config).await);
            host.state.close()?;
        }
        Err(failure) => {
            let hint = error::hint(&failure).unwrap_or_default();
            findings.push(bad("state", failure.message, hint));
        }
    }
    let healthy = findings.iter().all(|finding| finding.ok);
    if command.json {
        print_json(&serde_json::json!({ "ok": healthy, "findings": findings }))?;
    } else {
        for finding in &findings {
            println!("{}  {:<28} {}", if finding.ok { "ok " } else { "BAD" }, finding.about, finding.text);
            if let Some(hint) = &finding.hint {
                println!("     hint: {hint}");
            }
        }
    }
    Ok(if healthy { error::DONE } else { error::FAILED }.into())
}

fn keys(data_dir: &Path) -> Finding {
    let path = data_dir.join("keys");
    match fs::metadata(&path) {
        Err(error) => bad(
            "keys",
            format!("cannot look at `{}`: {error}", path.display()),
            "run `chancery init`, or restore the data folder from a backup",
        ),
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            bad("keys", format!("`{}` can be read by others", path.display()), format!("chmod 700 {}", path.display()))
        }
        Ok(_) => good("keys", format!("`{}` is private", path.display())),
    }
}

fn verify(data_dir: &Path) -> Finding {
    match state::verify(data_dir, &state::VerifyOptions::default()) {
        Ok(report) => good("ledger", format!("{} ledgers verify", report.ledgers.len())),
        Err(error) => bad("ledger", error.to_string(), error.hint().unwrap_or_default()),
    }
}

/// Asks the stage for what lies in a folder that nobody has: that takes the same way in as everything else.
async fn staging(config: &Config) -> Finding {
    let config = config.clone();
    let look = move || -> Result<String, Failure> {
        let staging = scheduler::staging(&config)?;
        Ok(match &staging.store {
            None => format!("`{}`, sealed for {}", staging.root.display(), staging.keys.public()),
            Some(store) => {
                store.names("doctor").map_err(|error| {
                    Failure::within(&error)
                        .cloned()
                        .unwrap_or_else(|| Failure::new("stage-io", NextMove::AskPerson, error.to_string()))
                })?;
                format!("`{}` answers, sealed for {}", store.label(), staging.keys.public())
            }
        })
    };
    match pipeline::blocking(look).await {
        Ok(text) => good("stage", text),
        Err(failure) => {
            let hint = error::hint(&failure).unwrap_or_default();
            bad("stage", format!("{} ({})", failure.message, failure.code), hint)
        }
    }
}

fn copies(path: &Path) -> Finding {
    if path.is_dir() {
        return folder("copies of checkpoints", path);
    }
    let hint = "mount or create it: chancery never creates it, for what is not mounted would stay unnoticed";
    bad("copies of checkpoints", format!("there is no folder `{}`", path.display()), hint)
}

fn folder(about: &str, path: &Path) -> Finding {
    /// Free space below which an operator is told.
    const FREE_BYTES_MIN: u64 = 1 << 30;
    let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(existing) {
        Err(error) => bad(about, format!("cannot look at `{}`: {error}", path.display()), "check that it is mounted"),
        Ok(_) if rustix::fs::access(existing, rustix::fs::Access::WRITE_OK).is_err() => bad(
            about,
            format!("`{}` may not be written", existing.display()),
            "give the user that runs chancery the right to write there",
        ),
        Ok(system) if system.f_bavail * system.f_frsize < FREE_BYTES_MIN => bad(
            about,
            format!("`{}` has {} MiB free", path.display(), (system.f_bavail * system.f_frsize) >> 20),
            "free space there",
        ),
        Ok(system) => {
            good(about, format!("`{}` has {} GiB free", path.display(), (system.f_bavail * system.f_frsize) >> 30))
        }
    }
}

/// One line for each place that the configuration reaches.
async fn routes(config: &Config) -> Vec<Finding> {
    let tried = match scheduler::try_routes(config).await {
        Ok(tried) => tried,
        Err(failure) => {
            let hint = error::hint(&failure).unwrap_or_default();
            return vec![bad("network", format!("{} ({})", failure.message, failure.code), hint)];
        }
    };
    let finding = |route: scheduler::TriedRoute| {
        let what = format!("`{}` for {}", route.place, route.purposes.join(", "));
        match route.outcome {
            Ok(how) => good("route", format!("{what}: {how}")),
            Err(failure) => {
                let hint = error::hint(&failure).unwrap_or_default();
                bad("route", format!("{what}: {} ({})", failure.message, failure.code), hint)
            }
        }
    };
    tried.into_iter().map(finding).collect()
}

async fn connectors(host: &Host, config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for connector in &config.connectors {
        let found = match scheduler::check(host, connector).await {
            Ok(checked) => {
                for (name, found) in checked.destinations {
                    let about = format!("{}: {name}", connector.name);
                    findings.extend(found.into_iter().filter(|found| !found.is_good).map(|found| Finding {
                        about: about.clone(),
                        ok: false,
                        text: found.text,
                        hint: found.hint,
                    }));
                }
                good(&connector.name, format!("answers as `{}`", checked.account))
            }
            Err(failure) => bad(
                &connector.name,
                format!("{} ({})", failure.message, failure.code),
                error::hint(&failure).unwrap_or_default(),
            ),
        };
        findings.push(found);
    }
    findings
}
