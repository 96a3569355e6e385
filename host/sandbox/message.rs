//! Checks a message from a converter: one pass over its bytes, because every message of every mailbox comes through
//! here.

use memchr::{memchr, memchr_iter, memchr3_iter};

use crate::item::limits;

use super::diagnostic::cut;

/// Longest line of a message, without CRLF (RFC 5322, 2.1.1).
const LINE_BYTES_MAX: usize = 998;

/// What the pass found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outline<'a> {
    /// Where the body begins: behind the empty line.
    pub(super) body: usize,
    /// `<…@…>`.
    pub(super) message_id: &'a str,
}

/// Header fields of which a message has one at most (RFC 5322, 3.6; MIME). A second one is what a name that was not
/// escaped makes.
const SINGLE: [&str; 14] = [
    "date",
    "from",
    "message-id",
    "sender",
    "reply-to",
    "to",
    "cc",
    "subject",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "auto-submitted",
];
/// How many of [`SINGLE`], from the front, a message must have.
const REQUIRED: usize = 3;
/// Header fields that say what a transport did, or hide somebody. No converter has a reason to write them.
const REFUSED: [&str; 5] = ["bcc", "received", "return-path", "delivered-to", "x-original-to"];

/// The lengths of [`SINGLE`] and [`REFUSED`] as bits: most of a message's fields are neither, which this tells at once.
const LENGTHS: u32 = lengths(&SINGLE) | lengths(&REFUSED);

const fn lengths(names: &[&str]) -> u32 {
    let (mut bits, mut at) = (0, 0);
    while at < names.len() {
        bits |= 1 << names[at].len();
        at += 1;
    }
    bits
}

/// Checks a whole skeleton.
///
/// # Errors
/// Says which rule it breaks and at which line, never what stands there.
pub(super) fn outline(skeleton: &[u8]) -> Result<Outline<'_>, String> {
    if skeleton.len() > limits::SKELETON_BYTES_MAX {
        return Err(format!("it has {} bytes, the limit is {}", skeleton.len(), limits::SKELETON_BYTES_MAX));
    }
    if !skeleton.ends_with(b"\r\n") {
        return Err("it does not end with CRLF".to_owned());
    }
    let (mut lines, mut start, mut body) = (0, 0, None);
    for at in memchr_iter(b'\n', skeleton) {
        let ended_well = at > start && skeleton[at - 1] == b'\r' && at - 1 - start <= LINE_BYTES_MAX;
        if !ended_well {
            return Err(fault(skeleton));
        }
        if at - 1 == start && body.is_none() {
            body = Some(at + 1);
        }
        (lines, start) = (lines + 1, at + 1);
    }
    // Every line feed has its carriage return, so that a further one stands alone.
    if memchr_iter(b'\r', skeleton).count() != lines || memchr(0, skeleton).is_some() {
        return Err(fault(skeleton));
    }
    let body = body.ok_or_else(|| "it has no body".to_owned())?;
    let text =
        std::str::from_utf8(skeleton).map_err(|error| format!("it is not UTF-8 at byte {}", error.valid_up_to()))?;
    let header = &text[..body - 2];
    if !header.is_ascii() {
        return Err("its header is not ASCII".to_owned());
    }
    Ok(Outline { body, message_id: check_header(header)? })
}

/// Finds the line at fault in a skeleton that was found to have one; slower, and so kept out of the way.
fn fault(skeleton: &[u8]) -> String {
    let (mut line, mut start) = (1, 0);
    for at in memchr3_iter(b'\r', b'\n', 0, skeleton) {
        match skeleton[at] {
            b'\r' if skeleton.get(at + 1) == Some(&b'\n') => {}
            b'\n' if at > start && skeleton[at - 1] == b'\r' => {
                let length = at - 1 - start;
                if length > LINE_BYTES_MAX {
                    return format!("line {line} has {length} characters, the limit is {LINE_BYTES_MAX}");
                }
                (line, start) = (line + 1, at + 1);
            }
            0 => return format!("line {line} holds a NUL"),
            _ => break,
        }
    }
    format!("line {line} holds a carriage return or line feed alone")
}

