//! What a language needs to build a component, and the line that installs what is missing.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use super::Language;
use crate::item::{Failure, NextMove};

/// The target that Rust compiles plugins for.
pub(super) const RUST_TARGET: &str = "wasm32-wasip2";

/// Whether what builds this language is there.
///
/// # Errors
/// `author-toolchain`, with the line that installs what is missing.
pub(super) fn check(language: Language) -> Result<(), Failure> {
    match language {
        Language::Rust => {
            if said("cargo", &["--version"]).is_none() {
                return Err(missing("there is no `cargo` in PATH", "install Rust: https://rustup.rs"));
            }
            let libraries = said("rustc", &["--print=target-libdir", "--target", RUST_TARGET]).unwrap_or_default();
            match Path::new(libraries.trim_end()).is_dir() {
                true => Ok(()),
                false => Err(missing(
                    &format!("this Rust cannot compile for `{RUST_TARGET}`"),
                    "rustup target add wasm32-wasip2",
                )),
            }
        }
        Language::Python => match said("componentize-py", &["--version"]) {
            Some(_) => Ok(()),
            None => {
                let wanted = include_str!("python/requirements.txt").trim_end();
                Err(missing(
                    "there is no `componentize-py` in PATH",
                    &format!(
                        "python3 -m venv ~/.venv && ~/.venv/bin/pip install {wanted} && export PATH=~/.venv/bin:$PATH"
                    ),
                ))
            }
        },
        Language::JavaScript => {
            let node = said("node", &["--version"]);
            let major =
                node.as_deref().and_then(|version| version.strip_prefix('v')?.split('.').next()?.parse::<u32>().ok());
            let hint = "install Node.js 20 or later: https://nodejs.org (Debian: apt-get install nodejs npm)";
            match (major, said("npm", &["--version"])) {
                (Some(20..), Some(_)) => Ok(()),
                (Some(20..), None) => Err(missing("there is no `npm` in PATH", hint)),
                (Some(old), _) => Err(missing(&format!("Node.js {old} is too old"), hint)),
                (None, _) => Err(missing("there is no `node` in PATH", hint)),
            }
        }
    }
}

fn missing(what: &str, hint: &str) -> Failure {
    Failure::new("author-toolchain", NextMove::AskPerson, what.to_owned()).hint(hint)
}

/// What a program says, when it is there and says it well.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
