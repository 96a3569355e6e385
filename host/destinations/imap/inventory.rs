//! What a mailbox holds: the archive's folder whole, and of the other folders what bears a mark.
//!
//! Small messages come one after the other and are hashed as they come; large ones are asked for in pieces. So memory
//! holds one small message, or one piece, and a number for each message of a folder.

use std::collections::HashSet;

use super::{
    pool::Lease,
    refusal,
    session::Session,
    tokens::{Token, fetched, quote, tokens},
    wire::{Line, Status},
};
use crate::{
    destinations::{Asked, Lies, Mark, Note, inventory::Seen},
    item::{Failure, limits},
};

/// Messages that one command asks for.
const AT_ONCE_MAX: usize = 1_000;

/// Tells what is asked for.
pub(super) async fn inventory(lease: &mut Lease<'_>, asked: Asked<'_>, note: &mut Note<'_>) -> Result<(), Failure> {
    let place = lease.place().to_owned();
    let session = lease.session().await?;
    let done = match asked {
        Asked::Folder(_) => {
            let folder = session.folder.clone();
            one_folder(session, &place, &folder, None, note).await
        }
        Asked::Elsewhere(marks) => elsewhere(session, &place, marks, note).await,
    };
    if done.is_err() {
        // An answer may still be under way.
        lease.give_up();
    }
    done
}

async fn elsewhere(
    session: &mut Session,
    place: &str,
    marks: &HashSet<Mark>,
    note: &mut Note<'_>,
) -> Result<(), Failure> {
    let mut folders = Vec::new();
    let status = session
        .wire
        .command("LIST \"\" \"*\"", |line| {
            if folders.len() < limits::IMAP_FOLDERS_MAX {
                folders.extend(folder(&line));
            }
            Ok(())
        })
        .await?;
    ended_well(place, &status)?;
    let archive = session.folder.clone();
    for folder in folders.iter().filter(|folder| **folder != archive) {
        one_folder(session, place, folder, Some(marks), note).await?;
    }
    Ok(())
}

/// The folder of a line of LIST, as an argument of commands; none when it cannot be opened.
fn folder(line: &Line) -> Option<String> {
    let tokens = tokens(line);
    let [word, Token::Open, rest @ ..] = tokens.as_slice() else { return None };
    let close = rest.iter().position(|token| *token == Token::Close)?;
    let opens = !rest[..close].iter().any(|flag| flag.is("\\Noselect") || flag.is("\\NonExistent"));
    let name = std::str::from_utf8(rest.get(close + 2)?.bytes()?).ok()?;
    let fits = name.chars().all(|character| (' '..='~').contains(&character));
    (word.is("LIST") && opens && fits).then(|| quote(name))
}

/// Tells what a folder holds, or of that what bears a mark. A folder that is not there holds nothing.
async fn one_folder(
    session: &mut Session,
    place: &str,
    folder: &str,
    marks: Option<&HashSet<Mark>>,
    note: &mut Note<'_>,
) -> Result<(), Failure> {
    let is_archive = *folder == session.folder;
    let examined = match session.examine_folder(place, folder).await {
        // A folder of somebody else that is shown and not opened is no reason to say nothing of the others.
        Err(failure) if !is_archive && failure.code == "folder-refused" => return Ok(()),
        examined => examined?,
    };
    let Some(examined) = examined.filter(|examined| examined.messages > 0) else { return Ok(()) };
    let mut messages: Vec<(u32, u64)> = Vec::new();
    let mut gone = 0_u32;
    let what = if marks.is_some() {
        "UID FETCH 1:* (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-CHANCERY-ITEM X-CHANCERY-EVENT)])"
    } else {
        "UID FETCH 1:* (UID RFC822.SIZE)"
    };
    let mut shown = 0_u32;
    let status = session
        .wire
        .command(what, |line| {
            if let Some((uid, bytes)) = sized(&line) {
                shown += 1;
                let is_wanted = marks.is_none_or(|marks| {
                    let header = fetched(&line).and_then(|fetched| Mark::read(fetched.section.bytes()?));
                    header.is_some_and(|mark| marks.contains(&mark))
                });
                if is_wanted {
                    messages.push((uid, bytes));
                }
            } else if is_expunge(&line) {
                gone += 1;
            }
            Ok(())
        })
        .await?;
    ended_well(place, &status)?;
    if shown + gone < examined.messages {
        return Err(too_few(place, shown, examined.messages));
    }
    messages.sort_unstable();
    let lies = if is_archive { Lies::InFolder } else { Lies::Elsewhere };
    for batch in batches(&messages) {
        match batch {
            [(uid, bytes)] if *bytes > limits::IMAP_LITERAL_BYTES_MAX => {
                large(session, place, *uid, lies, note).await?;
            }
            some => small(session, place, some, lies, note).await?,
        }
    }
    Ok(())
}

/// Cuts into what one command asks for: large messages stand alone.
fn batches(messages: &[(u32, u64)]) -> impl Iterator<Item = &[(u32, u64)]> {
    let is_large = |(_, bytes): &(u32, u64)| *bytes > limits::IMAP_LITERAL_BYTES_MAX;
    messages.chunk_by(move |a, b| !is_large(a) && !is_large(b)).flat_map(|run| run.chunks(AT_ONCE_MAX))
}

