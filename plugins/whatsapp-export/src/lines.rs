//! Messages as runs of lines: where the next head stands.

use kit::{Error, Host};

use crate::{header::Shape, input::Chat, text::Text};

/// Bytes at the start of a line that suffice to see a head.
pub(crate) const HEAD_BYTES: usize = 512;
/// Most bytes of one message. The app itself allows 65,536 characters.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What stands at the front of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// A message, or what stands before the first: so many bytes and line ends up to the next head or the end.
    Whole(usize, u64),
    /// More than [`MESSAGE_BYTES_MAX`] without another head.
    TooLarge,
    /// Nothing: the file is read.
    End,
}

/// Reads on until the next head, or the end, is in sight. `chunk_bytes` tells how much to read at a time.
pub(crate) fn next_run(
    host: &mut dyn Host,
    chat: &Chat,
    text: &mut Text,
    shape: &Shape,
    chunk_bytes: u32,
) -> Result<Run, Error> {
    // Start of the line to look at, where to look for its end, line ends before it.
    let (mut line, mut searched, mut lines) = (0, 0, 0);
    let mut is_head_known = true;
    loop {
        let rest = text.rest();
        while line < rest.len() {
            let end = memchr::memchr(b'\n', &rest.as_bytes()[searched..]).map(|at| searched + at + 1);
            let is_in_sight = end.is_some() || rest.len() - line >= HEAD_BYTES || text.is_read();
            if !is_head_known && is_in_sight {
                if shape.read(head_of(&rest[line..])).is_some() {
                    return Ok(Run::Whole(line, lines));
                }
                is_head_known = true;
            }
            match end {
                Some(end) => {
                    (line, searched, lines) = (end, end, lines + 1);
                    is_head_known = false;
                }
                None => {
                    searched = rest.len();
                    break;
                }
            }
        }
        if text.is_read() {
            return Ok(if text.is_done() { Run::End } else { Run::Whole(rest.len(), lines) });
        }
        if rest.len() > MESSAGE_BYTES_MAX {
            return Ok(Run::TooLarge);
        }
        text.fill(host, chat, chunk_bytes)?;
    }
}

/// The start of a line, as far as a head can reach.
pub(crate) fn head_of(line: &str) -> &str {
    let mut end = line.len().min(HEAD_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let head = &line[..end];
    memchr::memchr(b'\n', head.as_bytes()).map_or(head, |newline| &head[..newline])
}
