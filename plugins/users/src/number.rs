//! Phone numbers: one form for every way of writing one.
//!
//! Sources write international digits, often without the plus (`4915112345678`), so digits that do not begin with 0
//! are taken as international and no default region is ever applied to a source's digits: libphonenumber would make a
//! *valid* `+494915112345678` of them. Metadata is consulted only where digits alone do not decide: a trunk zero after
//! the country code, `00`, national form. Ordinary E.164 digits never reach it.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, Region};

/// Fewest digits of an international number (Niue, Saint Helena); what is shorter is a short code and stays text.
const DIGITS_MIN: usize = 7;
/// Most digits of an international number (E.164).
const DIGITS_MAX: usize = 15;
/// Most digits looked at; longer runs are somebody's identifiers.
const SCANNED_MAX: usize = 40;

/// A phone number in international form, its digits as an integer: no country code begins with 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(pub(crate) u64);

/// The region whose national numbers a mapping file may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    region: Region,
    country_code: i32,
    /// Whether national form is the number with a 0 before it.
    has_trunk_zero: bool,
}

impl Home {
    /// The region with these two letters; none when it has no phone numbers.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let region = name.to_ascii_uppercase().parse().ok()?;
        let country_code = PHONE_NUMBER_UTIL.get_country_code_for_region(region)?;
        let example = PHONE_NUMBER_UTIL.get_example_number(region).ok()?;
        let mut national = example.format_as(PhoneNumberFormat::National).into_owned();
        national.retain(|character| character.is_ascii_digit());
        let has_trunk_zero = national == format!("0{}", example.get_national_significant_number());
        Some(Self { region, country_code, has_trunk_zero })
    }
}

/// Digits as written, separators and marks left out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Whether a plus stood before them.
    pub(crate) plus: bool,
    /// ASCII digits, whatever script they were written in; at least one.
    pub(crate) digits: String,
}

/// Why digits are not known to be one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// National form, and no region is set.
    National,
    /// National form, but not a number of the region; or `00` before what is not a number.
    Invalid,
    /// A valid number both as international and as national digits.
    Ambiguous,
    /// Valid only if the region's leading zero is put back.
    LeadingZeroLost,
}

/// The digits of a text that is nothing but a phone number as people write one; none for any other text.
pub(crate) fn scan(text: &str) -> Option<Scanned> {
    let mut scanned = Scanned { plus: false, digits: String::new() };
    for character in without_scheme(text).chars() {
        if let Some(digit) = digit(character) {
            if scanned.digits.len() == SCANNED_MAX {
                return None;
            }
            scanned.digits.push(digit);
        } else if matches!(character, '+' | '\u{FF0B}') {
            if scanned.plus || !scanned.digits.is_empty() {
                return None;
            }
            scanned.plus = true;
        } else if !(is_separator(character) || sheet::cell::is_invisible(character)) {
            return None;
        }
    }
    (!scanned.digits.is_empty()).then_some(scanned)
}

impl Scanned {
    /// Whether these are too few digits for an international number.
    pub(crate) fn is_short(&self) -> bool {
        self.digits.len() < DIGITS_MIN
    }

    /// Whether these begin with a trunk zero, so that only a region would tell which number they are.
    pub(crate) fn is_national(&self) -> bool {
        !self.plus && self.digits.starts_with('0') && !self.digits.starts_with("00")
    }

    /// As a source writes it: international unless it begins with a trunk zero. None when it can only be text.
    pub(crate) fn as_source(&self) -> Option<Number> {
        if self.is_national() {
            return None;
        }
        international(self.digits.strip_prefix("00").filter(|_| !self.plus).unwrap_or(&self.digits))
    }

    /// As a mapping file writes it. `Ok(None)` when it can only be text.
    pub(crate) fn as_row(&self, home: Option<&Home>) -> Result<Option<Number>, Doubt> {
        if self.is_short() || self.digits.len() > DIGITS_MAX + 2 {
            return Ok(None);
        }
        if self.plus {
            return Ok(international(&self.digits));
        }
        if let Some(rest) = self.digits.strip_prefix("00") {
            return abroad(rest, home).ok_or(Doubt::Invalid).map(Some);
        }
        match home {
            None if self.digits.starts_with('0') => Err(Doubt::National),
            None => Ok(international(&self.digits)),
            Some(home) if self.digits.starts_with('0') => national(&self.digits, home).ok_or(Doubt::Invalid).map(Some),
            Some(home) => undecided(&self.digits, home),
        }
    }
}

/// The other way of writing an Argentine number (mobile phones with 9 after the country code, and without). Both are
/// valid, so this is for looking up after the number itself was not found, not for comparing.
pub(crate) fn argentine_twin(number: Number) -> Option<Number> {
    let digits = number.0.to_string();
    let (national, twin) = match digits.strip_prefix("549") {
        Some(national) if digits.len() == 13 => (national, format!("54{national}")),
        _ => {
            let national = digits.strip_prefix("54").filter(|_| digits.len() == 12)?;
            (national, format!("549{national}"))
        }
    };
    if !national.starts_with(['1', '2', '3']) {
        return None;
    }
    twin.parse().ok().map(Number)
}

