//! Just enough of Rust's grammar to read sources as text: comments and literals blanked, words, paths.

/// The source with comments and the insides of string and character literals blanked, every line where it was.
pub(super) fn blank(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = at + token_length(&bytes[at..], out.last().copied());
        let blanked = end - at > 1 && !is_word(bytes[at]) || matches!(bytes[at], b'"');
        for &byte in &bytes[at..end] {
            out.push(if blanked && byte != b'\n' { b' ' } else { byte });
        }
        at = end;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Bytes of the comment, literal, word or single byte that `rest` begins with.
fn token_length(rest: &[u8], before: Option<u8>) -> usize {
    match rest {
        [b'/', b'/', ..] => rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment_length(rest),
        [b'"', ..] => string_length(rest),
        [b'#', ..] if before == Some(b'r') => raw_string_length(rest).unwrap_or(1),
        [b'\'', b'\\', ..] => 2 + rest[2..].iter().skip(1).position(|&byte| byte == b'\'').map_or(0, |end| end + 2),
        [b'\'', tail @ ..] => {
            // A character is closed at once; a lifetime is not.
            let width = std::str::from_utf8(&tail[..tail.len().min(5)])
                .map_or_else(|error| error.valid_up_to(), str::len)
                .min(tail.len());
            let character = std::str::from_utf8(&tail[..width]).ok().and_then(|text| text.chars().next());
            character.map_or(1, |c| if tail.get(c.len_utf8()) == Some(&b'\'') { c.len_utf8() + 2 } else { 1 })
        }
        [byte, ..] if is_word(*byte) => rest.iter().position(|&byte| !is_word(byte)).unwrap_or(rest.len()),
        _ => 1,
    }
}

fn block_comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at + 1 < rest.len() {
        match &rest[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string_length(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// `#"…"#` with any number of `#`; none when this is something else (`r#type`).
fn raw_string_length(rest: &[u8]) -> Option<usize> {
    let hashes = rest.iter().take_while(|&&byte| byte == b'#').count();
    if rest.get(hashes) != Some(&b'"') {
        return None;
    }
    let closing = [b"\"".as_slice(), &rest[..hashes]].concat();
    let body = &rest[hashes + 1..];
    let end = body.windows(closing.len()).position(|window| window == closing)?;
    Some(hashes + 1 + end + closing.len())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A word or a sign (`::` is one), with its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    /// From 1.
    pub(super) line: usize,
}

/// The words and signs of blanked code.
pub(super) fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    for (line, text) in (1..).zip(code.lines()) {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = match first {
                ':' if rest.starts_with("::") => 2,
                c if c.is_alphanumeric() || c == '_' => {
                    rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
                }
                c => c.len_utf8(),
            };
            found.push(Token { text: &rest[..length], line });
            rest = rest[length..].trim_start();
        }
    }
    found
}

/// A path as it is written, `{…}` taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

/// Every path that begins with `start` (`crate`), without it.
pub(super) fn paths_from(tokens: &[Token<'_>], start: &str) -> Vec<Path> {
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let continues = tokens.get(index + 1).is_some_and(|next| next.text == "::");
        let begins = index == 0 || tokens[index - 1].text != "::";
        if token.text == start && continues && begins {
            expand(tokens, index + 2, &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads one path or group from `at`; returns where it ends.
fn expand(tokens: &[Token<'_>], mut at: usize, before: &mut Vec<String>, found: &mut Vec<Path>) -> usize {
    let depth = before.len();
    let line = tokens.get(at).map_or(0, |token| token.line);
    loop {
        match tokens.get(at) {
            Some(token) if token.text == "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = expand(tokens, at, before, found);
                    // `as name` and the comma.
                    while tokens.get(at).is_some_and(|token| token.text != "," && token.text != "}") {
                        at += 1;
                    }
                    at += usize::from(tokens.get(at).is_some_and(|token| token.text == ","));
                }
                before.truncate(depth);
                return at + 1;
            }
            Some(token) => {
                before.push(token.text.to_owned());
                at += 1;
                if tokens.get(at).is_some_and(|next| next.text == "::") {
                    at += 1;
                    continue;
                }
            }
            None => {}
        }
        found.push(Path { segments: before.clone(), line });
        before.truncate(depth);
        return at;
    }
}

/// Blanked code without its `#[cfg(test)]` modules, every line where it was.
pub(super) fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = out.find("#[cfg(test)]") {
        let rest = &out[start..];
        let end = match (rest.find('{'), rest.find(';')) {
            (Some(brace), semicolon) if semicolon.is_none_or(|semicolon| brace < semicolon) => {
                let mut depth = 0_usize;
                rest[brace..]
                    .char_indices()
                    .find_map(|(at, c)| {
                        match c {
                            '{' => depth += 1,
                            '}' => depth -= 1,
                            _ => {}
                        }
                        (depth == 0).then_some(brace + at + 1)
                    })
                    .unwrap_or(rest.len())
            }
            (_, semicolon) => semicolon.map_or(rest.len(), |at| at + 1),
        };
        let blanked: String = rest[..end].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..start + end, &blanked);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked() {
        for (source, expect) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ */ d", "a                 d"),
            (r#"f("b\"c", 'x', '\'', 'a)"#, "f(      ,    ,     , 'a)"),
            ("r#\"b\"c\"# d", "r        d"),
            ("r#type", "r#type"),
            ("'é' x", "     x"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
        ] {
            assert_eq!(blank(source), expect, "{source}");
        }
    }

    #[test]
    fn groups_are_taken_apart() {
        let code = "use crate::{\n a::{B, c::D as E},\n f,\n};\nlet x = crate::g::h(); other::crate::i;";
        let found: Vec<String> = paths_from(&tokens(code), "crate")
            .iter()
            .map(|path| format!("{} {}", path.line, path.segments.join("::")))
            .collect();
        assert_eq!(found, ["2 a::B", "2 a::c::D", "3 f", "5 g::h"]);
    }

    #[test]
    fn test_modules_are_taken_out() {
        let code = "a\n#[cfg(test)]\nmod tests { b { c } }\nd\n#[cfg(test)]\nmod e;\nf";
        let words: Vec<String> = without_tests(code).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["a", "d", "f"]);
    }
}
