//! Meta's times: unix seconds, mostly written as text.

use serde_json::Value;

use crate::limits::{TIME_MAX_SECONDS, TIME_MIN_SECONDS};

/// Why a time cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is no time.
    Broken,
    /// It lies outside of what can be.
    Absurd,
}

/// Milliseconds of a member: seconds as text or number, or milliseconds where there are 13 digits.
pub(crate) fn milliseconds(record: &Value, name: &str) -> Result<i64, Problem> {
    match record.get(name) {
        Some(Value::String(text)) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            checked(text.parse().map_err(|_| Problem::Absurd)?)
        }
        Some(Value::Number(number)) => match number.as_i64() {
            Some(number) => checked(number),
            None if number.is_u64() => Err(Problem::Absurd),
            None => Err(Problem::Broken),
        },
        _ => Err(Problem::Broken),
    }
}

fn checked(number: i64) -> Result<i64, Problem> {
    let range = TIME_MIN_SECONDS..TIME_MAX_SECONDS;
    if range.contains(&number) {
        Ok(number * 1_000)
    } else if range.contains(&(number / 1_000)) && number >= 1_000_000_000_000 {
        Ok(number)
    } else {
        Err(Problem::Absurd)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_or_refused() {
        let cases = [
            (json!("1697043223"), Ok(1_697_043_223_000)),
            (json!(1_697_043_223), Ok(1_697_043_223_000)),
            (json!(1_697_043_223_456_i64), Ok(1_697_043_223_456)),
            (json!("0"), Err(Problem::Absurd)),
            (json!("99999999999999999999999"), Err(Problem::Absurd)),
            (json!(u64::MAX), Err(Problem::Absurd)),
            (json!(-1), Err(Problem::Absurd)),
            (json!(1.5), Err(Problem::Broken)),
            (json!("-1"), Err(Problem::Broken)),
            (json!(""), Err(Problem::Broken)),
            (json!(null), Err(Problem::Broken)),
            (json!([]), Err(Problem::Broken)),
        ];
        for (value, expected) in cases {
            assert_eq!(milliseconds(&json!({ "timestamp": value }), "timestamp"), expected, "{value}");
        }
        assert_eq!(milliseconds(&json!({}), "timestamp"), Err(Problem::Broken));
    }
}
