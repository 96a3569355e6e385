//! Takes secrets out of whatever may be shown or handed to a guest.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

/// What stands where a secret stood.
const REPLACEMENT: &str = "[secret]";
/// A shorter secret is not searched for: it would be found everywhere, and guessed sooner than read here.
const SECRET_BYTES_MIN: usize = 4;
/// Only secrets of this length are taken out of bodies: shorter ones could be what people wrote to each other, and an
/// archive must not change that.
const BODY_SECRET_BYTES_MIN: usize = 16;
/// Secrets remembered; the oldest session tokens go first.
const NEEDLES_MAX: usize = 256;

/// The secrets of one connector's source, in the forms in which they could come back: as they are, percent-encoded,
/// as a JSON string, in base64. Clones share them.
#[derive(Clone, Default)]
pub struct Scrub {
    needles: Arc<RwLock<Vec<Zeroizing<String>>>>,
}

impl fmt::Debug for Scrub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrub(…)")
    }
}

impl Scrub {
    /// Remembers a secret in all its forms.
    pub(in super::super) fn add(&self, secret: &str) {
        if secret.len() < SECRET_BYTES_MIN {
            return;
        }
        let mut forms = vec![
            Zeroizing::new(secret.to_owned()),
            Zeroizing::new(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()),
            Zeroizing::new(percent_encoded(secret)),
        ];
        let json = serde_json::to_string(secret).unwrap_or_default();
        forms.push(Zeroizing::new(json.trim_matches('"').to_owned()));
        for alphabet in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
            forms.push(Zeroizing::new(alphabet.encode(secret)));
        }
        // Longer forms first: the padded one holds the unpadded.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let mut needles = self.needles.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms {
            if !needles.contains(&form) {
                needles.push(form);
            }
        }
        let surplus = needles.len().saturating_sub(NEEDLES_MAX);
        needles.drain(..surplus);
    }

    /// The text without secrets, for messages, logs and header fields.
    pub fn text(&self, text: &str) -> String {
        let needles = self.needles.read().unwrap_or_else(PoisonError::into_inner);
        needles.iter().fold(text.to_owned(), |text, needle| match text.contains(needle.as_str()) {
            true => text.replace(needle.as_str(), REPLACEMENT),
            false => text,
        })
    }

    /// Takes the long secrets (tokens, keys) out of a body that goes into a guest, for sites that echo what they are
    /// sent. A body that a guest never sees (`fetch`) is kept as it came: it is evidence.
    pub(in super::super) fn body(&self, body: Vec<u8>) -> Vec<u8> {
        let needles = self.needles.read().unwrap_or_else(PoisonError::into_inner);
        needles.iter().filter(|needle| needle.len() >= BODY_SECRET_BYTES_MIN).fold(body, |body, needle| {
            let finder = memchr::memmem::Finder::new(needle.as_bytes());
            if finder.find(&body).is_none() {
                return body;
            }
            let mut clean = Vec::with_capacity(body.len());
            let mut rest = &body[..];
            while let Some(at) = finder.find(rest) {
                clean.extend_from_slice(&rest[..at]);
                clean.extend_from_slice(REPLACEMENT.as_bytes());
                rest = &rest[at + needle.len()..];
            }
            clean.extend_from_slice(rest);
            clean
        })
    }
}

/// Percent-encoding of everything that is not unreserved (RFC 3986), as a query or a path would have it.
fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_in_every_form() {
        let scrub = Scrub::default();
        let secret = "p\"ss w/rd+ü, a long one";
        scrub.add(secret);
        let forms = [
            secret.to_owned(),
            "p%22ss+w%2Frd%2B%C3%BC%2C+a+long+one".to_owned(),
            "p%22ss%20w%2Frd%2B%C3%BC%2C%20a%20long%20one".to_owned(),
            "p\\\"ss w/rd+ü, a long one".to_owned(),
            STANDARD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
        ];
        for form in forms {
            assert_eq!(scrub.text(&format!("a {form} z")), "a [secret] z", "{form}");
            assert_eq!(scrub.body(format!("a {form}{form} z").into()), b"a [secret][secret] z", "{form}");
        }
    }

    #[test]
    fn short_secrets_do_not_shred_what_people_wrote() {
        let scrub = Scrub::default();
        scrub.add("abc");
        scrub.add("correct horse");
        assert_eq!(scrub.text("abc"), "abc");
        assert_eq!(scrub.text("a correct horse"), "a [secret]");
        assert_eq!(scrub.body(b"a correct horse".to_vec()), b"a correct horse");
        assert_eq!(format!("{scrub:?}"), "Scrub(…)");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let scrub = Scrub::default();
        for number in 0..1_000 {
            scrub.add(&format!("token-{number:04}"));
        }
        assert_eq!(scrub.text("token-0999"), "[secret]");
        assert!(scrub.needles.read().is_ok_and(|needles| needles.len() <= NEEDLES_MAX));
    }
}
