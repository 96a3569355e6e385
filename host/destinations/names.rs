//! Names of folders as mail servers write them.

/// RFC 3501 section 5.1.3: `&` starts base64 of UTF-16BE, `,` replaces `/`.
pub(super) fn modified_utf7(name: &str) -> String {
    use base64::{
        Engine as _,
        alphabet::IMAP_MUTF7,
        engine::general_purpose::{GeneralPurpose, NO_PAD},
    };
    let engine = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);
    let mut out = String::with_capacity(name.len());
    let mut run: Vec<u8> = Vec::new();
    let end_run = |run: &mut Vec<u8>, out: &mut String| {
        if !run.is_empty() {
            out.push('&');
            engine.encode_string(&*run, out);
            out.push('-');
            run.clear();
        }
    };
    for character in name.chars() {
        if character == '&' {
            end_run(&mut run, &mut out);
            out.push_str("&-");
        } else if (' '..='~').contains(&character) {
            end_run(&mut run, &mut out);
            out.push(character);
        } else {
            let mut units = [0; 2];
            run.extend(character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    end_run(&mut run, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_in_modified_utf7() {
        for (name, expect) in [
            ("WhatsApp Archiver", "WhatsApp Archiver"),
            ("R&D", "R&-D"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("台北", "&U,BTFw-"),
            ("a😀b", "a&2D3eAA-b"),
        ] {
            assert_eq!(modified_utf7(name), expect);
        }
    }
}
