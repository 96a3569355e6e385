//! Facts in words.

use kit::{
    Call, CallOutcome, Direction, Event,
    converter::{Attachment, State},
};

use crate::{clean::single_line, mime::safe_media_type};

/// The longest file name.
const FILE_NAME_CHARACTERS_MAX: usize = 180;
/// The longest reason code that is shown.
const REASON_CHARACTERS_MAX: usize = 64;

/// Appends an integer.
pub fn push_integer(out: &mut String, number: u64) {
    let mut place = 1;
    while number / place >= 10 {
        place *= 10;
    }
    while place > 0 {
        out.push(char::from(b'0' + (number / place % 10) as u8));
        place /= 10;
    }
}

/// Appends a length as `h:mm:ss`; part seconds are left out.
pub fn push_length(out: &mut String, milliseconds: u64) {
    let seconds = milliseconds / 1000;
    push_integer(out, seconds / 3600);
    for part in [seconds / 60 % 60, seconds % 60] {
        out.push(':');
        if part < 10 {
            out.push('0');
        }
        push_integer(out, part);
    }
}

/// Appends `36175872 bytes (34.5 MiB)`.
pub fn push_bytes(out: &mut String, bytes: u64) {
    push_integer(out, bytes);
    out.push_str(if bytes == 1 { " byte" } else { " bytes" });
    const UNITS: [(&str, u32); 3] = [(" GiB)", 30), (" MiB)", 20), (" KiB)", 10)];
    if let Some((unit, shift)) = UNITS.into_iter().find(|(_, shift)| bytes >> shift > 0) {
        out.push_str(" (");
        push_integer(out, bytes >> shift);
        out.push('.');
        // The rest is below 2^30, so tenths fit.
        push_integer(out, ((bytes & ((1 << shift) - 1)) * 10) >> shift);
        out.push_str(unit);
    }
}

/// What an event is called.
pub fn event(event: Event) -> &'static str {
    match event {
        Event::Message => "message",
        Event::Call => "call",
        Event::Edit => "edit",
        Event::Deletion => "deletion",
        Event::Reaction => "reaction",
        Event::Membership => "membership change",
        Event::File => "file",
        Event::Notice => "notice",
        Event::Other => "item of an unknown kind",
    }
}

/// Appends `Incoming voice call from Anna Lind: answered, length 0:05:12`.
pub fn push_call(out: &mut String, call: Option<&Call>, direction: Option<Direction>, caller: Option<&str>) {
    let video = call.map(|call| call.video);
    out.push_str(match (direction, video) {
        (Some(Direction::Incoming), Some(false)) => "Incoming voice call",
        (Some(Direction::Incoming), Some(true)) => "Incoming video call",
        (Some(Direction::Incoming), None) => "Incoming call",
        (Some(Direction::Outgoing), Some(false)) => "Outgoing voice call",
        (Some(Direction::Outgoing), Some(true)) => "Outgoing video call",
        (Some(Direction::Outgoing), None) => "Outgoing call",
        (None, Some(false)) => "Voice call",
        (None, Some(true)) => "Video call",
        (None, None) => "Call",
    });
    if let Some(caller) = caller.filter(|caller| !caller.is_empty()) {
        out.push_str(" from ");
        out.push_str(caller);
    }
    let Some(call) = call else { return };
    out.push_str(match call.outcome {
        CallOutcome::Answered => ": answered",
        CallOutcome::Missed => ": missed",
        CallOutcome::Declined => ": declined",
        CallOutcome::Failed => ": failed or cancelled",
        CallOutcome::Unknown => ": outcome not known to the source",
    });
    if let Some(milliseconds) = call.duration_ms {
        out.push_str(", length ");
        push_length(out, milliseconds);
    } else if call.outcome == CallOutcome::Answered {
        out.push_str(", length not known to the source");
    }
}

/// Appends the visible line of a file: whether its bytes are in the message, and if not, why.
pub fn push_attachment(out: &mut String, attachment: &Attachment, number: usize) {
    out.push_str(match &attachment.state {
        State::Present => "Attachment: ",
        State::Withheld(_) => "Attachment not included: ",
        State::Missing(_) => "Attachment missing: ",
    });
    out.push_str(&file_name(attachment, number));
    out.push_str(" (");
    match attachment.media_type.as_deref() {
        Some(media_type) => out.push_str(&single_line(media_type, REASON_CHARACTERS_MAX)),
        None => out.push_str("type unknown"),
    }
    out.push_str(", ");
    match attachment.size {
        Some(bytes) => push_bytes(out, bytes),
        None => out.push_str("size unknown"),
    }
    if let Some(hash) = &attachment.sha256 {
        out.push_str(", SHA-256 ");
        out.push_str(&single_line(hash, REASON_CHARACTERS_MAX));
    }
    out.push(')');
    match &attachment.state {
        State::Present => {}
        State::Withheld(withheld) => {
            out.push_str(". Left out: ");
            out.push_str(&withheld_reason(&withheld.reason));
            if let Some(limit) = withheld.limit {
                out.push_str("; the limit is ");
                push_bytes(out, limit);
            }
            out.push('.');
        }
        State::Missing(reason) => {
            out.push_str(". ");
            out.push_str(&missing_reason(reason));
            out.push('.');
        }
    }
}

fn withheld_reason(code: &str) -> String {
    match code {
        "too-large" => "it is too large".to_owned(),
        other => format!("reason `{}`", single_line(other, REASON_CHARACTERS_MAX)),
    }
}

