//! Reads answers: the few shapes that are asked for.

use super::wire::Line;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    /// A word or a number, with what stands in brackets (`BODY[HEADER.FIELDS ("MESSAGE-ID")]`).
    Atom(&'a [u8]),
    /// A quoted string or a literal.
    Text(std::borrow::Cow<'a, [u8]>),
}

impl<'a> Token<'a> {
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Atom(atom) if atom.eq_ignore_ascii_case(word.as_bytes()))
    }

    pub(super) fn number<T: std::str::FromStr>(&self) -> Option<T> {
        match self {
            Self::Atom(atom) => std::str::from_utf8(atom).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// The bytes of a string or an atom; none for NIL and parentheses.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Atom(atom) if atom.eq_ignore_ascii_case(b"NIL") => None,
            Self::Atom(atom) => Some(atom),
            Self::Text(text) => Some(text),
            Self::Open | Self::Close => None,
        }
    }

    pub(super) fn lossy(&self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Cuts an answer into pieces. What cannot be read ends it.
pub(super) fn tokens(line: &Line) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut literals = line.literals.iter();
    let mut rest = &line.text[..];
    while let Some((&first, after)) = rest.split_first() {
        rest = match first {
            b' ' => after,
            b'(' => {
                tokens.push(Token::Open);
                after
            }
            b')' => {
                tokens.push(Token::Close);
                after
            }
            b'"' => {
                let (text, after) = quoted(after);
                tokens.push(Token::Text(text.into()));
                after
            }
            b'{' | b'~' if literal_end(rest).is_some() => {
                let Some(literal) = literals.next() else { break };
                tokens.push(Token::Text(literal.into()));
                &rest[literal_end(rest).unwrap_or(rest.len())..]
            }
            _ => {
                let end = atom_end(rest);
                tokens.push(Token::Atom(&rest[..end]));
                &rest[end..]
            }
        };
    }
    tokens
}

/// Where `{n}` at the beginning ends.
fn literal_end(text: &[u8]) -> Option<usize> {
    let text_after = text.strip_prefix(b"~").unwrap_or(text);
    let end = text_after.iter().position(|byte| *byte == b'}')? + 1;
    let inside = text_after.get(1..end - 1)?;
    (text_after[0] == b'{' && inside.iter().all(|byte| byte.is_ascii_digit() || *byte == b'+'))
        .then(|| end + text.len() - text_after.len())
}

fn quoted(mut rest: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut text = Vec::new();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'"' => break,
            b'\\' => {
                if let Some((&escaped, after)) = rest.split_first() {
                    text.push(escaped);
                    rest = after;
                }
            }
            _ => text.push(first),
        }
    }
    (text, rest)
}

/// At least 1.
fn atom_end(text: &[u8]) -> usize {
    let mut brackets = 0_u32;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'[' => brackets += 1,
            b']' => brackets = brackets.saturating_sub(1),
            b' ' | b'(' | b')' if brackets == 0 && at > 0 => return at,
            _ => {}
        }
    }
    text.len().max(1)
}

/// One message of a FETCH: its UID and the one section that was asked for.
pub(super) struct Fetched<'a> {
    pub(super) uid: u32,
    pub(super) section: Token<'a>,
}

/// Reads `n FETCH (UID u BODY[…] …)`; none for another answer, or one without both.
pub(super) fn fetched(line: &Line) -> Option<Fetched<'_>> {
    let tokens = tokens(line);
    let [_, word, Token::Open, pairs @ ..] = tokens.as_slice() else { return None };
    if !word.is("FETCH") {
        return None;
    }
    let (mut uid, mut section) = (None, None);
    let mut at = 0;
    while let [name, value, ..] = &pairs[at..] {
        at += match value {
            // A list, like FLAGS.
            Token::Open => 1 + pairs[at + 1..].iter().position(|token| *token == Token::Close)? + 1,
            _ => 2,
        };
        match name {
            name if name.is("UID") => uid = value.number(),
            Token::Atom(name) if name.len() >= 5 && name[..5].eq_ignore_ascii_case(b"BODY[") => {
                section = Some(value.clone());
            }
            _ => {}
        }
    }
    Some(Fetched { uid: uid?, section: section? })
}

/// The UIDs of a set like `3,5:7`, in its order; none when it is none, or holds more than `count_max`.
pub(super) fn uids(set: &str, count_max: usize) -> Option<Vec<u32>> {
    let mut uids = Vec::new();
    for part in set.split(',') {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        let (first, last) = (first.min(last), first.max(last));
        if uids.len() + (last - first) as usize + 1 > count_max {
            return None;
        }
        uids.extend(first..=last);
    }
    Some(uids)
}

/// A string as an argument: printable ASCII in quotes.
pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, literals: &[&str]) -> Line {
        let literals = literals.iter().map(|literal| literal.as_bytes().to_vec()).collect();
        Line { text: text.as_bytes().to_vec(), literals }
    }

    #[test]
    fn a_fetch_gives_uid_and_section_in_any_order_and_shape() {
        let header = "Message-ID: <a@b>\r\n\r\n";
        for (text, literals) in [
            ("1 FETCH (UID 7 BODY[HEADER.FIELDS (MESSAGE-ID)] {21})", &[header][..]),
            ("1 FETCH (BODY[HEADER.FIELDS (\"Message-ID\")] {21} UID 7)", &[header]),
            ("1 fetch (FLAGS (\\Seen \\Recent) UID 7 BODY[HEADER.FIELDS (MESSAGE-ID)] {21})", &[header]),
        ] {
            let line = line(text, literals);
            let fetched = fetched(&line).expect("a message");
            assert_eq!((fetched.uid, fetched.section.bytes()), (7, Some(header.as_bytes())), "{text}");
        }
        let empty = line("1 FETCH (UID 7 BODY[HEADER.FIELDS (MESSAGE-ID)] \"\")", &[]);
        assert_eq!(fetched(&empty).and_then(|fetched| fetched.section.lossy()), Some(String::new()));
        for text in
            ["1 FETCH (FLAGS (\\Seen))", "1 EXISTS", "1 FETCH", "1 FETCH (UID", "1 FETCH (FLAGS (", "FETCH {3}", ""]
        {
            assert!(fetched(&line(text, &[])).is_none(), "{text}");
        }
    }

    #[test]
    fn sets_are_counted_and_bounded() {
        for (set, expect) in [
            ("7", Some(vec![7])),
            ("3,5:7", Some(vec![3, 5, 6, 7])),
            ("7:5", Some(vec![5, 6, 7])),
            ("1:4294967295", None),
            ("1:5", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(uids(set, 4), expect, "{set}");
        }
    }

    #[test]
    fn strings_are_quoted_and_read_back() {
        let text = r#"a "b" \c"#;
        let line = line(&format!("LIST () \"/\" {}", quote(text)), &[]);
        assert_eq!(tokens(&line).last(), Some(&Token::Text(text.as_bytes().into())));
    }
}
