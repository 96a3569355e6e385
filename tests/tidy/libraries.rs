//! Foreign libraries stay in their room, so that one can be replaced by reading one folder.

use super::{
    code::{Token, blank, tokens, without_tests},
    tree::{Finding, Tree},
};

/// A library and where in `host/` it may be named. Tests inside a file are free.
const ROOMS: &[(&str, &[&str])] = &[
    ("anyhow", &["cli/"]),
    ("bundle", &["catalog/"]),
    ("clap", &["cli/"]),
    ("croner", &["config/", "scheduler/"]),
    ("ed25519_dalek", &["state/"]),
    ("indicatif", &["cli/"]),
    ("reqwest", &["sandbox/egress/"]),
    ("sled", &["state/"]),
    ("tracing_subscriber", &["report/"]),
    ("wasmtime", &["sandbox/"]),
    ("wasmtime_wasi", &["sandbox/"]),
    ("wasmtime_wasi_http", &["sandbox/"]),
    ("wit_bindgen", &[]),
    ("world", &["cli/"]),
    ("zip", &["sandbox/"]),
];

const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Libraries named outside their rooms.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust("host/").flat_map(|(path, text)| check_file(path, text)).collect()
}

fn check_file(path: &str, text: &str) -> Vec<Finding> {
    let inside = path.strip_prefix("host/").unwrap_or(path);
    if inside.ends_with("tests.rs") || inside.contains("/tests/") {
        return Vec::new();
    }
    let code = without_tests(&blank(text));
    let tokens = tokens(&code);
    let mut findings = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let Some((library, rooms)) = ROOMS.iter().find(|(library, _)| *library == token.text) else { continue };
        if names_a_library(&tokens, index) && !rooms.iter().any(|room| inside.starts_with(room)) {
            let message = format!("`{library}` may be named in host/{{{}}} only", rooms.join(", "));
            findings.push(Finding::new(path, token.line, message));
        }
    }
    findings
}

/// A path that begins here, or `use library`; not `.zip(…)`, nor a part of ours that bears the name.
fn names_a_library(tokens: &[Token<'_>], index: usize) -> bool {
    let text = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |token| token.text);
    let before = text(index.checked_sub(1));
    before != "::" && (text(Some(index + 1)) == "::" || before == "use")
}

/// Printing outside the one room that has words for people.
pub(super) fn check_printing(tree: &Tree) -> Vec<Finding> {
    let plugins = tree.rust("plugins/").filter(|(path, _)| path.contains("/src/"));
    let host = tree.rust("host/").filter(|(path, _)| !path.starts_with("host/cli/"));
    host.chain(plugins).flat_map(|(path, text)| check_printing_in(path, text)).collect()
}

fn check_printing_in(path: &str, text: &str) -> Vec<Finding> {
    let code = without_tests(&blank(text));
    let tokens = tokens(&code);
    let pairs = tokens.iter().zip(tokens.iter().skip(1));
    pairs
        .filter(|(token, next)| PRINTING.contains(&token.text) && next.text == "!")
        .map(|(token, _)| {
            let message = format!("`{}!` outside host/cli: return the text, or log it with `tracing`", token.text);
            Finding::new(path, token.line, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_outside_its_room_is_found() {
        let count = |path: &str, text: &str| check_file(path, text).len();
        assert_eq!(count("host/pipeline/mod.rs", "use sled::Db;"), 1);
        assert_eq!(count("host/pipeline/mod.rs", "use {wasmtime::Engine, std::fs};"), 1);
        assert_eq!(count("host/pipeline/mod.rs", "fn f() -> reqwest::Result<()> { todo() }"), 1);
        assert_eq!(count("host/state/index.rs", "use sled::Db;"), 0);
        assert_eq!(count("host/pipeline/mod.rs", "a.iter().zip(b); // sled::Db\nself::zip::x();"), 0);
        assert_eq!(count("host/pipeline/mod.rs", "#[cfg(test)]\nmod tests { use world::Site; }"), 0);
        assert_eq!(count("host/pipeline/mod.rs", "use world::Site;"), 1);
    }

    #[test]
    fn printing_is_found() {
        assert_eq!(check_printing_in("host/state/mod.rs", "fn f() { println!(\"x\"); eprintln!(); }").len(), 2);
        assert_eq!(check_printing_in("host/state/mod.rs", "// println!()\nfn println() {}").len(), 0);
    }
}
