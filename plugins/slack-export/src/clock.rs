//! Slack's times: seconds and a fraction, as text, which is a message's name in its channel too.

use crate::limits::{TIME_MAX_SECONDS, TIME_MIN_SECONDS};

/// Why a time cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is no time.
    Broken,
    /// It lies outside of what can be.
    Absurd,
}

/// Milliseconds of `1736478514.897649`; what is finer is cut off.
pub(crate) fn milliseconds(text: &str) -> Result<i64, Problem> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if seconds.is_empty() || text.len() > 40 || !digits(seconds) || !digits(fraction) {
        return Err(Problem::Broken);
    }
    let seconds: i64 = seconds.parse().map_err(|_| Problem::Absurd)?;
    if !(TIME_MIN_SECONDS..TIME_MAX_SECONDS).contains(&seconds) {
        return Err(Problem::Absurd);
    }
    let mut milliseconds = 0;
    for place in 0..3 {
        let digit = fraction.as_bytes().get(place).map_or(0, |byte| i64::from(byte.saturating_sub(b'0')));
        milliseconds = milliseconds * 10 + digit;
    }
    Ok(seconds * 1_000 + milliseconds)
}

/// The second of an edit, which numbers the states of a message: later states have higher numbers.
pub(crate) fn revision(text: &str) -> u32 {
    milliseconds(text).ok().and_then(|ms| u32::try_from(ms / 1_000).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_or_refused() {
        let cases = [
            ("1736478514.897649", Ok(1_736_478_514_897)),
            ("1736478514.8", Ok(1_736_478_514_800)),
            ("1736478514", Ok(1_736_478_514_000)),
            ("0", Err(Problem::Absurd)),
            ("99999999999999999999", Err(Problem::Absurd)),
            ("4102444800.0", Err(Problem::Absurd)),
            ("-1.0", Err(Problem::Broken)),
            ("1.2.3", Err(Problem::Broken)),
            ("1e9", Err(Problem::Broken)),
            ("", Err(Problem::Broken)),
            (".5", Err(Problem::Broken)),
        ];
        for (text, expected) in cases {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
