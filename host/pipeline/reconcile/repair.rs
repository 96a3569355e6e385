//! Writes again what a mailbox lost: durable intent, write, durable end, as for delivery, and never other bytes than were
//! delivered.
//!
//! The bytes come from the staged page, converted once more; else from another mailbox that has them; else from the
//! source, asked again. Whatever comes must have the SHA-256 that the ledger committed to. What the destination knows
//! under its Message-ID is not written: somebody altered it, and it is theirs. A death in the middle leaves a repair that
//! was begun; the next one looks first, as this one did, and so doubles nothing.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use futures::future::BoxFuture;

use super::{
    Fate,
    lost::{self, Lost, Ready},
};
use crate::{
    destinations::{Delivered, Delivery},
    item::{BlobSource, Failure, limits},
    pipeline::{
        attempt::attempt,
        crash,
        turn::{DestinationSlot, Turn},
    },
    state::{CopyKey, Group, Receipted, Repair, RepairOutcome, Repaired, WindowId},
};

/// Puts together a turn that may ask the source: only when it must be asked, for that needs its secret.
pub type SourceTurn<'a> = dyn Fn() -> BoxFuture<'a, Result<Turn, Failure>> + Send + Sync + 'a;

/// How, by whom and why missing copies are written again.
pub struct Repairs<'a> {
    /// A turn that does not ask the source.
    pub turn: &'a Turn,
    /// One that does.
    pub source: &'a SourceTurn<'a>,
    /// Who decided it.
    pub actor: String,
    /// Why.
    pub reason: String,
}