/// Digits of an international number, brought to the form in which all its spellings meet. An invalid number (an old
/// numbering plan) stays as it is: the same digits still find it.
fn international(digits: &str) -> Option<Number> {
    if digits.starts_with('0') || !(DIGITS_MIN..=DIGITS_MAX + 1).contains(&digits.len()) {
        return None;
    }
    let country = country_code_length(digits);
    let (code, national) = digits.split_at_checked(country)?;
    if national.starts_with('0') {
        return without_trunk_zero(code, national).and_then(same_line);
    }
    same_line(digits.to_owned())
}

/// `+49 (0)151 …` written without its brackets; Italy keeps its zero.
fn without_trunk_zero(code: &str, national: &str) -> Option<String> {
    let whole = || format!("{code}{national}");
    if is_valid(code, national) {
        return Some(whole());
    }
    let stripped = &national[1..];
    if is_valid(code, stripped) {
        return Some(format!("{code}{stripped}"));
    }
    Some(parsed(&format!("+{code}{national}"), None).unwrap_or_else(whole))
}

/// What follows `00`: accepted where it is a valid number, because some regions dial something else.
fn abroad(rest: &str, home: Option<&Home>) -> Option<Number> {
    let found = international(rest).filter(|number| {
        let digits = number.0.to_string();
        let (code, national) = digits.split_at(country_code_length(&digits).min(digits.len()));
        is_valid(code, national)
    });
    found.or_else(|| parsed(&format!("00{rest}"), Some(home?.region)).and_then(same_line))
}

/// Digits in national form.
fn national(digits: &str, home: &Home) -> Option<Number> {
    let code = home.country_code.to_string();
    let significant = digits.strip_prefix('0').filter(|_| home.has_trunk_zero).unwrap_or(digits);
    if is_valid(&code, significant) {
        return same_line(format!("{code}{significant}"));
    }
    parsed(digits, Some(home.region)).and_then(same_line)
}

/// Digits without plus or leading zero, where a region is set: international, unless only the region makes them valid.
fn undecided(digits: &str, home: &Home) -> Result<Option<Number>, Doubt> {
    let (code, significant) = digits.split_at(country_code_length(digits).min(digits.len()));
    let is_abroad = is_valid(code, significant);
    if home.has_trunk_zero {
        // `4915112345678` must not become `+49 4915112345678`, so a valid international number wins here …
        if !is_abroad && national(&format!("0{digits}"), home).is_some() {
            // … and otherwise a spreadsheet may have taken the zero away, which looks certain and is not.
            return Err(Doubt::LeadingZeroLost);
        }
        return Ok(international(digits));
    }
    match national(digits, home) {
        Some(number) if is_abroad && Some(number) != international(digits) => Err(Doubt::Ambiguous),
        Some(number) if !is_abroad => Ok(Some(number)),
        _ => Ok(international(digits)),
    }
}

/// Folds the spellings of one line that numbering reforms left behind: Mexico's 1 after the country code, and the
/// ninth digit of Brazilian mobile numbers. In both, the old form is no longer anybody's number.
fn same_line(digits: String) -> Option<Number> {
    let bytes = digits.as_bytes();
    let folded = match bytes.len() {
        13 if digits.starts_with("521") => format!("52{}", &digits[3..]),
        12 if digits.starts_with("55") && matches!(bytes[4], b'6' | b'8' | b'9') => {
            format!("{}9{}", &digits[..4], &digits[4..])
        }
        _ => digits,
    };
    (folded.len() <= DIGITS_MAX).then(|| folded.parse().ok().map(Number)).flatten()
}

/// Whether metadata knows such a number. Much cheaper than parsing.
fn is_valid(code: &str, national: &str) -> bool {
    let zeros = national.bytes().take_while(|&byte| byte == b'0').count();
    let (Ok(country_code), Ok(national_number)) = (code.parse(), national.parse()) else { return false };
    let number = PhoneNumber {
        country_code,
        national_number,
        italian_leading_zero: (zeros > 0).then_some(true),
        number_of_leading_zeros: (zeros > 1).then(|| i32::try_from(zeros).unwrap_or(i32::MAX)),
        ..PhoneNumber::default()
    };
    number.is_valid()
}

/// What libphonenumber makes of it, as digits, if that is a valid number.
fn parsed(text: &str, region: Option<Region>) -> Option<String> {
    let number = PhoneNumber::parse(text, region).ok()?;
    number.is_valid().then(|| number.to_string().trim_start_matches('+').to_owned())
}

/// Length of the country code that these digits begin with (ITU-T E.164 list of assigned codes).
fn country_code_length(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

fn without_scheme(text: &str) -> &str {
    ["tel:", "whatsapp:", "phone:"]
        .iter()
        .find_map(|scheme| text.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)))
        .map_or(text, |scheme| &text[scheme.len()..])
}

/// The ASCII digit for a digit of the scripts that phones write numbers in.
fn digit(character: char) -> Option<char> {
    let zero = match character {
        '0'..='9' => return Some(character),
        '\u{FF10}'..='\u{FF19}' => 0xFF10,
        '\u{0660}'..='\u{0669}' => 0x0660,
        '\u{06F0}'..='\u{06F9}' => 0x06F0,
        '\u{0966}'..='\u{096F}' => 0x0966,
        _ => return None,
    };
    char::from_digit(u32::from(character) - zero, 10)
}

fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FF0D}' | '\u{FF08}' | '\u{FF09}'
        )
}
