//! `chancery explain`: what a reason code means and what to do.

use std::process::ExitCode;

use super::{
    arguments::Explain,
    error::{self, CliError},
};
use crate::item::reason::{REASONS, find};

pub(super) fn run(command: &Explain) -> Result<ExitCode, CliError> {
    let Some(code) = &command.code else {
        REASONS.iter().for_each(|reason| println!("{:<24} {}", reason.code, reason.meaning));
        return Ok(error::DONE.into());
    };
    let reason = find(code).ok_or_else(|| {
        CliError::usage(format!("there is no reason `{code}` in this chancery"))
            .hint("`chancery explain` lists all; a plugin of your own may have others")
    })?;
    println!("{}\n\n{}\n\n{}", reason.code, reason.meaning, reason.remedy);
    Ok(error::DONE.into())
}
