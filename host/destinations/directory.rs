//! Which addresses are mailboxes.

use std::collections::BTreeSet;

/// How a destination knows its mailboxes. Addresses are compared in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mailboxes {
    /// Every well-formed address of these domains.
    Domains(BTreeSet<String>),
    /// These addresses.
    Addresses(BTreeSet<String>),
    /// Those that are there already: a folder below a Maildir root, a mailbox that the account can open.
    Existing,
}

impl Mailboxes {
    /// The canonical address when `address` is a mailbox; `exists` is asked only for [`Mailboxes::Existing`]. It may
    /// also be a folder's name, so nothing passes that could leave its root.
    pub fn find(&self, address: &str, exists: impl FnOnce(&str) -> bool) -> Option<String> {
        let address = canonical(address)?;
        let known = match self {
            Self::Domains(domains) => address.rsplit_once('@').is_some_and(|(_, domain)| domains.contains(domain)),
            Self::Addresses(addresses) => addresses.contains(&address),
            Self::Existing => exists(&address),
        };
        known.then_some(address)
    }

    /// Whether this is a plain `local@domain`.
    pub fn is_address(text: &str) -> bool {
        canonical(text).is_some_and(|address| address.eq_ignore_ascii_case(text))
    }
}

/// Lower-cases a well-formed address; none for anything that is no plain `local@domain` or could not be a folder name.
pub(super) fn canonical(address: &str) -> Option<String> {
    let address = address.trim();
    let (local, domain) = address.rsplit_once('@')?;
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-=?^_`{|}~.".contains(c));
    let domain_ok = domain.contains('.') || domain == "localhost";
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    (local_ok && domain_ok && domain.len() <= 190 && domain.split('.').all(label_ok)).then(|| address.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_become_folder_names() {
        let table = [
            ("Anna@Example.com", Some("anna@example.com")),
            (" anna.lind+x@example.com ", Some("anna.lind+x@example.com")),
            ("jürgen@example.com", Some("jürgen@example.com")),
            ("../etc@example.com", None),
            (".hidden@example.com", None),
            ("a/b@example.com", None),
            ("a@example.com/..", None),
            ("a b@example.com", None),
            ("a\r\n@example.com", None),
            ("a@", None),
            ("@example.com", None),
            ("a@-x.com", None),
            ("a@nodots", None),
            ("plain", None),
        ];
        for (address, expect) in table {
            assert_eq!(canonical(address).as_deref(), expect, "{address:?}");
        }
    }

    #[test]
    fn domains_addresses_and_what_exists_each_know_their_own() {
        let exists = |address: &str| address == "c@x.org";
        let domains = Mailboxes::Domains(BTreeSet::from(["example.com".to_owned()]));
        let addresses = Mailboxes::Addresses(BTreeSet::from(["b@example.com".to_owned()]));
        for (address, by_domain, by_address, existing) in [
            ("a@EXAMPLE.com", true, false, false),
            ("b@example.com", true, true, false),
            ("C@x.org", false, false, true),
        ] {
            assert_eq!(domains.find(address, exists).is_some(), by_domain, "{address}");
            assert_eq!(addresses.find(address, exists).is_some(), by_address, "{address}");
            assert_eq!(Mailboxes::Existing.find(address, exists).is_some(), existing, "{address}");
        }
    }
}
