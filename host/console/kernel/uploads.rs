//! Files that somebody has looked at and not taken yet: kept in memory between two forms, few and not for long.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;

use crate::item::{
    TimestampMs,
    limits::{SESSION_IDLE_TIME_MAX, UPLOADS_KEPT_MAX},
};

/// What is kept, oldest first.
#[derive(Debug, Default)]
pub(in crate::console) struct Uploads(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    last: u64,
    files: VecDeque<File>,
}

#[derive(Debug)]
struct File {
    number: u64,
    whose: String,
    bytes: Bytes,
    at_ms: TimestampMs,
}

impl Uploads {
    /// Keeps a file; the number by which its person takes it.
    pub(in crate::console) fn keep(&self, whose: &str, bytes: Bytes, now_ms: TimestampMs) -> u64 {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.last += 1;
        let number = kept.last;
        kept.files.push_back(File { number, whose: whose.to_owned(), bytes, at_ms: now_ms });
        if kept.files.len() > UPLOADS_KEPT_MAX {
            kept.files.pop_front();
        }
        number
    }

    /// Takes one that is one's own and not too old.
    pub(in crate::console) fn take(&self, whose: &str, number: u64, now_ms: TimestampMs) -> Option<Bytes> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.files.retain(|file| u128::from(now_ms.abs_diff(file.at_ms)) < SESSION_IDLE_TIME_MAX.as_millis());
        let place = kept.files.iter().position(|file| file.number == number && file.whose == whose)?;
        kept.files.remove(place).map(|file| file.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_once_by_whoever_brought_it_while_it_is_new() {
        let uploads = Uploads::default();
        let late_ms = i64::try_from(SESSION_IDLE_TIME_MAX.as_millis()).unwrap_or(i64::MAX);
        let [first, second] = [b"a", b"b"].map(|bytes| uploads.keep("anna", Bytes::from_static(bytes), 0));
        assert_eq!(uploads.take("ben", first, 1), None);
        assert_eq!(uploads.take("anna", first, 1).as_deref(), Some(&b"a"[..]));
        assert_eq!(uploads.take("anna", first, 1), None);
        assert_eq!(uploads.take("anna", second, late_ms), None);
        let many: Vec<u64> = (0..=UPLOADS_KEPT_MAX).map(|_| uploads.keep("anna", Bytes::new(), 0)).collect();
        assert_eq!(uploads.take("anna", many[0], 1), None, "the oldest goes");
    }
}
