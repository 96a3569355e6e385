//! What is said to a person about a cell that cannot be used: stable code and sentence.

use sheet::cell::Spoilt;

use crate::{key::KeyFault, number::Doubt};

/// A code and its sentence.
pub(crate) type Fault = (&'static str, &'static str);

/// Digits that a spreadsheet has rounded away.
pub(crate) const EXCEL_NUMBER: Fault = (
    "excel-number",
    "A spreadsheet has shortened the number to the form `1.23E+11` and its last digits are lost; format the column as \
     text and enter the number again",
);

/// Of a cell that has no value.
pub(crate) fn of_cell(spoilt: Spoilt) -> Fault {
    match spoilt {
        Spoilt::Formula => ("formula", "A cell holds a formula; replace it by its value"),
        Spoilt::ErrorValue => ("spreadsheet-error", "A cell holds a spreadsheet's error value; enter the value itself"),
        Spoilt::ControlCharacter => {
            ("control-character", "A cell has a line break or another control character in it; remove it")
        }
    }
}

/// Of a key.
pub(crate) fn of_key(fault: KeyFault) -> Fault {
    match fault {
        KeyFault::Empty => ("key-empty", "The row has no user id or phone number; enter one or remove the row"),
        KeyFault::TooLong => {
            ("key-too-long", "The user id is longer than 512 bytes; check the quotation marks around it")
        }
        KeyFault::Excel => EXCEL_NUMBER,
        KeyFault::Decimal => (
            "decimal-number",
            "The phone number is written as a quantity, with decimals or thousands separators; format the column as text",
        ),
        KeyFault::NotANumber => (
            "not-a-number",
            "The key is not a phone number, though the setting `ids` is `phone`; correct it or remove the setting",
        ),
        KeyFault::Doubt(Doubt::National) => (
            "national-number",
            "The phone number is in national form; write it as `+49…`, or set `default_region` (or `ids = \"text\"` if it \
             is no phone number)",
        ),
        KeyFault::Doubt(Doubt::Invalid) => (
            "number-invalid",
            "The digits, in national form or after `00`, are not a valid phone number; write the number as `+49…`",
        ),
        KeyFault::Doubt(Doubt::Ambiguous) => (
            "number-ambiguous",
            "The digits are a valid phone number both abroad and in `default_region`; write the number as `+49…`",
        ),
        KeyFault::Doubt(Doubt::LeadingZeroLost) => (
            "leading-zero-lost",
            "The digits are a phone number only with a leading zero, which a spreadsheet may have removed; write the \
             number as `+49…`",
        ),
    }
}
