//! `chancery mapping check`: what a mapping file would do.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use super::{
    arguments::Mapping as Command,
    context::{self, Context, print_json},
    error::{self, CliError},
};
use crate::{
    item::{mapping::MappingRow, time::rfc3339},
    scheduler,
};

pub(super) async fn run(context: &Context, command: Command) -> Result<ExitCode, CliError> {
    let Command::Check { file, connector, json } = command;
    let host = context.host()?;
    let connector = match connector {
        Some(name) => context::connector(&host.config, &name)?,
        None => match host.config.connectors.as_slice() {
            [only] => only,
            [] => return Err(CliError::usage("no connector is configured, so no mapper is known")),
            _ => return Err(CliError::usage("there are several connectors").hint("name one: `--connector NAME`")),
        },
    };
    let in_force = scheduler::mapping_in_force(&host, connector)?;
    let checked = scheduler::check_mapping(&host.config, &host.sandbox, connector, &file, in_force).await?;
    let difference = checked.in_force.as_deref().map(|old| difference(old, &checked.rows));
    if json {
        print_json(&serde_json::json!({
            "summary": checked.summary, "rows": checked.rows,
            "difference": difference.as_ref().map(|lines| lines.iter().map(ToString::to_string).collect::<Vec<_>>()),
        }))?;
    } else {
        print(&file, &checked, difference.as_deref());
    }
    host.state.close()?;
    Ok(if checked.summary.problems.is_empty() { error::DONE } else { error::USAGE }.into())
}

fn print(file: &Path, checked: &scheduler::MappingCheck, difference: Option<&[String]>) {
    let summary = &checked.summary;
    println!(
        "{}: {} rows for {} mailboxes, {} problems",
        file.display(),
        summary.rows,
        summary.mailboxes,
        summary.problems.len()
    );
    for problem in &summary.problems {
        println!("  line {}: {} ({})", problem.line, problem.message, problem.code);
    }
    match difference {
        None => println!("no mapping is in force yet"),
        Some([]) => println!("no difference to the mapping in force"),
        Some(lines) => {
            println!("difference to the mapping in force:");
            lines.iter().for_each(|line| println!("  {line}"));
        }
    }
    if !summary.problems.is_empty() {
        eprintln!("hint: mend these lines; a mapping with problems is not adopted, the one in force stays");
    }
}

/// What would change, a line a key.
fn difference(old: &[MappingRow], new: &[MappingRow]) -> Vec<String> {
    type Span = (Option<i64>, Option<i64>);
    fn by_key(rows: &[MappingRow]) -> BTreeMap<(&str, Span), &str> {
        rows.iter().map(|row| ((&*row.key, (row.valid_from_ms, row.valid_to_ms)), &*row.mailbox)).collect()
    }
    let span = |(from, to): Span| match (from, to) {
        (None, None) => String::new(),
        (from, to) => {
            format!(" ({} .. {})", from.map_or_else(String::new, rfc3339), to.map_or_else(String::new, rfc3339))
        }
    };
    let (old, new) = (by_key(old), by_key(new));
    let mut lines = Vec::new();
    for ((key, when), mailbox) in &new {
        match old.get(&(*key, *when)) {
            None => lines.push(format!("+ {key} -> {mailbox}{}", span(*when))),
            Some(before) if before != mailbox => {
                lines.push(format!("~ {key} -> {mailbox}, was {before}{}", span(*when)))
            }
            Some(_) => {}
        }
    }
    for ((key, when), mailbox) in &old {
        if !new.contains_key(&(*key, *when)) {
            lines.push(format!("- {key} -> {mailbox}{}", span(*when)));
        }
    }
    lines
}
