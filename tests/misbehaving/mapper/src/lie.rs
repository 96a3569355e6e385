//! Answers what may not be answered.

use std::sync::atomic::{AtomicU64, Ordering};

use kit::{
    Error, ErrorKind,
    mapper::{Broken, Resolution, RowProblem},
};

use crate::Table;

type Answer = Result<Vec<Resolution>, Error>;

/// How often this instance was asked: what a pure plugin may not let show.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// Spoils honest answers.
pub(crate) const BEHAVIOURS: Table<fn(Vec<Resolution>) -> Answer> = &[
    ("address-with-header", |answers| every(&answers, mailbox("anna@example.com\r\nBcc: eve@forbidden.example"))),
    ("answers-nothing", |_| Ok(Vec::new())),
    ("endless-reason", |answers| every(&answers, broken("unmapped", &"because ".repeat(1 << 17)))),
    ("forged-code", |answers| every(&answers, broken("Not A Code\r\n", "x"))),
    ("one-answer-less", |mut answers| {
        answers.pop();
        Ok(answers)
    }),
    ("one-answer-more", |mut answers| {
        answers.push(Resolution::Outside);
        Ok(answers)
    }),
    ("other-case", |answers| every(&answers, mailbox("ANNA@EXAMPLE.COM"))),
    ("other-every-time", |answers| match ASKED.fetch_add(1, Ordering::Relaxed) % 2 {
        0 => Ok(answers),
        _ => every(&answers, broken("unmapped", "this time")),
    }),
    ("refuses", |_| Err(Error::new(ErrorKind::Other, "no", "it would rather not"))),
    ("somebody-elses-mailbox", |answers| every(&answers, mailbox("eve@forbidden.example"))),
];

/// Says of the file what nobody can use.
pub(crate) const ABOUT_THE_FILE: Table<fn() -> Vec<RowProblem>> = &[
    ("forged-problem", || vec![problem("Not A Code\r\n", "x")]),
    ("long-problem", || vec![problem("bad-row", &"because ".repeat(1 << 17))]),
    ("problem-flood", || (0..2_000_000).map(|_| problem("bad-row", "bad")).collect()),
];

fn every(answers: &[Resolution], one: Resolution) -> Answer {
    Ok(vec![one; answers.len()])
}

fn mailbox(address: &str) -> Resolution {
    Resolution::Mailbox(address.to_owned())
}

fn broken(code: &str, message: &str) -> Resolution {
    Resolution::Broken(Broken { code: code.to_owned(), message: message.to_owned() })
}

fn problem(code: &str, message: &str) -> RowProblem {
    RowProblem { line: 1, code: code.to_owned(), message: message.to_owned() }
}
