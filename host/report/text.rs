//! Counts as text, a window a line.

use std::fmt::Write as _;

use super::summary::{ConnectorSummary, Copies, Items, WindowSummary};
use crate::item::time::rfc3339;

/// What a connector did, for people.
pub fn connector(summary: &ConnectorSummary) -> String {
    let mut text = String::new();
    let _infallible = writeln!(text, "{}", summary.name);
    if summary.windows.is_empty() && summary.error.is_none() {
        text.push_str("  nothing is due\n");
    }
    for window in &summary.windows {
        text.push_str(&self::window(window));
    }
    if let Some(error) = &summary.error {
        let _infallible = writeln!(text, "  stopped: {} ({})", error.message, error.code);
        if let Some(hint) = &error.hint {
            let _infallible = writeln!(text, "  hint: {hint}");
        }
    }
    for warning in &summary.warnings {
        let _infallible = writeln!(text, "  warning: {} ({})", warning.message, warning.code);
        if let Some(hint) = &warning.hint {
            let _infallible = writeln!(text, "  hint: {hint}");
        }
    }
    text
}

/// A window's counts, for people.
pub fn window(window: &WindowSummary) -> String {
    let end = window.end.map_or_else(String::new, rfc3339);
    let span = match window.start {
        Some(start) => format!("{} .. {end}", rfc3339(start)),
        None => format!("file read at {end}"),
    };
    let why = match window.kind {
        "replay" => " (read again)",
        "backfill" => " (backfill)",
        _ => "",
    };
    let open = if window.state == "open" { ", still open" } else { "" };
    let mut text = format!("  {span}{why}{open}\n{}{}", items(window), copies("copies", &window.copies));
    if window.destinations.len() > 1 {
        let of_each = (1..).zip(&window.destinations).map(|(number, counts)| copies(&format!("to {number}  "), counts));
        text.extend(of_each);
    }
    text
}

fn items(window: &WindowSummary) -> String {
    let (items, mut apart) = (&window.items, String::new());
    for (count, what) in [(items.seen, "seen before"), (window.late, "late"), (window.under_way, "under way")] {
        if count > 0 {
            let _infallible = write!(apart, "; {count} {what}");
        }
    }
    if items.fetched == 0 && apart.is_empty() {
        return "    no items\n".to_owned();
    }
    let Items { fetched, delivered, parked, duplicate, excluded, seen: _ } = items;
    format!(
        "    items   {fetched} fetched = {delivered} delivered + {parked} parked + {duplicate} duplicate + {excluded} excluded{apart}\n"
    )
}

fn copies(what: &str, copies: &Copies) -> String {
    let Copies { available, imported, partial, skipped, failed, pending } = copies;
    if *available == 0 {
        return String::new();
    }
    format!(
        "    {what}  {available} available = {imported} imported + {partial} partial + {skipped} skipped + {failed} failed + {pending} pending\n"
    )
}
