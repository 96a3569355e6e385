//! The arrows between the rooms of `host/`. The same table stands in `ARCHITECTURE.md`.

use super::{
    code::{blank, paths_from, tokens},
    tree::{Finding, Tree},
};

/// A room and what it may import, from the top of the house to its ground. A room names only rooms below it, so there
/// is no way round in a circle. `room::part` allows that part alone.
pub(super) const ARROWS: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "author",
            "console",
            "setup",
            "people",
            "scheduler",
            "pipeline",
            "report",
            "config",
            "catalog",
            "sandbox",
            "destinations",
            "stage",
            "state",
            "store",
            "network",
            "item",
        ],
    ),
    (
        "console",
        &["setup", "people", "scheduler", "pipeline", "report", "config", "catalog", "state", "network", "item"],
    ),
    ("author", &["catalog", "sandbox", "item"]),
    ("setup", &["scheduler", "config", "catalog", "destinations::graph", "state", "item"]),
    (
        "scheduler",
        &[
            "pipeline",
            "report::bundle",
            "config",
            "catalog",
            "sandbox",
            "destinations",
            "stage",
            "state",
            "store",
            "network",
            "item",
        ],
    ),
    ("people", &["item"]),
    ("pipeline", &["catalog", "sandbox", "destinations", "stage", "state", "item"]),
    ("report", &["state", "item"]),
    (
        "config",
        &[
            "destinations::eml",
            "destinations::graph",
            "destinations::imap",
            "destinations::maildir",
            "destinations::smtp",
            "destinations::Mailboxes",
            "item",
        ],
    ),
    ("catalog", &["item"]),
    ("sandbox", &["network", "item"]),
    ("destinations", &["store", "network", "item"]),
    ("stage", &["store", "item"]),
    ("state", &["item"]),
    ("store", &["network", "item"]),
    ("network", &["item"]),
    ("item", &[]),
];

/// The table as `ARCHITECTURE.md` has it.
pub(super) fn table() -> String {
    let rows = ARROWS.iter().map(|(room, targets)| {
        let targets: Vec<String> = targets.iter().map(|target| format!("`{target}`")).collect();
        format!(
            "| `{room}` | {} |\n",
            if targets.is_empty() { "nothing of ours".to_owned() } else { targets.join(", ") }
        )
    });
    format!("| room | may import |\n|---|---|\n{}", rows.collect::<String>())
}

/// Imports against the arrows, rooms without a row, rows without a room.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust("host/") {
        let Some((room, _)) = path["host/".len()..].split_once('/') else { continue };
        match ARROWS.iter().find(|(name, _)| *name == room) {
            Some((_, allowed)) => findings.extend(check_file(path, text, room, allowed)),
            None => {
                findings.push(Finding::new(path, 0, format!("the room `{room}` has no row in tests/tidy/arrows.rs")))
            }
        }
    }
    for (room, _) in ARROWS.iter().filter(|(room, _)| !tree.has(&format!("host/{room}"))) {
        findings.push(Finding::new("tests/tidy/arrows.rs", 0, format!("there is no room `{room}`")));
    }
    findings
}

fn check_file(path: &str, text: &str, room: &str, allowed: &[&str]) -> Vec<Finding> {
    let code = blank(text);
    let tokens = tokens(&code);
    let mut imports = paths_from(&tokens, "crate");
    // `super::super::state` from the top of a room leads out of it; inside, a part of the room may bear a room's name.
    for path in paths_from(&tokens, "super") {
        let ups = path.segments.iter().take_while(|segment| *segment == "super").count();
        let room_again = path.segments.get(ups).is_some_and(|name| ARROWS.iter().any(|(room, _)| room == name));
        if ups > 0 && room_again {
            imports.push(super::code::Path { segments: path.segments[ups..].to_vec(), line: path.line });
        }
    }
    let reaches = |segments: &[String], target: &str| {
        target.split("::").zip(segments).all(|(want, have)| want == have)
            && target.split("::").count() <= segments.len()
    };
    imports
        .iter()
        .filter(|import| import.segments.first().is_some_and(|first| first != room))
        .filter(|import| !allowed.iter().any(|target| reaches(&import.segments, target)))
        .map(|import| {
            let message =
                format!("`{room}` may not import `{}` (the arrows are in ARCHITECTURE.md)", import.segments.join("::"));
            Finding::new(path, import.line, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_lead_down_only() {
        for (index, (room, targets)) in ARROWS.iter().enumerate() {
            for target in *targets {
                let name = target.split("::").next().unwrap_or(target);
                assert!(ARROWS[index + 1..].iter().any(|(below, _)| *below == name), "{room} -> {target}");
            }
        }
    }

    #[test]
    fn an_import_against_the_arrows_is_found() {
        let stage = |text: &str| check_file("host/stage/a.rs", text, "stage", &["item"]).len();
        assert_eq!(stage("use crate::item::Page;\nuse crate::{item, stage::x};\n// crate::state\n"), 0);
        assert_eq!(stage("use crate::{item::Page, state::State};"), 1);
        assert_eq!(stage("fn f() { crate::sandbox::g(); }"), 1);
        assert_eq!(stage("use super::super::state::State;"), 1);
        assert_eq!(stage("use super::state;"), 0, "a part of the room itself");
        let config = |text: &str| check_file("host/config/a.rs", text, "config", &["destinations::maildir"]).len();
        assert_eq!(config("use crate::destinations::maildir::Mailboxes;"), 0);
        assert_eq!(config("use crate::destinations::{maildir::Mailboxes, Destination};"), 1);
        let tree = Tree::of(&[("host/attic/mod.rs", "")]);
        assert!(check(&tree).iter().any(|found| found.message.contains("`attic` has no row")));
    }
}
