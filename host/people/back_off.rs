//! Making whoever guesses wait: by account, and by address.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use crate::item::limits::{
    PERSON_NAME_BYTES_MAX, SIGN_IN_ACCOUNT_WAIT_MAX, SIGN_IN_ADDRESS_WAIT_MAX, SIGN_IN_FORGOTTEN_AFTER,
    SIGN_IN_FREE_ATTEMPTS, SIGN_IN_REMEMBERED_MAX,
};

#[derive(Default)]
pub(super) struct BackOff {
    entries: BTreeMap<Of, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Account(String),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    failed: u32,
    last_ms: i64,
}

impl Of {
    /// An account waits for a minute at the longest, so that nobody can lock its person out for good.
    fn wait_max(&self) -> Duration {
        match self {
            Self::Account(_) => SIGN_IN_ACCOUNT_WAIT_MAX,
            Self::Address(_) => SIGN_IN_ADDRESS_WAIT_MAX,
        }
    }
}

impl BackOff {
    /// Counts an attempt as failed, until [`BackOff::let_in`] says that it was not; or says how long to wait.
    pub(super) fn attempt(&mut self, name: &str, address: IpAddr, now_ms: i64) -> Result<(), Duration> {
        let both = keys(name, address);
        let waits = both.iter().filter_map(|of| self.entries.get(of).and_then(|entry| entry.left(of, now_ms)));
        if let Some(longest) = waits.max() {
            return Err(longest);
        }
        for of in both {
            self.make_room(&of, now_ms);
            let entry = self.entries.entry(of).or_insert(Entry { failed: 0, last_ms: now_ms });
            *entry = Entry { failed: entry.failed.saturating_add(1), last_ms: now_ms };
        }
        Ok(())
    }

    /// The attempt was right: the account begins anew. The address only gets this attempt back, so that somebody with an
    /// account of their own cannot guess at others in between.
    pub(super) fn let_in(&mut self, name: &str, address: IpAddr) {
        self.forgive(name, address);
        self.forget(name);
    }

    /// The attempt was not looked at.
    pub(super) fn forgive(&mut self, name: &str, address: IpAddr) {
        for of in keys(name, address) {
            if let Some(entry) = self.entries.get_mut(&of) {
                entry.failed = entry.failed.saturating_sub(1);
            }
        }
    }

    /// An account begins anew.
    pub(super) fn forget(&mut self, name: &str) {
        self.entries.remove(&Of::Account(name.to_owned()));
    }

    fn make_room(&mut self, of: &Of, now_ms: i64) {
        if self.entries.len() < SIGN_IN_REMEMBERED_MAX || self.entries.contains_key(of) {
            return;
        }
        self.entries.retain(|_, entry| !entry.is_forgotten(now_ms));
        // A quarter goes at once: looking through all of them for each attempt would make a flood dear for us.
        if self.entries.len() >= SIGN_IN_REMEMBERED_MAX {
            let rank = |entry: &Entry| (entry.failed, entry.last_ms);
            let mut least: Vec<_> = self.entries.iter().map(|(of, entry)| (rank(entry), of.clone())).collect();
            least.sort_unstable();
            for (_, of) in least.into_iter().take(SIGN_IN_REMEMBERED_MAX / 4) {
                self.entries.remove(&of);
            }
        }
    }
}

impl Entry {
    fn is_forgotten(&self, now_ms: i64) -> bool {
        u128::from(now_ms.abs_diff(self.last_ms)) >= SIGN_IN_FORGOTTEN_AFTER.as_millis()
    }

    fn left(&self, of: &Of, now_ms: i64) -> Option<Duration> {
        if self.failed < SIGN_IN_FREE_ATTEMPTS || self.is_forgotten(now_ms) {
            return None;
        }
        let doubled = 1u64.checked_shl(self.failed - SIGN_IN_FREE_ATTEMPTS).unwrap_or(u64::MAX);
        let wait = Duration::from_secs(doubled).min(of.wait_max());
        wait.checked_sub(Duration::from_millis(now_ms.saturating_sub(self.last_ms).max(0).unsigned_abs()))
            .filter(|left| !left.is_zero())
    }
}

/// An IPv6 network of 64 bits is one household; its addresses are free to choose.
fn keys(name: &str, address: IpAddr) -> [Of; 2] {
    let address = match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    };
    // No account has a longer name, and what is remembered is bounded.
    [Of::Account(name.chars().take(PERSON_NAME_BYTES_MAX).collect()), Of::Address(address)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 1, 0, 0, 0, 1));

    #[test]
    fn waits_double_and_end() {
        let mut back_off = BackOff::default();
        for _ in 0..SIGN_IN_FREE_ATTEMPTS {
            assert_eq!(back_off.attempt("anna", HERE, 0), Ok(()));
        }
        assert_eq!(back_off.attempt("anna", HERE, 0), Err(Duration::from_secs(1)));
        assert_eq!(back_off.attempt("anna", HERE, 1_000), Ok(()));
        assert_eq!(back_off.attempt("anna", HERE, 1_000), Err(Duration::from_secs(2)));
        let neighbour = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 1, 9, 9, 9, 9));
        assert!(back_off.attempt("ben", neighbour, 1_000).is_err(), "the same network");
        let elsewhere = IpAddr::from([192, 0, 2, 7]);
        assert!(back_off.attempt("anna", elsewhere, 1_000).is_err(), "the same account");
        assert_eq!(back_off.attempt("ben", elsewhere, 1_000), Ok(()));
        let much_later = 1_000 + i64::try_from(SIGN_IN_FORGOTTEN_AFTER.as_millis()).unwrap_or_default();
        assert_eq!(back_off.attempt("anna", HERE, much_later), Ok(()));
    }

    #[test]
    fn nobody_is_locked_out_for_long_and_a_flood_is_bounded() {
        let mut back_off = BackOff::default();
        let mut now_ms = 0;
        for round in 0..200u32 {
            let address = IpAddr::from((0x0a00_0000 + round).to_be_bytes());
            if let Err(wait) = back_off.attempt("anna", address, now_ms) {
                assert!(wait <= SIGN_IN_ACCOUNT_WAIT_MAX, "{wait:?}");
                now_ms += 60_000;
            }
        }
        for number in 0..2 * u32::try_from(SIGN_IN_REMEMBERED_MAX).unwrap_or_default() {
            let _one_of_many = back_off.attempt(&number.to_string(), IpAddr::from(number.to_be_bytes()), now_ms);
        }
        assert!(back_off.entries.len() <= SIGN_IN_REMEMBERED_MAX + 1);
    }

    #[test]
    fn an_own_account_does_not_free_an_address() {
        let mut back_off = BackOff::default();
        let mut refused = 0;
        for round in 0..20 {
            refused += u32::from(back_off.attempt(&format!("guess{round}"), HERE, 0).is_err());
            if back_off.attempt("mine", HERE, 0).is_ok() {
                back_off.let_in("mine", HERE);
            }
        }
        assert!(refused > 10, "{refused}");
    }
}