/// Checks the header fields and returns the Message-ID.
fn check_header(header: &str) -> Result<&str, String> {
    let mut seen = 0_u32;
    let mut message_id = None;
    let mut rest = header;
    let mut number = 1;
    while !rest.is_empty() {
        let (field, lines) = first_field(rest);
        let colon = memchr(b':', field.as_bytes()).ok_or_else(|| format!("line {number} is not a header field"))?;
        let (name, value) = (&field[..colon], &field[colon + 1..]);
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("line {number} is not a header field"));
        }
        if name.len() < 32 && LENGTHS & 1 << name.len() != 0 {
            if REFUSED.iter().any(|refused| name.eq_ignore_ascii_case(refused)) {
                return Err(format!("line {number}: `{name}` is not a converter's to write"));
            }
            if let Some(place) = SINGLE.iter().position(|single| name.eq_ignore_ascii_case(single)) {
                if seen & 1 << place != 0 {
                    return Err(format!("line {number}: a second `{name}`"));
                }
                seen |= 1 << place;
                if SINGLE[place] == "message-id" {
                    message_id = Some(value.trim());
                }
            }
        }
        if name.starts_with(['R', 'r']) && starts_with_ignoring_case(name, "resent-") {
            return Err(format!("line {number}: `{}` is not a converter's to write", cut(name, 64)));
        }
        rest = &rest[field.len()..];
        number += lines;
    }
    for (place, name) in SINGLE[..REQUIRED].iter().enumerate() {
        if seen & 1 << place == 0 {
            return Err(format!("it has no `{name}`"));
        }
    }
    message_id.filter(|id| is_message_id(id)).ok_or_else(|| "its `message-id` is not of the form `<…@…>`".to_owned())
}

/// A field with its continuation lines and CRLF, and how many lines that is. A continuation line that is empty but for
/// spaces is left to itself and then found to be no field: some readers take it for the header's end.
fn first_field(header: &str) -> (&str, usize) {
    let bytes = header.as_bytes();
    let (mut end, mut lines) = (0, 0);
    loop {
        end += memchr(b'\n', &bytes[end..]).map_or(bytes.len() - end, |at| at + 1);
        lines += 1;
        let next = &header[end..];
        if !next.starts_with([' ', '\t']) || next.split('\r').next().is_none_or(|line| line.trim().is_empty()) {
            return (&header[..end], lines);
        }
    }
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}

fn is_message_id(id: &str) -> bool {
    let Some((left, right)) =
        id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).and_then(|id| id.split_once('@'))
    else {
        return false;
    };
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'@' | b'"'))
    };
    part(left) && part(right)
}

