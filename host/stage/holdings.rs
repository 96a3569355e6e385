//! What lies in the stage, and which keys it needs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{self, Read as _},
};

use super::{
    PageName, Stage,
    objects::{Kind, Place},
};
use crate::item::Failure;

/// Objects of one sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Pages.
    pub pages: u64,
    /// Attachments.
    pub attachments: u64,
    /// Bytes of both, as they lie there.
    pub bytes: u64,
}

/// The beginning of an object that surely holds its header: one line and two of base64 a recipient.
const HEADER_BYTES_MAX: u64 = 64 << 10;

impl Stage {
    /// Where the objects lie, for people.
    pub fn label(&self) -> String {
        self.objects.label()
    }

    /// The pages that are there.
    ///
    /// # Errors
    /// `stage-io`; what an object store fails with.
    pub fn pages(&self) -> Result<Vec<PageName>, Failure> {
        let listed = self.objects.list(Kind::Page).map_err(|error| self.failure("listing it", &error))?;
        Ok(listed.into_iter().filter_map(|page| page.place.name()).collect())
    }

    /// Everything that is there, by what its pages are needed for; an attachment by the strongest need of the pages that
    /// refer to it, and what nothing needs under none.
    ///
    /// # Errors
    /// `stage-io` when a page cannot be read; what an object store fails with.
    pub fn holdings<N: Copy + Ord>(
        &self,
        needs: &HashMap<PageName, N>,
    ) -> Result<BTreeMap<Option<N>, Holding>, Failure> {
        self.try_holdings(needs).map_err(|error| self.failure("looking through it", &error))
    }

    fn try_holdings<N: Copy + Ord>(&self, needs: &HashMap<PageName, N>) -> io::Result<BTreeMap<Option<N>, Holding>> {
        let mut holdings: BTreeMap<Option<N>, Holding> = BTreeMap::new();
        let mut needed: HashMap<[u8; 32], N> = HashMap::new();
        let attachments = self.objects.list(Kind::Attachment)?;
        for page in self.objects.list(Kind::Page)? {
            let need = page.place.name().and_then(|name| needs.get(&name).copied());
            let holding = holdings.entry(need).or_default();
            holding.pages += 1;
            holding.bytes += page.bytes;
            if let (Some(need), false) = (need, attachments.is_empty()) {
                for name in self.references(&page.place)? {
                    needed.entry(name).and_modify(|held| *held = need.max(*held)).or_insert(need);
                }
            }
        }
        for attachment in attachments {
            let need = attachment.place.name().and_then(|name| needed.get(&name).copied());
            let holding = holdings.entry(need).or_default();
            holding.attachments += 1;
            holding.bytes += attachment.bytes;
        }
        Ok(holdings)
    }

    /// The places of the keys that something here is sealed for. With one key alone nothing is looked at.
    ///
    /// # Errors
    /// `stage-io`; what an object store fails with.
    pub fn keys_needed(&self) -> Result<BTreeSet<usize>, Failure> {
        let newest = self.keys.len() - 1;
        if newest == 0 {
            return Ok(BTreeSet::from([newest]));
        }
        self.try_keys_needed().map_err(|error| self.failure("looking for what older keys sealed", &error))
    }

    fn try_keys_needed(&self) -> io::Result<BTreeSet<usize>> {
        let mut needed = BTreeSet::new();
        for kind in Kind::ALL {
            let sealed = self.objects.list(kind)?.into_iter().filter(|object| object.place.file.ends_with(".age"));
            for Place { kind, file } in sealed.map(|object| object.place) {
                let mut beginning = Vec::new();
                self.objects.get(&Place { kind, file })?.take(HEADER_BYTES_MAX).read_to_end(&mut beginning)?;
                // What no key opens needs none of them.
                needed.extend(self.keys.place_of(&beginning));
            }
        }
        Ok(needed)
    }
}
