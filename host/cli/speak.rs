//! What commands say, on stdout and stderr, or kept for whoever asked a service to run the command.
//!
//! The macros have the names of the standard library's and stand before them in this room, so that no command has to know
//! where its words go.

use std::{cell::RefCell, fmt};

thread_local! {
    /// What is kept of the command that runs on this thread.
    static KEPT: RefCell<Option<Said>> = const { RefCell::new(None) };
}

/// What a command said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a command on this thread and keeps what it says.
pub(super) fn keep<T>(run: impl FnOnce() -> T) -> (T, Said) {
    KEPT.set(Some(Said::default()));
    let done = run();
    (done, KEPT.take().unwrap_or_default())
}

pub(super) fn out(text: fmt::Arguments<'_>) {
    match KEPT.take() {
        Some(mut said) => {
            said.stdout.push_str(&text.to_string());
            KEPT.set(Some(said));
        }
        None => std::print!("{text}"),
    }
}

pub(super) fn err(text: fmt::Arguments<'_>) {
    match KEPT.take() {
        Some(mut said) => {
            said.stderr.push_str(&text.to_string());
            KEPT.set(Some(said));
        }
        None => std::eprint!("{text}"),
    }
}

macro_rules! print {
    ($($text:tt)*) => { $crate::cli::speak::out(format_args!($($text)*)) };
}

macro_rules! println {
    () => { $crate::cli::speak::out(format_args!("\n")) };
    ($($text:tt)*) => { $crate::cli::speak::out(format_args!("{}\n", format_args!($($text)*))) };
}

macro_rules! eprint {
    ($($text:tt)*) => { $crate::cli::speak::err(format_args!($($text)*)) };
}

macro_rules! eprintln {
    () => { $crate::cli::speak::err(format_args!("\n")) };
    ($($text:tt)*) => { $crate::cli::speak::err(format_args!("{}\n", format_args!($($text)*))) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_kept_apart_and_only_while_it_is_asked_for() {
        let (done, said) = keep(|| {
            print!("a{}", 1);
            println!();
            eprintln!("b {name}", name = 2);
            println!("c");
            7
        });
        assert_eq!((done, &*said.stdout, &*said.stderr), (7, "a1\nc\n", "b 2\n"));
        assert!(KEPT.take().is_none());
    }
}