fn missing_reason(code: &str) -> String {
    match code {
        "omitted" => "The chat was exported without it".to_owned(),
        "not-found" => "The source names it but does not have it".to_owned(),
        "expired" => "It had expired at the source".to_owned(),
        "damaged" => "The source has it, but damaged".to_owned(),
        "view-once" => "It was sent to be viewed once".to_owned(),
        other => format!("The source could not bring it, reason `{}`", single_line(other, REASON_CHARACTERS_MAX)),
    }
}

/// The file's name for people and for saving: one line, no path, and where the source has none, `attachment-2.jpg`.
pub fn file_name(attachment: &Attachment, number: usize) -> String {
    let given = attachment.name.as_deref().unwrap_or_default();
    let name = single_line(given, usize::MAX).replace(['/', '\\'], "_");
    if name.is_empty() || name == "." || name == ".." {
        let ending = ending(&safe_media_type(attachment.media_type.as_deref()));
        return format!("attachment-{}.{ending}", number + 1);
    }
    let characters = name.chars().count();
    if characters <= FILE_NAME_CHARACTERS_MAX {
        return name;
    }
    // A long name is cut in the middle: its ending says how to open it.
    let head: String = name.chars().take(FILE_NAME_CHARACTERS_MAX - 31).collect();
    let tail: String = name.chars().skip(characters - 30).collect();
    format!("{head}…{tail}")
}

fn ending(media_type: &str) -> &'static str {
    match media_type {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "video/mp4" => "mp4",
        "video/3gpp" => "3gp",
        "audio/ogg" | "audio/opus" => "ogg",
        "audio/mpeg" => "mp3",
        "audio/mp4" => "m4a",
        "application/pdf" => "pdf",
        "text/vcard" | "text/x-vcard" => "vcf",
        "text/plain" => "txt",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use kit::Withheld;

    use super::*;

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn numbers_are_written() {
        for (number, expected) in [(0, "0"), (7, "7"), (10, "10"), (u64::MAX, "18446744073709551615")] {
            assert_eq!(written(|out| push_integer(out, number)), expected);
        }
        for (milliseconds, expected) in
            [(0, "0:00:00"), (999, "0:00:00"), (312_400, "0:05:12"), (36_061_000, "10:01:01")]
        {
            assert_eq!(written(|out| push_length(out, milliseconds)), expected);
        }
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1024 bytes (1.0 KiB)"),
            (36_175_872, "36175872 bytes (34.5 MiB)"),
            (u64::MAX, "18446744073709551615 bytes (17179869183.9 GiB)"),
        ] {
            assert_eq!(written(|out| push_bytes(out, bytes)), expected);
        }
    }

    #[test]
    fn calls_are_told() {
        let call = |video, outcome, duration_ms| Some(Call { video, outcome, duration_ms });
        for (call, direction, caller, expected) in [
            (
                call(false, CallOutcome::Answered, Some(312_000)),
                Some(Direction::Incoming),
                Some("Anna"),
                "Incoming voice call from Anna: answered, length 0:05:12",
            ),
            (call(true, CallOutcome::Missed, None), None, None, "Video call: missed"),
            (
                call(true, CallOutcome::Answered, None),
                Some(Direction::Outgoing),
                None,
                "Outgoing video call: answered, length not known to the source",
            ),
            (call(false, CallOutcome::Unknown, None), None, None, "Voice call: outcome not known to the source"),
            (None, Some(Direction::Incoming), Some(""), "Incoming call"),
        ] {
            assert_eq!(written(|out| push_call(out, call.as_ref(), direction, caller)), expected);
        }
    }

    #[test]
    fn files_are_told() {
        let file = |name: Option<&str>, media_type: Option<&str>, size, sha256: Option<&str>, state| Attachment {
            name: name.map(str::to_owned),
            media_type: media_type.map(str::to_owned),
            size,
            sha256: sha256.map(str::to_owned),
            state,
        };
        let withheld = |reason: &str, limit| State::Withheld(Withheld { reason: reason.to_owned(), limit });
        for (file, expected) in [
            (
                file(Some("a.jpg"), Some("image/jpeg"), Some(5), Some("ab12"), State::Present),
                "Attachment: a.jpg (image/jpeg, 5 bytes, SHA-256 ab12)",
            ),
            (
                file(Some("../b\r\n.mp4"), None, Some(2048), None, withheld("too-large", Some(1024))),
                "Attachment not included: .._b .mp4 (type unknown, 2048 bytes (2.0 KiB)). Left out: it is too large; \
                 the limit is 1024 bytes (1.0 KiB).",
            ),
            (
                file(None, Some("image/jpeg"), None, None, withheld("virus", None)),
                "Attachment not included: attachment-3.jpg (image/jpeg, size unknown). Left out: reason `virus`.",
            ),
            (
                file(None, None, None, None, State::Missing("omitted".to_owned())),
                "Attachment missing: attachment-3.bin (type unknown, size unknown). The chat was exported without it.",
            ),
            (
                file(None, None, None, None, State::Missing("odd".to_owned())),
                "Attachment missing: attachment-3.bin (type unknown, size unknown). The source could not bring it, \
                 reason `odd`.",
            ),
        ] {
            assert_eq!(written(|out| push_attachment(out, &file, 2)), expected);
        }
    }

    #[test]
    fn long_file_names_keep_their_ending() {
        let attachment = Attachment {
            name: Some(format!("{}.pdf", "ü".repeat(400))),
            media_type: None,
            size: None,
            sha256: None,
            state: State::Present,
        };
        let name = file_name(&attachment, 0);
        assert_eq!(name.chars().count(), FILE_NAME_CHARACTERS_MAX);
        assert!(name.ends_with("ü.pdf") && name.contains('…'), "{name}");
    }
}
