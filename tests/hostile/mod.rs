//! Hostile plugins: guests that do to the host whatever their setting `behave` says (`tests/misbehaving`).
//!
//! Every behaviour runs in a connector of its own, all in one `sync`, beside an honest one. Whatever they do, each ends
//! as a diagnostic that names plugin, version, function and remedy, or goes on because what it did was no harm; the
//! honest one is delivered; a secret is found nowhere. What people see of each stands in `expected/`; a behaviour that
//! is added to a guest turns up there by itself.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

mod converter;
mod mapper;
mod secrets;
mod source;

use std::{fmt::Write as _, path::PathBuf};

use crate::support::exports::{Installation, Outcome};

/// The chat that the honest connector delivers.
const HONEST: &str = "23/06/2023, 10:15 - Anna: Hello.\n23/06/2023, 10:16 - Ben: Hi.\n";

/// Limits under which a guest that wants all there is gets little, soon.
const LIMITS: &str = "[limits]\nattachment_bytes_max = 8388608\nconnectors_at_once_max = 6\ncall_time_max = \"20s\"\ncall_cpu_time_max = \"4s\"\n";

/// Behaviours that want several things at once: which limit they meet first depends on the machine.
const SOME_LIMIT: &[&str] = &["asks-for-ever", "flood-log", "reads-for-ever"];

/// Lays a hostile guest into an installation, approves it, and returns every behaviour it has.
fn install(installation: &Installation, guest: &str) -> Vec<String> {
    let file = format!("{guest}.wasm");
    installation.put(&file, crate::bad_input::guest(guest));
    installation.done(&["plugin", "approve", &file]);
    let inspected = installation.done(&["plugin", "inspect", &file, "--json"]).json();
    let schema = inspected["descriptor"]["settings_schema"].as_str().expect("a schema").to_owned();
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("a schema is JSON");
    let names = schema["properties"]["behave"]["enum"].as_array().expect("behaviours").clone();
    names.iter().map(|name| name.as_str().expect("a name").to_owned()).collect()
}

/// What people see of a connector's turn, with what varies replaced.
fn seen(installation: &Installation, name: &str, outcome: &Outcome) -> String {
    let mut text = format!("## {name}\n");
    let of_some_limit = SOME_LIMIT.iter().any(|greedy| name.starts_with(greedy));
    let counts: Vec<String> = outcome.items.iter().map(|(name, count)| format!("{count} {name}")).collect();
    if !counts.is_empty() && !of_some_limit {
        let _infallible = writeln!(text, "items: {}", counts.join(", "));
    }
    if of_some_limit {
        let code = outcome.code();
        // A read that is refused may also be taken as an answer.
        assert!(
            matches!(
                code,
                "" | "plugin-timeout"
                    | "plugin-log-flood"
                    | "plugin-output-too-large"
                    | "plugin-requests"
                    | "too-large"
            ),
            "{name}: {outcome:?}"
        );
        text += "met one of its limits\n";
    } else if let Some((code, message, hint)) = &outcome.error {
        let _infallible = write!(text, "error ({code}): {message}\nhint: {hint}\n");
    }
    if outcome.item("parked") > 0 {
        let mut rows = installation.parked(name);
        rows.dedup_by(|one, other| one.message == other.message);
        for parked in rows {
            let _infallible = writeln!(text, "parked ({}): {}", parked.reason, parked.message);
        }
    }
    text.push('\n');
    filtered(installation, &text)
}

/// Without paths, ports, digests and addresses of code.
fn filtered(installation: &Installation, text: &str) -> String {
    let dir = installation.path("").display().to_string();
    let text = text.replace(dir.trim_end_matches('/'), "DIR");
    let text = replaced(&text, "sha256:", |character| character.is_ascii_hexdigit(), "…");
    let text = replaced(&text, "127.0.0.1:", |character| character.is_ascii_digit(), "PORT");
    let text = replaced(&text, "function ", |character| character.is_ascii_digit(), "N");
    // Where a Rust panic happened is the compiler's business.
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        if !line.starts_with("  in: ") && !line.contains("note: run with `RUST_BACKTRACE=1`") {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}

/// Replaces what follows each `mark`, as long as it is of this sort.
fn replaced(text: &str, mark: &str, sort: impl Fn(char) -> bool, with: &str) -> String {
    let mut parts = text.split(mark);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(&sort);
        out += mark;
        out += if rest.len() < part.len() { with } else { "" };
        out += rest;
    }
    out
}

fn expected(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/hostile/expected", name].iter().collect()
}

/// A diagnostic blames precisely: by plugin, version, function and digest, with the operator's next step.
fn assert_diagnostic(outcome: &Outcome, name: &str, guest: &str, function: &str) {
    let Some((code, message, hint)) = &outcome.error else { panic!("{name} ended without an error") };
    // What only many pages show, the host finds out about the connector's source, whoever wrote it.
    let of_many_pages = matches!(code.as_str(), "cursor-loop" | "page-loop");
    let named = match of_many_pages {
        true => message.contains(&format!("`{name}`")),
        false => message.contains(guest) && message.contains(env!("CARGO_PKG_VERSION")),
    };
    assert!(named, "{name} ({code}) names neither plugin nor version: {message}");
    assert!(!hint.is_empty(), "{name} ({code}) has no hint: {message}");
    if code.starts_with("plugin-") {
        assert!(
            message.contains(&format!("`{function}`")) && message.contains("sha256:"),
            "{name} ({code}): {message}"
        );
    }
    assert!(message.chars().all(|character| character == '\n' || !character.is_control()), "{name}: {message:?}");
    assert!(message.len() < 6_000, "{name}: a diagnostic of {} bytes", message.len());
}
