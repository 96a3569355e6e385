//! The key of a row and the ways a source may name the same person.

use icu_normalizer::ComposingNormalizerBorrowed;
use serde::Deserialize;
use sheet::cell::{is_invisible, trim};

use crate::{
    address,
    number::{Doubt, Home, Number, argentine_twin, scan},
};

/// Longest key in bytes; a source's id is never longer.
pub(crate) const KEY_BYTES_MAX: usize = 512;

/// What a person is looked up by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A phone number.
    Number(Number),
    /// Anything else, in the form [`text`] gives it.
    Text(String),
}

/// A row's key, and the national digits it was written in: they match a source that writes exactly these.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RowKey {
    pub(crate) key: Key,
    pub(crate) written: Option<String>,
}

/// Why a row's key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFault {
    /// Nothing in the cell.
    Empty,
    /// Longer than [`KEY_BYTES_MAX`].
    TooLong,
    /// `1.23E+11`: the last digits are lost.
    Excel,
    /// `4915112345678.0` or `4,915,112,345,678`.
    Decimal,
    /// Not a phone number though keys are declared to be.
    NotANumber,
    /// Not known to be one number.
    Doubt(Doubt),
}

/// How ids are to be compared, where the operator says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ids {
    /// Every key is a phone number.
    Phone,
    /// No key is one: digits are identifiers, leading zeros count.
    Text,
}

/// How keys are read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyRules {
    /// None: a key that reads as a number is one, any other is text.
    pub(crate) ids: Option<Ids>,
    /// Region of national numbers in the file; never applied to a source's digits.
    pub(crate) home: Option<Home>,
}

impl KeyRules {
    /// The meaning of a row's key cell, which [`sheet::cell::plain`] has freed of markers.
    pub(crate) fn of_row(&self, cell: &str) -> Result<RowKey, KeyFault> {
        if cell.is_empty() {
            return Err(KeyFault::Empty);
        }
        if cell.len() > KEY_BYTES_MAX {
            return Err(KeyFault::TooLong);
        }
        if is_scientific(cell) {
            return Err(KeyFault::Excel);
        }
        let as_text = |text: String| RowKey { key: Key::Text(text), written: None };
        if self.ids == Some(Ids::Text) {
            return Ok(as_text(text(cell)));
        }
        if is_decimal(cell) {
            return Err(KeyFault::Decimal);
        }
        let Some(scanned) = scan(cell) else {
            return if self.ids == Some(Ids::Phone) { Err(KeyFault::NotANumber) } else { Ok(as_text(text(cell))) };
        };
        match scanned.as_row(self.home.as_ref()).map_err(KeyFault::Doubt)? {
            Some(number) => {
                let written = scanned.is_national().then_some(scanned.digits);
                Ok(RowKey { key: Key::Number(number), written })
            }
            None if self.ids == Some(Ids::Phone) => Err(KeyFault::NotANumber),
            None => Ok(as_text(scanned.digits)),
        }
    }

    /// The keys under which a source's id or phone number may stand in the file, the surest first.
    pub(crate) fn of_source(&self, value: &str) -> Vec<Key> {
        if self.ids == Some(Ids::Text) {
            return vec![Key::Text(text(value))];
        }
        let Some(scanned) = scan(value) else { return vec![Key::Text(text(value))] };
        match scanned.as_source().filter(|_| !scanned.is_short()) {
            Some(number) => {
                let mut keys = vec![Key::Number(number)];
                keys.extend(argentine_twin(number).map(Key::Number));
                keys
            }
            None => vec![Key::Text(scanned.digits)],
        }
    }

    /// A source's value as a phone number, where it is one.
    pub(crate) fn number(&self, value: &str) -> Option<Number> {
        let scanned = scan(value).filter(|_| self.ids != Some(Ids::Text))?;
        scanned.as_source().filter(|_| !scanned.is_short())
    }
}

/// Text as it is compared: NFC, without invisible marks, every run of white space one space. Case counts, except in
/// the domain of an e-mail address.
pub(crate) fn text(value: &str) -> String {
    let value = trim(value);
    if value.contains('@')
        && let Some(address) = address::canonical(value)
    {
        return address.into_owned();
    }
    let mut folded = String::with_capacity(value.len());
    for character in value.chars().filter(|&character| !is_invisible(character)) {
        if !character.is_whitespace() {
            folded.push(character);
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    if folded.is_ascii() { folded } else { ComposingNormalizerBorrowed::new_nfc().normalize(&folded).into_owned() }
}

/// A number as spreadsheets show large ones. The sign after the E is what tells it from an identifier.
pub(crate) fn is_scientific(cell: &str) -> bool {
    let Some((mantissa, exponent)) = cell.split_once(['E', 'e']) else { return false };
    let mantissa = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let exponent = exponent.strip_prefix(['+', '-']);
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    [Some(whole), Some(fraction), exponent].iter().all(|part| part.is_some_and(is_digits))
}

/// A number with a decimal fraction or grouped by commas: some tool took it for a quantity.
fn is_decimal(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    if digits < 7 || !cell.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b' ')) {
        return false;
    }
    let fraction = cell.split_once('.').map(|(_, fraction)| fraction);
    cell.contains(',')
        || fraction.is_some_and(|fraction| {
            is_digits(fraction) && (fraction.len() <= 2 || fraction.bytes().all(|byte| byte == b'0'))
        })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
