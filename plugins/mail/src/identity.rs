//! Who a message is: Message-IDs, the conversation key, and safe forms of ids and addresses.
//!
//! Formulas are versioned by their prefix (`v1.`, `c1.`, `d1.`) and never change under it: a mailbox that already holds the
//! message recognises it by them. Every field is hashed behind its length as a big-endian `u32`, so that no two
//! lists of fields run together.

use kit::Event;
use sha2::{Digest, Sha256};

/// Hex digits of a Message-ID's or conversation key's hash (128 bits).
const HEX_DIGITS: usize = 32;
/// The longest escaped id in a header; the line stays far below 998 bytes.
const TOKEN_BYTES_MAX: usize = 900;

/// Makes ids for one (source, account).
#[derive(Debug)]
pub struct Identities<'a> {
    scope: Sha256,
    domain: &'a str,
}

/// The `v1.` hash of an item, the `c1.` hash of a conversation, or the `d1.` hash of a digest, in hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hex(String);

impl Hex {
    /// The hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> Identities<'a> {
    /// Ids below this source and account, at this Message-ID domain.
    pub fn new(source: &str, account: &str, domain: &'a str) -> Self {
        let mut scope = Sha256::new();
        feed(&mut scope, source.as_bytes());
        feed(&mut scope, account.as_bytes());
        Self { scope, domain }
    }

    /// `SHA-256(source, account, item id, event, revision)`: the event by its name, the revision as a big-endian `u32`.
    pub fn item(&self, id: &str, event: Event, revision: u32) -> Hex {
        let mut hash = self.scope.clone();
        feed(&mut hash, id.as_bytes());
        feed(&mut hash, event.name().as_bytes());
        feed(&mut hash, &revision.to_be_bytes());
        Hex(hex(&hash.finalize(), HEX_DIGITS))
    }

    /// `SHA-256(source, account, conversation id)`.
    pub fn conversation(&self, id: &str) -> Hex {
        let mut hash = self.scope.clone();
        feed(&mut hash, id.as_bytes());
        Hex(hex(&hash.finalize(), HEX_DIGITS))
    }

    /// `SHA-256(source, account, conversation id, day, items)`: the day as the days since 1970 in a big-endian `i64`, each
    /// item by its own hash, in ascending order.
    pub fn digest(&self, conversation: &str, day: i64, items: &mut [Hex]) -> Hex {
        items.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let mut hash = self.scope.clone();
        feed(&mut hash, conversation.as_bytes());
        feed(&mut hash, &day.to_be_bytes());
        items.iter().for_each(|item| feed(&mut hash, item.0.as_bytes()));
        Hex(hex(&hash.finalize(), HEX_DIGITS))
    }

    /// Appends a digest's Message-ID, angle brackets included.
    pub fn write_digest(&self, out: &mut Vec<u8>, digest: &Hex) {
        self.write(out, b"<d1.", digest);
    }

    /// Appends an item's Message-ID, angle brackets included.
    pub fn write_item(&self, out: &mut Vec<u8>, item: &Hex) {
        self.write(out, b"<v1.", item);
    }

    /// Appends a conversation's root id, which no sent message bears.
    pub fn write_root(&self, out: &mut Vec<u8>, conversation: &Hex) {
        self.write(out, b"<c1.", conversation);
    }

    fn write(&self, out: &mut Vec<u8>, prefix: &[u8], hex: &Hex) {
        out.extend_from_slice(prefix);
        out.extend_from_slice(hex.0.as_bytes());
        out.push(b'@');
        out.extend_from_slice(self.domain.as_bytes());
        out.push(b'>');
    }
}

fn feed(hash: &mut Sha256, field: &[u8]) {
    // Fields come from strings the host has bounded far below 4 GiB; saturating keeps the function total.
    hash.update(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
    hash.update(field);
}

/// The first `digits` hex digits of `bytes`, lower case.
fn hex(bytes: &[u8], digits: usize) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .take(digits)
        .map(|nibble| char::from(DIGITS[usize::from(nibble & 15)]))
        .collect()
}

/// The hash part of an address made from an id: 16 hex digits of its SHA-256.
pub fn id_hash(id: &str) -> String {
    hex(&Sha256::digest(id.as_bytes()), 16)
}

