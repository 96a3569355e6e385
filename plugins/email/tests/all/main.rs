//! The converter from outside: golden cases as data, hostile input, batch cuts, and an independent strict reader.

#![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

use std::path::PathBuf;

use email::Email;
use shelf::{batches, hostile::hostile_batch};

mod hostile;

fn cases() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases")
}

#[test]
fn cases_give_the_expected_messages() {
    batches::golden::<Email>(&cases());
}

#[test]
fn strict_reader_finds_no_defect() {
    batches::strict_reader::<Email>(&cases(), (0..60).map(|seed| hostile_batch(seed, 32)));
}