impl Repairs<'_> {
    /// Repairs the missing copies of one mailbox, which the caller holds, and says what became of each.
    ///
    /// # Errors
    /// What ended it; what was written until then is recorded, and what was only begun is looked for next time.
    pub(super) async fn mailbox(
        &self,
        slot: &DestinationSlot,
        address: &str,
        missing: &[Receipted],
        fates: &mut HashMap<CopyKey, Fate>,
    ) -> Result<(), Failure> {
        for some in chunks(missing, limits::REPAIR_COPIES_MAX) {
            let mut lost = lost::load(self.turn, &some).await?;
            let windows: BTreeSet<WindowId> = lost.iter().map(|lost| lost.row.window).collect();
            let blobs: Arc<dyn BlobSource> = Arc::clone(&self.turn.stage) as _;
            let ready = lost::from_stage(self.turn, slot, address, &mut lost).await?;
            self.write(slot, ready, &blobs, fates).await?;
            while !lost.is_empty() {
                let ready = lost::from_other_mailboxes(self.turn, slot, address, &mut lost).await?;
                if ready.is_empty() {
                    break;
                }
                self.write(slot, ready, &blobs, fates).await?;
            }
            if !lost.is_empty() {
                self.ask_source(slot, address, &mut lost, fates).await?;
            }
            for Lost { receipted, why, .. } in lost {
                let code = why.unwrap_or_else(|| "repair-no-source".to_owned());
                fates.insert(receipted.copy, Fate::NotRepaired { code });
            }
            self.turn
                .with_state(move |state| {
                    windows.into_iter().try_for_each(|window| state.seal_if_settled(window).map(drop))
                })
                .await?;
        }
        Ok(())
    }

    async fn ask_source(
        &self,
        slot: &DestinationSlot,
        address: &str,
        lost: &mut Vec<Lost>,
        fates: &mut HashMap<CopyKey, Fate>,
    ) -> Result<(), Failure> {
        let asking = match (self.source)().await {
            Ok(turn) => turn,
            // Without the source nothing more can be done, and that is said of each copy.
            Err(failure) => {
                lost.iter_mut().for_each(|lost| lost.why_not(&failure.code));
                return Ok(());
            }
        };
        let blobs: Arc<dyn BlobSource> = Arc::clone(&asking.stage) as _;
        let windows: BTreeSet<WindowId> = lost.iter().map(|lost| lost.row.window).collect();
        for window in windows {
            let mut cursor = None;
            for _ in 0..limits::WINDOW_PAGES_MAX {
                let asked = cursor.clone();
                let (ready, next) = lost::from_source(&asking, slot, address, window, asked, lost).await?;
                self.write(slot, ready, &blobs, fates).await?;
                // A source that answers the cursor it was asked with has no more to give.
                if next.is_none() || next == cursor || lost.iter().all(|lost| lost.row.window != window) {
                    break;
                }
                cursor = next;
            }
        }
        Ok(())
    }

    /// Writes some copies, a group at a time.
    async fn write(
        &self,
        slot: &DestinationSlot,
        ready: Vec<Ready>,
        blobs: &Arc<dyn BlobSource>,
        fates: &mut HashMap<CopyKey, Fate>,
    ) -> Result<(), Failure> {
        let copies_max = slot.destination.capabilities().group_copies_max.clamp(1, limits::GROUP_COPIES_MAX);
        let mut ready = ready.into_iter().peekable();
        while ready.peek().is_some() {
            let (mut group, mut bytes) = (Vec::new(), 0);
            while let Some(next) = ready.next_if(|next| {
                let size = next.delivery.message.skeleton.len();
                group.is_empty() || (group.len() < copies_max && bytes + size <= limits::GROUP_BYTES_MAX)
            }) {
                bytes += next.delivery.message.skeleton.len();
                group.push(next);
            }
            self.write_group(slot, group, blobs, fates).await?;
        }
        Ok(())
    }

    async fn write_group(
        &self,
        slot: &DestinationSlot,
        group: Vec<Ready>,
        blobs: &Arc<dyn BlobSource>,
        fates: &mut HashMap<CopyKey, Fate>,
    ) -> Result<(), Failure> {
        let deliveries: Vec<Delivery> = group.iter().map(|ready| ready.delivery.clone()).collect();
        let look = || slot.destination.present(&deliveries);
        let there = attempt(self.turn, false, look).await.map_err(|(failure, _)| failure)?;
        let mut to_write = Vec::with_capacity(group.len());
        for (ready, token) in group.into_iter().zip(there) {
            match token {
                // With its own bytes it would have been found.
                Some(_) => {
                    let fate = Fate::NotRepaired { code: "repair-altered".to_owned() };
                    fates.extend(ready.receipted.iter().map(|receipted| (receipted.copy, fate.clone())));
                }
                None => to_write.push(ready),
            }
        }
        if to_write.is_empty() {
            return Ok(());
        }
        let mut facts = Group::new();
        for receipted in to_write.iter().flat_map(|ready| &ready.receipted) {
            facts.repair(Repair {
                copy: receipted.copy,
                sha256: receipted.sha256,
                reason: self.reason.clone(),
                actor: self.actor.clone(),
            });
        }
        self.turn.with_state(move |state| state.commit(facts)).await?;
        crash::point("repair:intended");
        let deliveries = to_write.iter().map(|ready| ready.delivery.clone()).collect();
        let answers = slot.destination.deliver(deliveries, Arc::clone(blobs)).await?;
        crash::point("repair:written");
        let mut facts = Group::new();
        for (Ready { receipted, .. }, answer) in to_write.into_iter().zip(answers) {
            let (outcome, token, fate) = match answer {
                Delivered::Stored(token) => (RepairOutcome::Written, token, Fate::Repaired),
                Delivered::AlreadyThere(token) => (RepairOutcome::WasThere, token, Fate::Repaired),
                Delivered::Refused(failure) => {
                    (RepairOutcome::Refused, Vec::new(), Fate::NotRepaired { code: failure.code })
                }
            };
            for Receipted { copy, .. } in receipted {
                facts.repaired(Repaired { copy, outcome, token: token.clone() });
                fates.insert(copy, fate.clone());
            }
        }
        self.turn.with_state(move |state| state.commit(facts)).await
    }
}

/// Cuts copies into so many at a time, those that were delivered with the same bytes together; few are, and a chunk is
/// larger than any message.
fn chunks(copies: &[Receipted], copies_max: usize) -> Vec<Vec<Receipted>> {
    let mut first_of: HashMap<[u8; 32], CopyKey> = HashMap::new();
    for copy in copies {
        first_of.entry(copy.sha256).or_insert(copy.copy);
    }
    let mut sorted = copies.to_vec();
    sorted.sort_by_key(|copy| (first_of[&copy.sha256], copy.copy));
    let mut chunks: Vec<Vec<Receipted>> = Vec::new();
    for same in sorted.chunk_by(|one, other| one.sha256 == other.sha256) {
        match chunks.last_mut() {
            Some(chunk) if chunk.len() + same.len() <= copies_max => chunk.extend_from_slice(same),
            _ => chunks.push(same.to_vec()),
        }
    }
    chunks
}
