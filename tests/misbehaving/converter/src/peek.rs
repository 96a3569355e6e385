//! Reads attachments: all of them, more than may be read, and those of nobody. What came of it stands in the messages.

use std::fmt::Write;

use kit::converter::{Batch, State};

use crate::{Answer, Table, honest};

pub(crate) const BEHAVIOURS: Table<fn(&Batch) -> Answer> = &[
    ("reads-all", |batch| reported(batch, &read_all(batch))),
    ("reads-beyond", |batch| {
        let beyond = [(0, 0, u64::MAX, 64), (0, 4_242, 0, 64), (4_242, 0, 0, 64), (0, 0, 0, u32::MAX)];
        let outcomes = beyond.map(|(item, attachment, offset, max)| outcome(read(item, attachment, offset, max)));
        reported(batch, &outcomes.join(", "))
    }),
    ("reads-for-ever", |batch| {
        // Until the host says no: every read counts, also of the same bytes.
        let mut total = 0_u64;
        loop {
            match read(0, 0, 0, 1 << 20) {
                Ok(bytes) if !bytes.is_empty() => total += bytes.len() as u64,
                end => return reported(batch, &format!("{total} bytes, then {}", outcome(end))),
            }
        }
    }),
];

fn reported(batch: &Batch, note: &str) -> Answer {
    honest::messages(batch, note).into_iter().map(Ok).collect()
}

/// Every present attachment to its end, as `item.attachment: bytes`.
fn read_all(batch: &Batch) -> String {
    let mut note = String::from("read");
    for (item, item_number) in batch.items.iter().zip(0..) {
        for (attachment, number) in item.attachments.iter().zip(0..) {
            if attachment.state != State::Present {
                continue;
            }
            let mut offset = 0;
            let end = loop {
                match read(item_number, number, offset, 1 << 20) {
                    Ok(bytes) if !bytes.is_empty() => offset += bytes.len() as u64,
                    end => break end,
                }
            };
            // Writing into a string cannot fail.
            let _ = match end {
                Ok(_) => write!(note, " {item_number}.{number}: {offset}"),
                Err(code) => write!(note, " {item_number}.{number}: {code} at {offset}"),
            };
        }
    }
    note
}

fn outcome(read: Result<Vec<u8>, String>) -> String {
    read.map_or_else(|code| code, |bytes| format!("{} bytes", bytes.len()))
}

/// The import; its error is the code alone.
#[cfg(target_family = "wasm")]
fn read(item: u32, attachment: u32, offset: u64, max: u32) -> Result<Vec<u8>, String> {
    use crate::component::chancery::connector::attachments::read_attachment;
    read_attachment(item, attachment, offset, max).map_err(|error| error.code)
}

/// Outside a component nothing can be read.
#[cfg(not(target_family = "wasm"))]
fn read(_: u32, _: u32, _: u64, _: u32) -> Result<Vec<u8>, String> {
    Err("no-host".to_owned())
}
