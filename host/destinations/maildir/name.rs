//! File names: the same copy always gets the same one.

use sha2::{Digest, Sha256};

use super::Delivery;

/// `<seconds>.<32 hex of SHA-256(Message-ID)>.chancery`: unique within a mailbox because Message-IDs are, sorted by
/// date, and free of `:` and `,` so that readers may add their flags.
pub(super) fn base(copy: &Delivery) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha256::digest(copy.message.message_id.as_bytes());
    let mut name = String::with_capacity(56);
    // Absurd dates before 1970 sort first instead of starting the name with a minus.
    name.push_str(&copy.received_at_ms.div_euclid(1000).max(0).to_string());
    name.push('.');
    for byte in &digest[..16] {
        name.push(HEX[usize::from(byte >> 4)].into());
        name.push(HEX[usize::from(byte & 15)].into());
    }
    name.push_str(".chancery");
    name
}

/// The part of a file name before a reader's flags.
pub(super) fn without_flags(name: &str) -> &str {
    name.split([':', ',']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_cut_off() {
        for (name, base) in [
            ("1.a.chancery", "1.a.chancery"),
            ("1.a.chancery:2,S", "1.a.chancery"),
            ("1.a.chancery,S=9:2,", "1.a.chancery"),
        ] {
            assert_eq!(without_flags(name), base);
        }
    }
}
