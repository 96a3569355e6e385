//! Uses up what the host has only so much of. Whoever survives this goes on honestly.
//!
//! The hostile converter has the same room: it takes in this very file.

use std::{
    hint::black_box,
    io::{self, Write},
    process,
    thread::sleep,
    time::Duration,
};

use crate::Table;

pub(crate) const BEHAVIOURS: Table<fn(&str)> = &[
    ("abort", |_| process::abort()),
    ("allocate", |_| allocate()),
    ("exit", |_| process::exit(0)),
    ("flood-log", |_| flood_log()),
    ("long-log-line", |_| long_line()),
    ("loop", |_| spin()),
    ("panic", |name| panic!("misbehaving on purpose, as `{name}` asks")),
    ("recurse", |_| assert_ne!(recurse(0), 7, "never compared")),
    ("sleep", |_| sleep(Duration::from_secs(3_600))),
];

/// Until epochs or a time limit end it.
fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

/// Asks for memory and touches it, 16 MiB at a time, until the host says no, which ends the instance.
fn allocate() {
    let mut kept = Vec::new();
    loop {
        kept.push(black_box(vec![1_u8; 16 << 20]));
    }
}

/// Runs out of stack; the product and the pointer keep the compiler from making it a loop.
fn recurse(depth: u64) -> u64 {
    let next: fn(u64) -> u64 = black_box(recurse);
    next(depth + 1).wrapping_mul(depth) ^ 1
}

/// A million lines of stderr, about 60 MB.
fn flood_log() {
    let mut stderr = io::stderr().lock();
    for number in 0..1_000_000_u32 {
        if writeln!(stderr, "line {number:7} of a million that nobody will ever want to read").is_err() {
            return;
        }
    }
}

/// One line of 1 MiB, with what a terminal would take for commands.
fn long_line() {
    let line = "\u{1b}[2J\u{1b}]0;owned\u{7}".repeat((1 << 20) / 12);
    let _ = writeln!(io::stderr(), "{line}");
}
