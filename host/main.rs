//! The `chancery` program: parse, run, print the error, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    chancery::cli::main(std::env::args_os())
}
