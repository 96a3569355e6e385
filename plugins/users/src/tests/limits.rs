//! Large files: what is bounded, and that loading stays quick.

use std::{fmt::Write as _, time::Instant};

use kit::mapper::Mapper;
use sheet::decode::FILE_BYTES_MAX;

use super::{Mailboxes, codes, id, load, resolve, word};
use crate::{
    problem::{PROBLEMS_MAX, Problems},
    table::Table,
};

const HEADER: &str = "External User ID,Microsoft 365 User Mailbox\n";

fn file(rows: u32) -> String {
    let mut text = HEADER.to_owned();
    for row in 0..rows {
        writeln!(text, "49151{row:08},user{row}@example.com").unwrap();
    }
    text
}

#[test]
fn a_hundred_thousand_rows_load_quickly() {
    let text = file(100_000);
    let started = Instant::now();
    let (users, summary) = load(text.as_bytes(), "");
    let taken = started.elapsed();
    assert_eq!((summary.rows, summary.mailboxes, summary.problems.len()), (100_000, 100_000, 0));
    assert_eq!(users.rows(99_999, 10)[0].line, 100_001);
    let answers = resolve(&users, &mut Mailboxes::of(&["user77@example.com"]), vec![id("+49 151 00000077")]);
    assert_eq!(word(&answers[0]), "user77@example.com");
    // Unoptimised; the optimised build is more than ten times as fast.
    assert!(taken.as_secs() < 10, "{taken:?}");
}

#[test]
fn rows_beyond_the_limit_are_a_problem() {
    let text = file(5);
    let table = Table::open(&text).unwrap();
    for (rows_max, expected) in [(5, vec![]), (3, vec![(5, "too-many-rows")])] {
        let (mut problems, mut seen) = (Problems::default(), 0);
        table.rows(rows_max, &mut problems, |_, _| seen += 1);
        assert_eq!(seen, rows_max);
        let problems = problems.merge(Problems::default());
        assert_eq!(problems.iter().map(|problem| (problem.line, problem.code.as_str())).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_file_beyond_the_limit_is_a_problem() {
    let mut bytes = HEADER.as_bytes().to_vec();
    bytes.resize(FILE_BYTES_MAX + 1, b'\n');
    assert_eq!(codes(&load(&bytes, "").1), [(0, "file-too-large")]);
}

#[test]
fn problems_beyond_the_limit_are_counted() {
    let text = format!("{HEADER}{}", "4915112345678,nobody\n".repeat(PROBLEMS_MAX + 5));
    let (_, summary) = load(text.as_bytes(), "");
    assert_eq!(summary.problems.len(), PROBLEMS_MAX + 1);
    assert_eq!(summary.problems[0].line, 2);
    let last = summary.problems.last().unwrap();
    assert_eq!((last.line, last.code.as_str()), (0, "more-problems"));
    assert!(last.message.starts_with("5 further"), "{}", last.message);
}

#[test]
fn a_key_with_countless_rows_is_a_problem_of_each() {
    let mut text = HEADER.to_owned();
    for row in 0..150 {
        writeln!(text, "4915112345678,user{row}@example.com").unwrap();
    }
    let (users, summary) = load(text.as_bytes(), "");
    assert_eq!((summary.rows, summary.problems.len()), (0, 150));
    assert!(summary.problems.iter().all(|problem| problem.code == "too-many-rows-for-key"));
    let answers = resolve(&users, &mut Mailboxes::default(), vec![id("4915112345678")]);
    assert_eq!(word(&answers[0]), "mapping-row");
}

#[test]
fn the_same_row_a_thousand_times_is_one_mapping() {
    let text = format!("{HEADER}{}", "4915112345678,a@example.com\n".repeat(1_000));
    let (users, summary) = load(text.as_bytes(), "");
    assert_eq!((summary.rows, summary.mailboxes, summary.problems.len()), (1_000, 1, 0));
    let answers = resolve(&users, &mut Mailboxes::of(&["a@example.com"]), vec![id("4915112345678")]);
    assert_eq!(word(&answers[0]), "a@example.com");
}
