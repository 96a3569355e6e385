//! Entities of attribute values, with the app's surrogate pairs.

/// The text of a raw value. Lone surrogates and forbidden characters become U+FFFD; unknown entities stay.
pub(crate) fn decode(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        out.push_str(before);
        let Some((name, after)) = take(entity) else {
            out.push('&');
            rest = entity.get(1..).unwrap_or_default();
            continue;
        };
        rest = after;
        match name {
            "amp" => out.push('&'),
            "lt" => out.push('<'),
            "gt" => out.push('>'),
            "quot" => out.push('"'),
            "apos" => out.push('\''),
            _ => match number(name) {
                Some(high @ 0xD800..=0xDBFF) => {
                    let low = take(after).and_then(|(name, after)| Some((number(name)?, after)));
                    if let Some((low @ 0xDC00..=0xDFFF, after)) = low {
                        let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                        out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                        rest = after;
                    } else {
                        out.push('\u{fffd}');
                    }
                }
                Some(0) => out.push('\u{fffd}'),
                Some(code) => out.push(char::from_u32(code).unwrap_or('\u{fffd}')),
                None => {
                    out.push('&');
                    out.push_str(name);
                    out.push(';');
                }
            },
        }
    }
    out.push_str(rest);
    out
}

fn take(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('&')?.split_once(';')?;
    let plain = name.len() <= 12 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#');
    (plain && !name.is_empty()).then_some((name, after))
}

fn number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix('#')?;
    match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn entities_are_read() {
        let cases = [("a&amp;b", "a&b"), ("&#55357;&#56832;", "😀"), ("&#55357;x", "\u{fffd}x"), ("&x;&", "&x;&")];
        for (raw, expected) in cases {
            assert_eq!(super::decode(raw.as_bytes()), expected);
        }
    }
}