/// Checks that an attachment's base64 may go in at `offset`: at the empty body of a part that says it is base64.
///
/// # Errors
/// Says what is wrong there.
pub(super) fn check_splice(skeleton: &[u8], body: usize, offset: usize) -> Result<(), &'static str> {
    if offset < body || offset > skeleton.len() {
        return Err("its offset is not in the body");
    }
    let after = &skeleton[offset..];
    let empty = after.starts_with(b"\r\n--") || after == b"\r\n";
    if !skeleton[..offset].ends_with(b"\r\n\r\n") || !empty {
        return Err("its offset is not the empty body of a part");
    }
    // Backwards over the part's header, to the boundary or to the message's start.
    let mut lines =
        skeleton[..offset - 4].rsplit(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let is_part_header = |line: &&[u8]| !line.is_empty() && !line.starts_with(b"--");
    let base64 = lines.by_ref().take_while(is_part_header).any(|line| {
        let Some((name, value)) = line.split_at_checked("content-transfer-encoding:".len()) else { return false };
        name.eq_ignore_ascii_case(b"content-transfer-encoding:") && value.trim_ascii().eq_ignore_ascii_case(b"base64")
    });
    if base64 { Ok(()) } else { Err("its part does not say `Content-Transfer-Encoding: base64`") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    /// A good message in which one piece is replaced.
    fn message(old: &str, new: &str) -> Vec<u8> {
        let good = "Date: Sun, 1 Nov 2026 00:00:00 +0000\r\nFrom: \"A\"\r\n <a@example.com>\r\nMessage-ID: <x.1@chancery.invalid>\r\nSubject: s\r\n\r\nHello\r\n";
        assert!(good.contains(old), "{old}");
        good.replacen(old, new, 1).into_bytes()
    }

    #[test]
    fn a_good_message_is_outlined() {
        let good = message("", "");
        let outline = outline(&good).unwrap();
        assert_eq!(outline.message_id, "<x.1@chancery.invalid>");
        assert_eq!(&good[outline.body..], b"Hello\r\n");
        for (old, new) in [
            ("Hello", "Grüße"),
            ("Hello", ""),
            ("Message-ID: ", "MESSAGE-id:\r\n\t"),
            ("Subject: s", "X-A: 1\r\nX-A: 2"),
        ] {
            assert!(super::outline(&message(old, new)).is_ok(), "{old} -> {new}");
        }
        assert!(super::outline(&message("Hello", &"x".repeat(998))).is_ok());
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_its_line() {
        let long = "x".repeat(999);
        let table = [
            ("Hello\r\n", "Hello", "does not end with CRLF"),
            ("Hello", "He\nllo", "line 7 holds a carriage return or line feed alone"),
            ("Hello", "He\rllo", "line 7 holds a carriage return or line feed alone"),
            ("Hello", "\n", "line 7 holds a carriage return"),
            ("Hello", "He\0llo", "line 7 holds a NUL"),
            ("Hello", &long, "line 7 has 999 characters"),
            ("\r\n\r\nHello", "", "no body"),
            ("Subject: s", "Subject: ü", "not ASCII"),
            ("Subject: s", "Subject s", "line 5 is not a header field"),
            ("Subject: s", "Sub ject: s", "line 5 is not a header field"),
            ("Subject: s", ": s", "line 5 is not a header field"),
            ("Subject: s", "Subject : s", "line 5 is not a header field"),
            ("Subject: s", "Subject: s\r\n \r\nX-A: b", "line 6 is not a header field"),
            ("Date: Sun,", " Date: Sun,", "line 1 is not a header field"),
            ("Subject: s", "From: b@example.com", "line 5: a second `From`"),
            ("Subject: s", "message-id: <y@z>", "line 5: a second `message-id`"),
            ("Subject: s", "DATE: x", "line 5: a second `DATE`"),
            ("Subject: s", "Subject: s\r\nsubject: t", "line 6: a second `subject`"),
            ("Subject: s", "Bcc: b@example.com", "line 5: `Bcc` is not"),
            ("Subject: s", "Resent-To: b@example.com", "line 5: `Resent-To` is not"),
            ("Subject: s", "Received: x", "line 5: `Received` is not"),
            ("Date: Sun", "X-Date: Sun", "no `date`"),
            ("From: ", "X-From: ", "no `from`"),
            ("Message-ID: ", "X-ID: ", "no `message-id`"),
            ("<x.1@chancery.invalid>", "x.1@chancery.invalid", "not of the form"),
            ("<x.1@chancery.invalid>", "<x.1>", "not of the form"),
            ("<x.1@chancery.invalid>", "<x@y> <x@z>", "not of the form"),
            ("<x.1@chancery.invalid>", "<x@y@z>", "not of the form"),
            ("<x.1@chancery.invalid>", "", "not of the form"),
        ];
        for (old, new, reason) in table {
            let error = outline(&message(old, new)).unwrap_err();
            assert!(error.contains(reason), "{old} -> {new}: {error}");
        }
        assert!(outline(b"").is_err());
        let mut broken = message("", "");
        broken.extend_from_slice(b"\xff\r\n");
        assert!(outline(&broken).unwrap_err().contains("not UTF-8"));
        assert!(outline(b"\r\n").unwrap_err().contains("no `date`"));
        assert!(outline(&vec![b'x'; limits::SKELETON_BYTES_MAX + 1]).unwrap_err().contains("the limit is"));
    }

    #[test]
    fn a_splice_goes_into_an_empty_base64_part_only() {
        let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n";
        let part = "--b\r\nContent-Type: image/png\r\ncontent-transfer-encoding: BASE64\r\n\r\n";
        let table = [
            (part, "\r\n--b--\r\n", Ok(())),
            ("--b\r\nContent-Transfer-Encoding:base64\r\nContent-Type: image/png\r\n\r\n", "\r\n--b\r\n", Ok(())),
            ("--b\r\nContent-Type: image/png\r\n\r\n", "\r\n--b--\r\n", Err("does not say")),
            ("--b\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n\r\n", "\r\n--b--\r\n", Err("does not say")),
            ("--b\r\nContent-Transfer-Encoding: 7bit\r\n\r\n", "\r\n--b--\r\n", Err("does not say")),
            (part, "AAAA\r\n--b--\r\n", Err("empty body")),
            (part, "\r\ntext\r\n--b--\r\n", Err("empty body")),
            (part, "--b--\r\n", Err("empty body")),
            ("--b\r\nContent-Transfer-Encoding: base64\r\n", "\r\n--b--\r\n", Err("empty body")),
        ];
        let body = head.find("--b").unwrap();
        for (part, after, expect) in table {
            let skeleton = format!("{head}{part}{after}");
            let found = check_splice(skeleton.as_bytes(), body, head.len() + part.len());
            match expect {
                Ok(()) => assert_eq!(found, Ok(()), "{part}{after}"),
                Err(reason) => assert!(found.unwrap_err().contains(reason), "{part}{after}"),
            }
        }
        assert!(check_splice(head.as_bytes(), body, 0).is_err());
        assert!(check_splice(head.as_bytes(), body, head.len() + 1).is_err());
        let single = "Content-Transfer-Encoding: base64\r\n\r\n\r\n";
        assert_eq!(check_splice(single.as_bytes(), single.len() - 2, single.len() - 2), Ok(()));
    }
}
