//! The few `$filter` expressions that are understood: comparisons joined by `or`.

use super::store::normal_id;

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// `name eq 'value'`
    Is(String, String),
    /// `proxyAddresses/any(p:p eq 'value')`
    AnyProxy(String),
    /// `singleValueExtendedProperties/Any(ep: ep/id eq 'id' and ep/value eq 'value')`; the id in its normal spelling.
    Property(String, String),
}

/// The clauses of a filter; none when it is not understood, or has more than the 15 that Graph takes.
pub(super) fn parse(text: &str) -> Option<Vec<Clause>> {
    let clauses: Option<Vec<Clause>> = split(text).iter().map(|clause| parse_clause(clause.trim())).collect();
    clauses.filter(|clauses| (1..=15).contains(&clauses.len()))
}

/// Cuts at ` or ` outside quotes.
fn split(text: &str) -> Vec<String> {
    let mut clauses = vec![String::new()];
    let mut quoted = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if !quoted && rest.starts_with(" or ") {
            clauses.push(String::new());
            rest = &rest[4..];
            continue;
        }
        quoted ^= character == '\'';
        if let Some(last) = clauses.last_mut() {
            last.push(character);
        }
        rest = &rest[character.len_utf8()..];
    }
    clauses
}

fn parse_clause(text: &str) -> Option<Clause> {
    if let Some(inner) = text.strip_prefix("proxyAddresses/any(p:p eq ") {
        return Some(Clause::AnyProxy(literal(inner.strip_suffix(')')?)?));
    }
    if let Some(inner) = text.strip_prefix("singleValueExtendedProperties/Any(ep: ep/id eq ") {
        let (id, value) = inner.strip_suffix(')')?.split_once(" and ep/value eq ")?;
        return Some(Clause::Property(normal_id(&literal(id)?), literal(value)?));
    }
    let (name, value) = text.split_once(" eq ")?;
    name.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(())?;
    Some(Clause::Is(name.to_owned(), literal(value)?))
}

/// A quoted string, whose quotes are doubled.
fn literal(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    let bare = inner.replace("''", "");
    (!bare.contains('\'')).then(|| inner.replace("''", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_understood_or_not() {
        let is = |name: &str, value: &str| Clause::Is(name.to_owned(), value.to_owned());
        let cases = [
            ("displayName eq 'A/B'", Some(vec![is("displayName", "A/B")])),
            ("displayName eq 'O''Hara or not'", Some(vec![is("displayName", "O'Hara or not")])),
            ("mail eq 'a@b' or mail eq 'c@d'", Some(vec![is("mail", "a@b"), is("mail", "c@d")])),
            ("proxyAddresses/any(p:p eq 'smtp:a@b')", Some(vec![Clause::AnyProxy("smtp:a@b".to_owned())])),
            (
                "singleValueExtendedProperties/Any(ep: ep/id eq 'Integer 0x0E07' and ep/value eq '1')",
                Some(vec![Clause::Property("integer 0xe07".to_owned(), "1".to_owned())]),
            ),
            ("displayName eq 'O'Hara'", None),
            ("displayName eq A", None),
            ("startswith(mail,'a')", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(parse(&["mail eq 'a'"; 16].join(" or ")), None);
    }
}
