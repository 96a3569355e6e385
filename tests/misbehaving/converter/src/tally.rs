//! Spoils the answer as a whole: which items it covers, how it fails, and whether it is the same every time.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    io::{self, Write},
    sync::atomic::{AtomicU32, Ordering},
    time::SystemTime,
};

use kit::converter::{Batch, Failure, Message};

use crate::{Answer, Table, honest, refuse};

type Tally = fn(Vec<Message>, &Batch) -> Answer;

pub(crate) const BEHAVIOURS: Table<Tally> = &[
    ("bad-failure", |_, batch| refuse(batch, "NOT a\r\ncode", &"\u{1b}[31mred\r\nalert\0 ".repeat(64 << 10))),
    ("batch-dependent", |_, batch| noted(batch, &format!("one of {}", batch.items.len()))),
    ("covers-all-at-once", |messages, batch| {
        let items: Vec<_> = (0..batch.items.len() as u32).collect();
        messages.into_iter().take(1).map(|message| Ok(Message { items: items.clone(), ..message })).collect()
    }),
    ("covers-none", |messages, _| {
        messages.into_iter().map(|message| Ok(Message { items: Vec::new(), ..message })).collect()
    }),
    ("covers-nothing-known", |messages, _| {
        messages.into_iter().map(|message| Ok(Message { items: vec![u32::MAX], ..message })).collect()
    }),
    ("covers-twice", |messages, _| messages.iter().chain(&messages).cloned().map(Ok).collect()),
    ("covers-twice-in-one", |messages, _| {
        messages
            .into_iter()
            .map(|message| Ok(Message { items: [message.items.clone(), message.items].concat(), ..message }))
            .collect()
    }),
    ("fails", |_, batch| refuse(batch, "made-up", "the converter failed, because a test asked it to")),
    ("fails-and-covers", |messages, batch| {
        let failures = refuse(batch, "made-up", "the items were written all the same");
        messages.into_iter().map(Ok).chain(failures).collect()
    }),
    ("fails-for-none", |_, _| {
        vec![Err(Failure { items: Vec::new(), code: "made-up".to_owned(), message: "about nothing".to_owned() })]
    }),
    ("logs-texts", |messages, batch| {
        for item in &batch.items {
            let _ = writeln!(io::stderr(), "{}: {}", item.id, item.text.as_deref().unwrap_or_default());
        }
        messages.into_iter().map(Ok).collect()
    }),
    ("fails-second", |messages, _| {
        let failure =
            |items| Failure { items, code: "made-up".to_owned(), message: "every second item fails".to_owned() };
        let answer = |(number, message): (usize, Message)| match number % 2 {
            0 => Ok(message),
            _ => Err(failure(message.items)),
        };
        messages.into_iter().enumerate().map(answer).collect()
    }),
    ("huge-return", |messages, _| {
        let padding = ("x".repeat(76) + "\r\n").repeat((8 << 20) / 78);
        let grown = |mut message: Message| {
            message.skeleton.extend_from_slice(padding.as_bytes());
            Ok(message)
        };
        // 12 of 8 MiB are over what one call may move, whatever the batch.
        messages.into_iter().cycle().take(12).map(grown).collect()
    }),
    ("non-deterministic", |_, batch| noted(batch, &format!("call {}", calls_before()))),
    ("returns-nothing", |_, _| Vec::new()),
    ("skips-last", |mut messages, _| {
        messages.pop();
        messages.into_iter().map(Ok).collect()
    }),
    ("uses-clock", |_, batch| {
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        noted(batch, &format!("clock {}", time.map_or(-1, |time| time.as_nanos() as i128)))
    }),
    ("uses-random", |_, batch| noted(batch, &format!("random {}", RandomState::new().hash_one(0_u8)))),
];

/// Honest messages but for one line.
fn noted(batch: &Batch, note: &str) -> Answer {
    honest::messages(batch, note).into_iter().map(Ok).collect()
}

/// How many calls this instance has seen: what a pure function must not know.
fn calls_before() -> u32 {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    CALLS.fetch_add(1, Ordering::Relaxed)
}
