//! `chancery mapping check`: what a mapping file would do.

use std::{path::Path, process::ExitCode};

use super::{
    arguments::Mapping as Command,
    context::{self, Context, print_json},
    error::{self, CliError},
};
use crate::scheduler;

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
    let difference = checked.difference();
    if json {
        print_json(&serde_json::json!({
            "summary": checked.summary, "rows": checked.rows,
            "difference": difference,
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
