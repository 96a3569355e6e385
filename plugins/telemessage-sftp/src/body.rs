//! What stands in a mail's text besides what somebody wrote: the deleted original, a call's length, the user's
//! details that the vendor appends.

/// What a deletion repeats of the message it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Original {
    /// The vendor's `Msg ID`.
    pub(crate) id: String,
    /// The deleted text.
    pub(crate) text: Option<String>,
}

/// Labels of the details that the vendor can append about a user. Which an organisation orders differs; their
/// spelling is inferred from the vendor's user fields.
const DETAILS: [&str; 24] = [
    "user name",
    "username",
    "user id",
    "login name",
    "name",
    "first name",
    "last name",
    "full name",
    "department",
    "division",
    "company",
    "organization",
    "organisation",
    "title",
    "job title",
    "email",
    "e-mail",
    "mobile",
    "mobile number",
    "phone",
    "employee id",
    "location",
    "country",
    "cost center",
];

/// Line ends as the rest of the house has them, and none at the end.
pub(crate) fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end().to_owned()
}

/// Splits off the last paragraph when every line of it is a known detail and there are two of them or more; a
/// message that happens to end in one such line stays as it is.
pub(crate) fn split_details(text: &str) -> (&str, Option<&str>) {
    let (before, last) = match text.rsplit_once("\n\n") {
        Some((before, last)) => (before, last),
        None => ("", text),
    };
    let is_detail = |line: &str| {
        let label = line.split_once(':').map(|(label, _)| label.trim().to_lowercase());
        label.is_some_and(|label| DETAILS.contains(&label.as_str()))
    };
    let lines = last.trim().lines().count();
    if lines >= 2 && last.trim().lines().all(is_detail) { (before.trim_end(), Some(last.trim())) } else { (text, None) }
}

/// Reads `Original Message (Msg ID - …)`, the text after it, up to a line `Files:`.
pub(crate) fn original(text: &str) -> Option<Original> {
    let start = text.find("Original Message (Msg ID")?;
    let rest = text.get(start..)?.strip_prefix("Original Message (Msg ID")?;
    let (id, rest) = rest.split_once(')')?;
    let id = id.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | ':' | '\u{2013}' | '\u{2014}'));
    if id.is_empty() || id.contains('\n') {
        return None;
    }
    let lines = rest.strip_prefix(':').unwrap_or(rest).lines().take_while(|line| line.trim() != "Files:");
    let text = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
    Some(Original { id: id.to_owned(), text: (!text.is_empty()).then_some(text) })
}

/// Reads a line `Duration: …` or `Call duration: …`: `1:02:03`, `02:03`, `123`, `123 seconds`.
pub(crate) fn duration_ms(text: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| {
        let (label, value) = line.split_once(':')?;
        label.trim().to_ascii_lowercase().ends_with("duration").then(|| value.trim())
    })?;
    let digits_end = value.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(value.len());
    let (clock, unit) = value.split_at(digits_end);
    if !matches!(unit.trim().trim_end_matches('.'), "" | "s" | "sec" | "secs" | "second" | "seconds") {
        return None;
    }
    let parts: Vec<u64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    if parts.len() > 3 {
        return None;
    }
    let seconds = parts.iter().try_fold(0_u64, |sum, part| sum.checked_mul(60)?.checked_add(*part))?;
    seconds.checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_or_left() {
        let cases = [
            ("Duration: 1:02:03", Some(3_723_000)),
            ("x\nCall Duration: 02:03\n", Some(123_000)),
            ("duration : 123 seconds", Some(123_000)),
            ("Duration: 0", Some(0)),
            ("Duration: 5 minutes", None),
            ("Duration: 1:2:3:4", None),
            ("Duration: 18446744073709551615", None),
            ("Duration: ", None),
            ("no such line", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration_ms(text), expected, "{text}");
        }
    }

    #[test]
    fn details_are_split_off_only_when_all_are_known() {
        let cases = [
            ("Hello\n\nDepartment: Sales\nTitle: Lead", ("Hello", Some("Department: Sales\nTitle: Lead"))),
            ("Hello\n\nDepartment: Sales", ("Hello\n\nDepartment: Sales", None)),
            ("Hello\n\nDepartment: Sales\nsee you", ("Hello\n\nDepartment: Sales\nsee you", None)),
            ("Name: Anna\nEmail: a@example.com", ("", Some("Name: Anna\nEmail: a@example.com"))),
            ("Hello", ("Hello", None)),
            ("", ("", None)),
        ];
        for (text, expected) in cases {
            assert_eq!(split_details(text), expected, "{text}");
        }
    }

    #[test]
    fn originals_are_read() {
        let found = |text: &str| original(text).map(|o| format!("{}|{}", o.id, o.text.unwrap_or_default()));
        let cases = [
            ("Deleted\n\nOriginal Message (Msg ID - 17-ab)\nHello\nthere\nFiles:\na.jpg", Some("17-ab|Hello\nthere")),
            ("Original Message (Msg ID \u{2013} 17): Hello", Some("17|Hello")),
            ("Original Message (Msg ID - 17)", Some("17|")),
            ("Original Message (Msg ID - )\nHello", None),
            ("Original Message (Msg ID - 17", None),
            ("Hello", None),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text).as_deref(), expected, "{text}");
        }
    }
}