/// An id as one ASCII word for a header: graphic ASCII as it is, every other byte and `%`, `?` as `%XX` (a `?` could
/// make an RFC 2047 word of it), and `sha256:` with the hash of an id that would become too long.
pub fn token(id: &str) -> String {
    let mut word = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' && byte != b'?' {
            word.push(char::from(byte));
        } else {
            word.push('%');
            word.push_str(&hex(&[byte], 2).to_ascii_uppercase());
        }
        if word.len() > TOKEN_BYTES_MAX {
            return format!("sha256:{}", hex(&Sha256::digest(id.as_bytes()), 64));
        }
    }
    word
}

/// True for an address that can stand in a header as it is: ASCII, a dot-atom (RFC 5322) of at most 64 bytes before
/// the `@`, a domain name after it, at most 254 bytes in all.
pub fn is_mailbox(address: &str) -> bool {
    address.rsplit_once('@').is_some_and(|(local, domain)| {
        address.len() <= 254 && local.len() <= 64 && is_dot_atom(local) && is_domain(domain, 253)
    })
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| {
        !atom.is_empty() && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    })
    // `=?` would read as the start of an RFC 2047 word.
    && !text.contains("=?")
}

/// True for a domain name of letters, digits and hyphens, at most `bytes_max` long.
pub fn is_domain(domain: &str, bytes_max: usize) -> bool {
    domain.len() <= bytes_max
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_id_is_the_documented_hash() {
        let ids = Identities::new("telemessage", "acme", "chancery.invalid");
        let mut bytes = Vec::new();
        for field in [&b"telemessage"[..], b"acme", b"m-1", b"message", &[0, 0, 0, 2]] {
            bytes.extend_from_slice(&(u32::try_from(field.len()).unwrap_or(0)).to_be_bytes());
            bytes.extend_from_slice(field);
        }
        let expected = hex(&Sha256::digest(&bytes), 32);
        let mut out = Vec::new();
        ids.write_item(&mut out, &ids.item("m-1", Event::Message, 2));
        assert_eq!(String::from_utf8_lossy(&out), format!("<v1.{expected}@chancery.invalid>"));
    }

    #[test]
    fn every_field_changes_the_message_id() {
        let ids = |source, account| Identities::new(source, account, "x");
        let seen = [
            ids("s", "a").item("i", Event::Message, 0),
            ids("t", "a").item("i", Event::Message, 0),
            ids("s", "b").item("i", Event::Message, 0),
            ids("sa", "").item("i", Event::Message, 0),
            ids("s", "a").item("j", Event::Message, 0),
            ids("s", "a").item("i", Event::Edit, 0),
            ids("s", "a").item("i", Event::Message, 1),
        ];
        for (at, one) in seen.iter().enumerate() {
            assert!(!seen[..at].contains(one), "{at}");
        }
    }

    #[test]
    fn addresses_are_told_apart() {
        for (address, valid) in [
            ("anna@example.com", true),
            ("a.b+c_d@mail.example.com", true),
            ("root@localhost", true),
            ("", false),
            ("anna", false),
            ("@example.com", false),
            ("anna@", false),
            ("anna lind@example.com", false),
            ("\"anna lind\"@example.com", false),
            (".anna@example.com", false),
            ("anna..lind@example.com", false),
            ("anna@exa_mple.com", false),
            ("anna@-example.com", false),
            ("anna@example..com", false),
            ("anna@[192.0.2.1]", false),
            ("änna@example.com", false),
            ("anna@exämple.com", false),
            ("anna@example.com\r\nBcc: eve@example.com", false),
            ("a@b@example.com", false),
            ("=?utf-8?q?x?=@example.com", false),
            ("anna,ben@example.com", false),
            ("<anna@example.com>", false),
        ] {
            assert_eq!(is_mailbox(address), valid, "{address:?}");
        }
        assert!(!is_mailbox(&format!("{}@example.com", "a".repeat(65))));
        assert!(!is_mailbox(&format!("a@{}", ["a".repeat(60).as_str(); 5].join("."))));
    }

    #[test]
    fn tokens_are_safe_words() {
        for (id, expected) in [
            ("3EB0C431C26A1916E07A", "3EB0C431C26A1916E07A"),
            ("wamid.HBgL+/=", "wamid.HBgL+/="),
            ("a b\r\nBcc: x", "a%20b%0D%0ABcc:%20x"),
            ("100%", "100%25"),
            ("=?utf-8?q?x?=", "=%3Futf-8%3Fq%3Fx%3F="),
            ("ü", "%C3%BC"),
        ] {
            assert_eq!(token(id), expected);
        }
        let long = token(&"ü".repeat(256));
        assert!(long.starts_with("sha256:"));
        assert_eq!(long.len(), 7 + 64);
        assert_eq!(token(&"a".repeat(512)).len(), 512);
    }
}
