//! Foreign libraries stay in their room, so that one can be replaced by reading one folder; clocks and exits too, so
//! that the same input gives the same bytes.

use super::{
    code::{Token, blank, tokens, without_tests},
    tree::{Finding, Tree},
};

/// A library and where in `host/` it may be named. Tests inside a file are free.
const ROOMS: &[(&str, &[&str])] = &[
    ("age", &["stage/"]),
    ("anyhow", &["cli/"]),
    ("argon2", &["people/"]),
    ("axum", &["console/"]),
    ("bundle", &["catalog/"]),
    ("clap", &["cli/"]),
    ("croner", &["config/", "scheduler/"]),
    ("ed25519_dalek", &["state/"]),
    ("indicatif", &["cli/"]),
    ("libc", &["main.rs"]),
    ("maud", &["console/"]),
    ("mail_parser", &["author/", "destinations/graph/", "destinations/smtp/"]),
    ("object_store", &["store/"]),
    ("reqwest", &["destinations/graph/", "network/", "sandbox/egress/"]),
    ("ring", &["network/"]),
    ("rustls", &["network/"]),
    ("serde_html_form", &["console/"]),
    ("sled", &["state/"]),
    ("tokio_rustls", &["network/"]),
    ("tracing_subscriber", &["report/"]),
    ("wasmtime", &["sandbox/"]),
    ("wasmtime_wasi", &["sandbox/"]),
    ("wasmtime_wasi_http", &["sandbox/"]),
    ("wit_bindgen", &[]),
    ("world", &["cli/"]),
    ("zip", &["destinations/eml/", "sandbox/"]),
];

/// Calls that make a run differ from the next one, or end it, and where in `host/` they may stand. What decides
/// about items is handed instants; the processor time of a guest is the sandbox's to measure.
const CALLS: &[(&str, &str, &[&str])] = &[
    ("Instant", "now", &["author/conformance/watch.rs", "cli/", "network/", "sandbox/"]),
    ("SystemTime", "now", &["cli/context.rs", "network/assertion.rs", "state/"]),
    ("Timestamp", "now", &["cli/context.rs", "state/"]),
    ("Zoned", "now", &[]),
    ("process", "abort", &[]),
    ("process", "exit", &[]),
    ("thread", "sleep", &["sandbox/engine.rs"]),
];

const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Libraries named outside their rooms.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust("host/").flat_map(|(path, text)| check_file(tree, path, text)).collect()
}

fn check_file(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let inside = path.strip_prefix("host/").unwrap_or(path);
    if inside.ends_with("tests.rs") || inside.contains("/tests/") {
        return Vec::new();
    }
    let code = without_tests(&blank(text));
    let tokens = tokens(&code);
    let mut findings = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let Some((library, rooms)) = ROOMS.iter().find(|(library, _)| *library == token.text) else { continue };
        if names_a_library(&tokens, index)
            && !is_ours(tree, path, &tokens, library)
            && !rooms.iter().any(|room| inside.starts_with(room))
        {
            let message = format!("`{library}` may be named in host/{{{}}} only", rooms.join(", "));
            findings.push(Finding::new(path, token.line, message));
        }
    }
    for window in tokens.windows(3).filter(|window| window[1].text == "::") {
        let [first, _, second] = window else { continue };
        let call = CALLS.iter().find(|(of, name, _)| *of == first.text && *name == second.text);
        let Some((of, name, rooms)) = call else { continue };
        if !rooms.iter().any(|room| inside.starts_with(room)) {
            let message = format!("`{of}::{name}` may be called in host/{{{}}} only", rooms.join(", "));
            findings.push(Finding::new(path, first.line, message));
        }
    }
    findings
}

/// Whether the name stands for something of ours in this file: a module beside it or in it, or another name given to an
/// import.
fn is_ours(tree: &Tree, path: &str, tokens: &[Token<'_>], name: &str) -> bool {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = tree.has(&format!("{folder}/{name}.rs")) || tree.has(&format!("{folder}/{name}"));
    let named = |pair: &[Token<'_>]| matches!(pair[0].text, "as" | "mod") && pair[1].text == name;
    beside || tokens.windows(2).any(named)
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
        let tree = Tree::of(&[("host/stage/zip.rs", "")]);
        let count = |path: &str, text: &str| check_file(&tree, path, text).len();
        assert_eq!(count("host/stage/mod.rs", "mod zip; fn f() { zip::g(); }"), 0, "a part of ours");
        assert_eq!(count("host/pipeline/mod.rs", "use super::a as world; fn f() { world::g(); }"), 0, "a name of ours");
        assert_eq!(count("host/pipeline/mod.rs", "use sled::Db;"), 1);
        assert_eq!(count("host/pipeline/mod.rs", "use {wasmtime::Engine, std::fs};"), 1);
        assert_eq!(count("host/pipeline/mod.rs", "fn f() -> reqwest::Result<()> { todo() }"), 1);
        assert_eq!(count("host/state/index.rs", "use sled::Db;"), 0);
        assert_eq!(count("host/pipeline/mod.rs", "a.iter().zip(b); // sled::Db\nself::zip::x();"), 0);
        assert_eq!(count("host/pipeline/mod.rs", "#[cfg(test)]\nmod tests { use world::Site; }"), 0);
        assert_eq!(count("host/pipeline/mod.rs", "use world::Site;"), 1);
        assert_eq!(count("host/pipeline/mod.rs", "let a = jiff::Timestamp::now(); std::process::exit(1)"), 2);
        assert_eq!(count("host/cli/context.rs", "let a = jiff::Timestamp::now();"), 0);
    }

    #[test]
    fn printing_is_found() {
        assert_eq!(check_printing_in("host/state/mod.rs", "fn f() { println!(\"x\"); eprintln!(); }").len(), 2);
        assert_eq!(check_printing_in("host/state/mod.rs", "// println!()\nfn println() {}").len(), 0);
    }
}
