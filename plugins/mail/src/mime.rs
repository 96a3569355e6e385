//! MIME parts: transfer encodings, boundaries, and the places where the host puts attachments in.

use encodify::{base64::MIME, qp};

use crate::identity::Hex;

/// The longest media type that is believed.
const MEDIA_TYPE_BYTES_MAX: usize = 127;

/// Which multipart a boundary belongs to.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    /// `multipart/mixed`: the body and the attachments.
    Mixed,
    /// `multipart/alternative`: text and HTML.
    Alternative,
}

/// Appends `=_<hex>_m` or `_a`, from the message's own hash.
///
/// `=_` can stand neither in quoted-printable nor in base64, so no part can hold a boundary, whatever was written in
/// the chat.
fn boundary(out: &mut Vec<u8>, hex: &Hex, level: Level) {
    out.extend_from_slice(b"=_");
    out.extend_from_slice(hex.as_str().as_bytes());
    out.extend_from_slice(match level {
        Level::Mixed => b"_m",
        Level::Alternative => b"_a",
    });
}

/// Appends the Content-Type of a multipart and the empty line after its header.
pub fn open(out: &mut Vec<u8>, hex: &Hex, level: Level) {
    out.extend_from_slice(match level {
        Level::Mixed => &b"Content-Type: multipart/mixed;\r\n boundary=\""[..],
        Level::Alternative => b"Content-Type: multipart/alternative;\r\n boundary=\"",
    });
    boundary(out, hex, level);
    out.extend_from_slice(b"\"\r\n\r\n");
}

/// Appends the line that begins a part. The line before it must have ended.
pub fn next(out: &mut Vec<u8>, hex: &Hex, level: Level) {
    out.extend_from_slice(b"--");
    boundary(out, hex, level);
    out.extend_from_slice(b"\r\n");
}

/// Appends the line that ends a multipart.
pub fn close(out: &mut Vec<u8>, hex: &Hex, level: Level) {
    out.extend_from_slice(b"--");
    boundary(out, hex, level);
    out.extend_from_slice(b"--\r\n");
}

/// True when base64 is the shorter encoding: quoted-printable adds two bytes for each that is not ASCII, base64 one for
/// every three. Rare `=` and soft line breaks are left out of the account, for the sake of one cheap pass.
fn prefers_base64(content: &str) -> bool {
    let (words, rest) = content.as_bytes().as_chunks::<8>();
    let in_words: u32 = words.iter().map(|word| (u64::from_ne_bytes(*word) & 0x8080_8080_8080_8080).count_ones()).sum();
    let in_rest = rest.iter().filter(|byte| !byte.is_ascii()).count();
    u64::from(in_words) * 6 + (in_rest as u64) * 6 > content.len() as u64
}

/// Appends a text part's header and body: quoted-printable, or base64 for text that is mostly not ASCII.
pub fn text(out: &mut Vec<u8>, subtype: &str, content: &str) {
    out.extend_from_slice(b"Content-Type: text/");
    out.extend_from_slice(subtype.as_bytes());
    out.extend_from_slice(b"; charset=utf-8\r\nContent-Transfer-Encoding: ");
    if prefers_base64(content) {
        out.extend_from_slice(b"base64\r\n\r\n");
        MIME.encode_append(content, out);
    } else {
        out.extend_from_slice(b"quoted-printable\r\n\r\n");
        qp::BODY.encode_append(content, out);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends a body as text and as HTML, for readers to choose from.
pub fn alternative(out: &mut Vec<u8>, hex: &Hex, plain: &str, html: &str) {
    open(out, hex, Level::Alternative);
    next(out, hex, Level::Alternative);
    text(out, "plain", plain);
    next(out, hex, Level::Alternative);
    text(out, "html", html);
    close(out, hex, Level::Alternative);
}

/// Appends an attachment's part with an empty body; the answer is where its base64 goes.
pub fn attachment(out: &mut Vec<u8>, media_type: Option<&str>, name: &str) -> usize {
    out.extend_from_slice(b"Content-Type: ");
    out.extend_from_slice(safe_media_type(media_type).as_bytes());
    out.extend_from_slice(b"\r\nContent-Disposition: attachment");
    crate::header::filename(out, name);
    out.extend_from_slice(b"\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    let offset = out.len();
    out.extend_from_slice(b"\r\n");
    offset
}

/// The media type without parameters, lower case, where it is one; else `application/octet-stream`.
///
/// `multipart/*` and `message/*` count as none: a reader would look for parts in them, and RFC 2046 allows them no
/// base64.
pub fn safe_media_type(media_type: Option<&str>) -> String {
    let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let essence = essence.to_ascii_lowercase();
    match essence.split_once('/') {
        Some((kind, subtype))
            if is_token(kind)
                && is_token(subtype)
                && essence.len() <= MEDIA_TYPE_BYTES_MAX
                && !matches!(kind, "multipart" | "message") =>
        {
            essence
        }
        _ => "application/octet-stream".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]

    use super::*;

    #[test]
    fn media_types_are_believed_or_replaced() {
        for (given, expected) in [
            (Some("image/jpeg"), "image/jpeg"),
            (Some("Audio/OGG; codecs=opus"), "audio/ogg"),
            (Some("application/vnd.ms-excel.sheet.macroEnabled.12"), "application/vnd.ms-excel.sheet.macroenabled.12"),
            (None, "application/octet-stream"),
            (Some(""), "application/octet-stream"),
            (Some("image"), "application/octet-stream"),
            (Some("image/"), "application/octet-stream"),
            (Some("a/b/c"), "application/octet-stream"),
            (Some("message/rfc822"), "application/octet-stream"),
            (Some("multipart/mixed; boundary=x"), "application/octet-stream"),
            (Some("image/jpeg\r\nBcc: eve@example.com"), "application/octet-stream"),
            (Some("bild/größe"), "application/octet-stream"),
        ] {
            assert_eq!(safe_media_type(given), expected, "{given:?}");
        }
        assert_eq!(safe_media_type(Some(&format!("a/{}", "b".repeat(200)))), "application/octet-stream");
    }

    #[test]
    fn bodies_take_a_short_encoding() {
        for (content, encoding) in [
            ("plain\r\n".to_owned(), "quoted-printable"),
            ("eine ganz andere Größe\r\n".to_owned(), "quoted-printable"),
            ("日本語\r\n".to_owned(), "base64"),
            (String::new(), "quoted-printable"),
            ("x".repeat(5000), "quoted-printable"),
            ("trailing \r\n--=_x\r\nFrom me\r\n.\r\n".to_owned(), "quoted-printable"),
        ] {
            let mut out = Vec::new();
            text(&mut out, "plain", &content);
            let part = String::from_utf8(out).unwrap();
            assert!(part.contains(&format!("Content-Transfer-Encoding: {encoding}\r\n\r\n")), "{part}");
            assert!(part.ends_with("\r\n"));
            let body = part.split_once("\r\n\r\n").unwrap().1;
            assert!(body.split("\r\n").all(|line| line.len() <= 76 && !line.ends_with(' ')), "{part}");
            assert!(!body.contains("=_"), "{part}");
        }
    }
}
