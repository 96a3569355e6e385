//! The HTML alternative: the same words as the text part, escaped, and nothing that is fetched or run.

const HEAD: &str = "<!DOCTYPE html>\r\n<html>\r\n<head><meta charset=\"utf-8\"></head>\r\n<body>\r\n";
const MAIN: &str = "<div dir=\"auto\" style=\"white-space:pre-wrap\">";
const DETAILS: &str =
    "</div>\r\n<hr>\r\n<div dir=\"auto\" style=\"white-space:pre-wrap;color:#555;font-size:smaller\">";
const ENTRY: &str = "</div>\r\n<div dir=\"auto\" style=\"margin-top:1em;font-weight:bold\">";
const SAID: &str = "</div>\r\n<div dir=\"auto\" style=\"white-space:pre-wrap;margin-left:2em\">";
const TAIL: &str = "</div>\r\n</body>\r\n</html>\r\n";

/// What stands for a byte, by its number in [`ENTITY`].
const ENTITIES: [&str; 7] = ["", "&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "<br>"];
/// Which of [`ENTITIES`] a byte becomes; 0: it stays. A table, since this loop sees every byte of every body.
const ENTITY: [u8; 256] = {
    let mut table = [0; 256];
    table[b'&' as usize] = 1;
    table[b'<' as usize] = 2;
    table[b'>' as usize] = 3;
    table[b'"' as usize] = 4;
    table[b'\'' as usize] = 5;
    table[b'\r' as usize] = 6;
    table
};

/// Appends a document: what was said, the item's facts, and the thread's, which come escaped since many items share
/// them.
pub fn write(out: &mut String, main: &str, facts: &str, thread_facts: &str) {
    out.reserve(HEAD.len() + MAIN.len() + DETAILS.len() + TAIL.len() + main.len() + facts.len() + thread_facts.len());
    open(out, main);
    close(out, facts, thread_facts);
}

/// Appends the beginning of a document, up to the end of its main text.
pub fn open(out: &mut String, main: &str) {
    out.push_str(HEAD);
    out.push_str(MAIN);
    escape(out, main.trim_end_matches("\r\n"));
}

/// Appends an entry of a list between the main text and the facts: its head, and set in from it what was said.
pub fn entry(out: &mut String, head: &str, main: &str) {
    out.push_str(ENTRY);
    escape(out, head);
    out.push_str(SAID);
    escape(out, main.trim_end_matches("\r\n"));
}

/// Appends the end of a document: facts, and those of the thread, which come escaped.
pub fn close(out: &mut String, facts: &str, thread_facts: &str) {
    out.push_str(DETAILS);
    escape(out, facts);
    out.push_str(thread_facts);
    out.push_str(TAIL);
}

/// Appends text with CRLF line ends as HTML text: `<br>` without a line break, since `pre-wrap` would show both.
pub fn escape(out: &mut String, text: &str) {
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        let number = usize::from(ENTITY[usize::from(byte)]);
        if number > 0 {
            out.push_str(text.get(start..at).unwrap_or_default());
            out.push_str(ENTITIES.get(number).copied().unwrap_or_default());
            start = at + if byte == b'\r' { 2 } else { 1 };
        }
    }
    out.push_str(text.get(start..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        let mut out = String::new();
        escape(&mut out, "<script>alert(\"1\")</script> & 'x'\r\nü\r\n\r\nend");
        assert_eq!(out, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;<br>ü<br><br>end");
    }
}
