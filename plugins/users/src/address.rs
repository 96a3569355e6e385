//! E-mail addresses: checked, and brought to the one form in which they are compared.

use std::borrow::Cow;

/// Longest address in bytes (RFC 5321: a path of 256 with its brackets).
const ADDRESS_BYTES_MAX: usize = 254;
/// Longest local part in bytes.
const LOCAL_BYTES_MAX: usize = 64;

/// The comparable form of an address: the local part as written, the domain in lower-case ASCII (`xn--…`).
///
/// None when it is not one address. Quoted local parts are refused: no mail system that is archived into has them, and
/// in a CSV cell they are always a mistake in quoting.
pub(crate) fn canonical(text: &str) -> Option<Cow<'_, str>> {
    let (local, domain) = text.rsplit_once('@')?;
    if text.len() > ADDRESS_BYTES_MAX || !is_local_part(local) {
        return None;
    }
    match ascii_domain(domain)? {
        Cow::Borrowed(_) => Some(Cow::Borrowed(text)),
        Cow::Owned(domain) => Some(Cow::Owned(format!("{local}@{domain}"))),
    }
}

/// The address in an item's e-mail property, which may be written `Name <address>` or `mailto:address`.
pub(crate) fn in_property(text: &str) -> Option<Cow<'_, str>> {
    let text = sheet::cell::trim(text);
    let bare = match text.strip_suffix('>') {
        Some(rest) => rest.rsplit_once('<')?.1,
        None => text,
    };
    let scheme = bare.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
    canonical(sheet::cell::trim(scheme.map_or(bare, |scheme| &bare[scheme.len()..])))
}

/// The domain of a canonical address.
pub(crate) fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// A domain in lower-case ASCII; borrowed when it already is. None when it is not one.
pub(crate) fn ascii_domain(domain: &str) -> Option<Cow<'_, str>> {
    let plain = domain.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
    // A label that claims to be encoded is decoded and checked as well, so that `xn--` nonsense is refused.
    let ascii = if plain && !domain.contains("xn--") {
        Cow::Borrowed(domain)
    } else {
        Cow::Owned(idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::STD3).ok()?.into_owned())
    };
    let label_fits = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    (ascii.len() <= 253 && ascii.split('.').all(label_fits)).then_some(ascii)
}

fn is_local_part(local: &str) -> bool {
    let is_atom_character = |character: char| character.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character);
    local.len() <= LOCAL_BYTES_MAX
        && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character))
}
