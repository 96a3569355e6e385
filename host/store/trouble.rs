//! What an object store's errors mean: each a failure with its own reason, carried by an error of IO.

use std::{error::Error as StdError, io};

use crate::item::{Failure, NextMove, limits};

/// What was asked for, and may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// One object, which may be gone.
    Object,
    /// Something that is never missing, but in a container that is.
    Container,
}

/// Why a call failed.
pub(super) fn of(label: &str, asked: Asked, error: &object_store::Error) -> io::Error {
    match status(error) {
        Some(404) if asked == Asked::Object && !names_a_missing_container(error) => {
            io::Error::new(io::ErrorKind::NotFound, "it is not there")
        }
        Some(404) => {
            let message = format!("the object store `{label}` has no such container");
            Failure::new("store-container-missing", NextMove::AskPerson, message)
                .hint("make the container (chancery never makes one), or mend its name; then run `chancery sync` again")
                .into_io(io::ErrorKind::Other)
        }
        Some(401 | 403) => {
            let message = format!("the object store `{label}` refused the host's key");
            Failure::new("store-denied", NextMove::AskPerson, message)
                .hint("set the right secret, with the right to read, write, list and delete there; then run `chancery sync` again")
                .into_io(io::ErrorKind::Other)
        }
        _ => unreachable(label, &words(error)),
    }
}

/// What the other side answered. Of a listing only the words say it.
fn status(error: &object_store::Error) -> Option<u16> {
    use object_store::Error;
    match error {
        Error::NotFound { .. } => Some(404),
        Error::PermissionDenied { .. } => Some(403),
        Error::Unauthenticated { .. } => Some(401),
        error => words(error).split_once("status code: ")?.1.get(..3)?.parse().ok(),
    }
}

/// No answer within the time a call may take.
pub(super) fn timed_out(label: &str) -> io::Error {
    unreachable(label, &format!("no answer in {} s", limits::STORE_CALL_TIME_MAX.as_secs()))
}

fn unreachable(label: &str, why: &str) -> io::Error {
    let message = format!("the object store `{label}` cannot be reached: {why}");
    Failure::new("store-unreachable", NextMove::Retry { after: None }, message)
        .hint("check the network (`chancery doctor`), then run `chancery sync` again: nothing is lost")
        .into_io(io::ErrorKind::Other)
}

/// Azure, S3 and Google each have their word.
fn names_a_missing_container(error: &object_store::Error) -> bool {
    let text = error.to_string();
    ["ContainerNotFound", "ContainerBeingDeleted", "NoSuchBucket", "bucket does not exist"]
        .iter()
        .any(|word| text.contains(word))
}

/// The innermost cause in few words. What the other side wrote is left out: it may repeat what was sent.
pub(super) fn words(error: &object_store::Error) -> String {
    /// Characters kept.
    const CHARACTERS_MAX: usize = 200;
    let mut cause: &dyn StdError = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.split(['<', '{']).next().unwrap_or_default();
    first.trim_end_matches([' ', ':']).chars().take(CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn every_error_has_its_reason_and_repeats_nothing_that_was_sent() {
        let source = |text: &str| -> Box<dyn StdError + Send + Sync> { text.into() };
        let not_found = |text: &str| object_store::Error::NotFound { path: "p".into(), source: source(text) };
        let generic = |text: &str| object_store::Error::Generic { store: "x", source: source(text) };
        let table = [
            (Asked::Container, not_found("404"), "store-container-missing", NextMove::AskPerson),
            (
                Asked::Object,
                not_found("404 <Code>ContainerNotFound</Code>"),
                "store-container-missing",
                NextMove::AskPerson,
            ),
            (
                Asked::Object,
                object_store::Error::PermissionDenied { path: "p".into(), source: source("canary") },
                "store-denied",
                NextMove::AskPerson,
            ),
            (
                Asked::Object,
                object_store::Error::Unauthenticated { path: "p".into(), source: source("canary") },
                "store-denied",
                NextMove::AskPerson,
            ),
            (
                Asked::Container,
                generic("non-2xx status code: 404 Not Found: canary"),
                "store-container-missing",
                NextMove::AskPerson,
            ),
            (
                Asked::Container,
                generic("non-2xx status code: 403 Forbidden: <canary>"),
                "store-denied",
                NextMove::AskPerson,
            ),
            (
                Asked::Container,
                generic("503: <Error>canary\ncanary"),
                "store-unreachable",
                NextMove::Retry { after: None },
            ),
        ];
        for (asked, error, code, next) in table {
            let error = of("azure:a/b", asked, &error);
            let failure = Failure::within(&error).unwrap();
            assert_eq!((&*failure.code, failure.next), (code, next));
            assert!(!failure.message.contains("canary"), "{failure}");
        }
        let gone = of("azure:a/b", Asked::Object, &not_found("404 <Code>BlobNotFound</Code>"));
        assert_eq!((gone.kind(), Failure::within(&gone)), (io::ErrorKind::NotFound, None));
    }
}