async fn small(
    session: &mut Session,
    place: &str,
    batch: &[(u32, u64)],
    lies: Lies,
    note: &mut Note<'_>,
) -> Result<(), Failure> {
    let (mut shown, mut gone) = (0, 0);
    // Some servers only estimate sizes: what is a little over the limit is taken all the same.
    let bytes_max = limits::IMAP_LITERAL_BYTES_MAX * 4;
    let status = session
        .wire
        .command_for(&format!("UID FETCH {} (UID BODY.PEEK[])", set(batch)), bytes_max, |line| {
            if let Some(fetched) = fetched(&line) {
                shown += 1;
                let mut seen = Seen::default();
                seen.take(fetched.section.bytes().unwrap_or_default());
                note(seen.end(lies));
            } else if is_expunge(&line) {
                gone += 1;
            }
            Ok(())
        })
        .await?;
    ended_well(place, &status)?;
    if shown + gone < batch.len() {
        return Err(too_few(place, shown, batch.len()));
    }
    Ok(())
}

async fn large(session: &mut Session, place: &str, uid: u32, lies: Lies, note: &mut Note<'_>) -> Result<(), Failure> {
    let mut seen = Seen::default();
    let mut at = 0;
    loop {
        let mut read = None;
        let piece = limits::IMAP_LITERAL_BYTES_MAX;
        let status = session
            .wire
            .command(&format!("UID FETCH {uid} (UID BODY.PEEK[]<{at}.{piece}>)"), |line| {
                if let Some(fetched) = fetched(&line) {
                    let bytes = fetched.section.bytes().unwrap_or_default();
                    seen.take(bytes);
                    read = Some(bytes.len() as u64);
                }
                Ok(())
            })
            .await?;
        ended_well(place, &status)?;
        match read {
            // Somebody deleted it meanwhile.
            None => return Ok(()),
            Some(read) if read == piece => at += read,
            Some(_) => {
                note(seen.end(lies));
                return Ok(());
            }
        }
    }
}

/// UIDs as an argument, neighbours together.
fn set(batch: &[(u32, u64)]) -> String {
    let runs = batch.chunk_by(|(a, _), (b, _)| a.checked_add(1) == Some(*b));
    let runs = runs.filter_map(|run| match run {
        [] => None,
        [(only, _)] => Some(only.to_string()),
        [(first, _), .., (last, _)] => Some(format!("{first}:{last}")),
    });
    runs.collect::<Vec<_>>().join(",")
}

/// UID and size of a message.
fn sized(line: &Line) -> Option<(u32, u64)> {
    let tokens = tokens(line);
    let [_, word, Token::Open, pairs @ ..] = tokens.as_slice() else { return None };
    let value = |name: &str| pairs.iter().position(|token| token.is(name)).and_then(|at| pairs.get(at + 1));
    word.is("FETCH").then_some(())?;
    Some((value("UID")?.number()?, value("RFC822.SIZE")?.number()?))
}

fn is_expunge(line: &Line) -> bool {
    matches!(tokens(line).as_slice(), [_, word, ..] if word.is("EXPUNGE"))
}

fn ended_well(place: &str, status: &Status) -> Result<(), Failure> {
    if status.is_ok() {
        return Ok(());
    }
    Err(refusal::later(place, status).unwrap_or_else(|| refusal::dropped(place, status)))
}

/// What it did not show might be what is looked for.
fn too_few(place: &str, shown: impl std::fmt::Display, of: impl std::fmt::Display) -> Failure {
    refusal::garbage(place, &format!("it shows {shown} of {of} messages"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line { text: text.as_bytes().to_vec(), literals: Vec::new() }
    }

    #[test]
    fn folders_are_read_from_a_list() {
        for (text, expect) in [
            ("LIST (\\HasNoChildren) \"/\" INBOX", Some("\"INBOX\"")),
            ("LIST (\\HasNoChildren \\Sent) \"/\" \"Sent \\\"x\\\"\"", Some("\"Sent \\\"x\\\"\"")),
            ("LIST () NIL a", Some("\"a\"")),
            ("LIST (\\Noselect) \"/\" a", None),
            ("LIST (\\NonExistent) \"/\" a", None),
            ("LIST () \"/\" \u{fc}", None),
            ("LIST () \"/\"", None),
            ("STATUS a (MESSAGES 1)", None),
        ] {
            assert_eq!(folder(&line(text)).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn large_messages_stand_alone_and_sets_are_short() {
        let large = limits::IMAP_LITERAL_BYTES_MAX + 1;
        let messages = [(1, 10), (2, 10), (4, 10), (5, large), (6, large), (7, 10)];
        let cut: Vec<String> = batches(&messages).map(set).collect();
        assert_eq!(cut, ["1:2,4", "5", "6", "7"]);
        let many: Vec<(u32, u64)> = (1..=2_500).map(|uid| (uid, 1)).collect();
        assert_eq!(batches(&many).map(set).collect::<Vec<_>>(), ["1:1000", "1001:2000", "2001:2500"]);
        assert_eq!(batches(&[]).count(), 0);
    }

    #[test]
    fn a_size_comes_in_any_order() {
        for (text, expect) in [
            ("1 FETCH (UID 7 RFC822.SIZE 12)", Some((7, 12))),
            ("1 FETCH (RFC822.SIZE 12 UID 7)", Some((7, 12))),
            ("1 FETCH (FLAGS (\\Seen))", None),
            ("1 EXPUNGE", None),
        ] {
            assert_eq!(sized(&line(text)), expect, "{text}");
        }
    }
}
