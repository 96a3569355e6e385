//! Looks into one mailbox: its folder first, and for what is not there its other folders.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::Arc,
};

use super::{
    Archive, Class,
    classify::{Seen, classify},
};
use crate::{
    destinations::{Asked, Lies, Mark, Sighting},
    item::{Failure, limits},
    pipeline::{
        policy::{self, Decision},
        turn::{DestinationSlot, blocking},
    },
    state::{CopyKey, Receipted},
};

/// Why nothing can be said of a mailbox.
pub(super) enum Unseen {
    /// It cannot be looked into; the others can.
    Mailbox(Failure),
    /// The record cannot be read.
    Record(Failure),
}

/// What was seen so far.
struct Sights<'a> {
    /// By SHA-256.
    copies: &'a [Receipted],
    seen: Vec<Seen>,
    /// Of messages that are none of the copies, how many say they are of an item: in the folder, and elsewhere.
    marks: [HashMap<Mark, u32>; 2],
    /// Messages of the folder that are none of the copies.
    others: u64,
}

impl<'a> Sights<'a> {
    fn new(copies: &'a [Receipted]) -> Self {
        Self { copies, seen: vec![Seen::default(); copies.len()], marks: Default::default(), others: 0 }
    }

    /// Where the copies are that were delivered with these bytes.
    fn of_message(&self, sha256: &[u8; 32]) -> Range<usize> {
        let first = self.copies.partition_point(|copy| copy.sha256 < *sha256);
        first..first + self.copies[first..].iter().take_while(|copy| copy.sha256 == *sha256).count()
    }

    fn note(&mut self, sighting: &Sighting) {
        let same = self.of_message(&sighting.sha256);
        for seen in &mut self.seen[same.clone()] {
            match sighting.lies {
                Lies::InFolder => seen.in_folder = seen.in_folder.saturating_add(1),
                Lies::Elsewhere => seen.elsewhere = true,
            }
            seen.not_comparable |= !sighting.is_comparable;
        }
        if !same.is_empty() {
            return;
        }
        let part = match sighting.lies {
            Lies::InFolder => {
                self.others += 1;
                0
            }
            Lies::Elsewhere => 1,
        };
        let marks = &mut self.marks[part];
        if let Some(mark) =
            sighting.mark.filter(|mark| marks.len() < limits::RECONCILE_MARKS_MAX || marks.contains_key(mark))
        {
            *marks.entry(mark).or_default() += 1;
        }
    }

    fn is_unseen(&self, at: usize) -> bool {
        let seen = self.seen[at];
        seen.in_folder == 0 && !seen.elsewhere && !seen.altered && !self.copies[at].is_erased
    }

    /// Gives the messages that say they are of an item to the copies of it that were not seen, one to each.
    fn match_marks(&mut self, part: usize, unseen: &[(usize, Mark)]) {
        for (at, mark) in unseen {
            if self.is_unseen(*at)
                && let Some(left) = self.marks[part].get_mut(mark)
                && *left > 0
            {
                *left -= 1;
                // A message over several items says so of the first of them.
                let same = self.of_message(&self.copies[*at].sha256);
                self.seen[same].iter_mut().for_each(|seen| seen.altered = true);
                if part == 0 {
                    self.others -= 1;
                }
            }
        }
    }
}

/// Judges the copies of a mailbox, sorted by SHA-256; also counts what else lies in its folder.
pub(super) async fn look(
    archive: &Archive<'_>,
    slot: &DestinationSlot,
    address: &str,
    copies: &[Receipted],
) -> Result<(Vec<Class>, u64), Unseen> {
    let wanted: Vec<[u8; 32]> = copies.iter().map(|copy| copy.sha256).collect();
    let mut sights = Sights::new(copies);
    ask(archive, slot, address, Asked::Folder(&wanted), &mut sights, |sights| *sights = Sights::new(copies))
        .await
        .map_err(Unseen::Mailbox)?;
    let unseen: Vec<usize> = (0..copies.len()).filter(|at| sights.is_unseen(*at)).collect();
    let unseen = marks(archive, copies, unseen).await.map_err(Unseen::Record)?;
    sights.match_marks(0, &unseen);
    let left: HashSet<Mark> = unseen.iter().filter(|(at, _)| sights.is_unseen(*at)).map(|(_, mark)| *mark).collect();
    if !left.is_empty() {
        // Twice seen elsewhere is no more than once, so that only the marks need to be forgotten.
        ask(archive, slot, address, Asked::Elsewhere(&left), &mut sights, |sights| sights.marks[1].clear())
            .await
            .map_err(Unseen::Mailbox)?;
        sights.match_marks(1, &unseen);
    }
    let classes = copies.iter().zip(&sights.seen).map(|(copy, seen)| classify(copy.is_erased, *seen));
    Ok((classes.collect(), sights.others))
}

/// Asks the destination, a few times if it must be; `forget` makes ready for another attempt.
async fn ask<'a>(
    archive: &Archive<'_>,
    slot: &DestinationSlot,
    address: &str,
    asked: Asked<'_>,
    sights: &mut Sights<'a>,
    forget: impl Fn(&mut Sights<'a>),
) -> Result<(), Failure> {
    let mut attempt = 0;
    loop {
        let mut note = |sighting: Sighting| sights.note(&sighting);
        let Err(failure) = slot.destination.inventory(address, asked, &mut note).await else { return Ok(()) };
        attempt += 1;
        let (code, connector) = (&failure.code, archive.connector);
        match policy::decide(failure.next, attempt, true) {
            Decision::Wait(wait) if attempt < limits::RECONCILE_ATTEMPTS_MAX => {
                tracing::warn!(connector, code, attempt, wait_ms = wait.as_millis(), "{failure}; looking again");
                tokio::time::sleep(wait).await;
                forget(sights);
            }
            _ => return Err(failure),
        }
    }
}

/// Which item each of these copies is of, as a message would say it.
async fn marks(archive: &Archive<'_>, copies: &[Receipted], unseen: Vec<usize>) -> Result<Vec<(usize, Mark)>, Failure> {
    let keys: Vec<(usize, CopyKey)> = unseen.into_iter().map(|at| (at, copies[at].copy)).collect();
    let state = Arc::clone(archive.state);
    blocking(move || {
        let mut marks = Vec::with_capacity(keys.len());
        for (at, CopyKey { ordinal, .. }) in keys {
            // Erased meanwhile: then it is not told from others.
            let Some(private) = state.item_private(ordinal)? else { continue };
            marks.push((at, Mark::of(&private.id, state.item(ordinal)?.event.name())));
        }
        Ok(marks)
    })
    .await
}
