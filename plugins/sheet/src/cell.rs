//! What spreadsheets do to a cell, undone where nothing was lost and refused where something was.

/// Why a cell's value cannot be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoilt {
    /// `=HYPERLINK(…)`: the value is what a spreadsheet would compute.
    Formula,
    /// `#N/A`, `#NAME?`, `####`.
    ErrorValue,
    /// A line break or another control character inside.
    ControlCharacter,
}

/// The cell without surrounding space, without the text markers `="…"` and `'…`, or why it has no value.
pub fn plain(cell: &str) -> Result<&str, Spoilt> {
    let cell = trim(cell);
    let value = if let Some(formula) = cell.strip_prefix('=') {
        // ="…" is how people tell a spreadsheet that digits are text.
        let inner = formula.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        trim(inner.filter(|inner| !inner.contains('"')).ok_or(Spoilt::Formula)?)
    } else if let Some(quoted) =
        cell.strip_prefix('\'').filter(|rest| rest.starts_with(['+', '(']) || starts_with_digit(rest))
    {
        // Only before digits: a name may begin with an apostrophe.
        trim(quoted.strip_suffix('\'').unwrap_or(quoted))
    } else {
        cell
    };
    if is_error_value(value) {
        return Err(Spoilt::ErrorValue);
    }
    if value.chars().any(|character| character.is_control() && character != '\t') {
        return Err(Spoilt::ControlCharacter);
    }
    Ok(value)
}

/// Without surrounding white space (NBSP and its narrow kin included) and invisible marks.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || is_invisible(character))
}

/// Marks that are not seen and that copying from a web page or a phone leaves behind: direction controls, zero-width
/// space, byte order mark, soft hyphen. The joiners that emoji need are not among them.
pub fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{00AD}' | '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'
            | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
    )
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|character: char| character.is_ascii_digit())
}

fn is_error_value(value: &str) -> bool {
    const ERRORS: [&str; 9] = ["#N/A", "#NAME?", "#REF!", "#VALUE!", "#NUM!", "#DIV/0!", "#NULL!", "#SPILL!", "#CALC!"];
    ERRORS.contains(&value) || (value.len() >= 2 && value.bytes().all(|byte| byte == b'#'))
}
