//! The manifest of a delivery: what should be in the zip, held against what is.

use std::collections::BTreeMap;

use crate::limits::NAMES_SHOWN_MAX;

/// What a manifest says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Its `Count:`; every one it has, since two that differ are a disagreement too.
    counts: Vec<Option<u64>>,
    /// The names it lists.
    names: Vec<String>,
}

impl Manifest {
    /// Reads a manifest: a line `Count: N`, and lines that name a mail, alone or after `File:`. Other lines are
    /// headings. A name is taken to its last character; blanks around it are not part of it.
    pub(crate) fn parse(text: &str) -> Self {
        let mut manifest = Self { counts: Vec::new(), names: Vec::new() };
        for line in text.trim_start_matches('\u{feff}').lines().map(str::trim) {
            let labelled = line.split_once(':').map(|(label, value)| (label.trim().to_ascii_lowercase(), value.trim()));
            match labelled {
                Some((label, value)) if label == "count" => manifest.counts.push(value.parse().ok()),
                Some((label, value)) if matches!(label.as_str(), "file" | "filename" | "file name" | "name") => {
                    manifest.names.push(value.to_owned());
                }
                _ if is_mail(line) => manifest.names.push(line.to_owned()),
                _ => {}
            }
        }
        manifest
    }

    /// Every disagreement with the files that are there (name and size), in words; empty when there is none.
    pub(crate) fn disagreements(&self, files: &[(&str, u64)]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut listed: BTreeMap<&str, usize> = BTreeMap::new();
        for name in &self.names {
            *listed.entry(name).or_default() += 1;
        }
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, _) in files {
            *found.entry(name).or_default() += 1;
        }
        let mails = files.iter().filter(|(name, _)| is_mail(name)).count() as u64;
        match self.counts.as_slice() {
            [Some(count)] if *count == mails => {}
            [Some(count)] => problems.push(format!("expected {count} mails, found {mails}")),
            [None] => problems.push("its `Count:` is not a number".to_owned()),
            [] => problems.push("it has no `Count:`".to_owned()),
            [..] => problems.push("it has more than one `Count:`".to_owned()),
        }
        let mut name_all = |what: &str, names: Vec<&str>| {
            if !names.is_empty() {
                problems.push(format!("{what} {}", shown(&names)));
            }
        };
        name_all("missing", listed.keys().filter(|name| !found.contains_key(*name)).copied().collect());
        name_all("not listed", found.keys().filter(|name| !listed.contains_key(*name)).copied().collect());
        name_all("listed twice", listed.iter().filter(|(_, times)| **times > 1).map(|(name, _)| *name).collect());
        name_all("there twice", found.iter().filter(|(_, times)| **times > 1).map(|(name, _)| *name).collect());
        name_all("empty", files.iter().filter(|(_, size)| *size == 0).map(|(name, _)| *name).collect());
        problems
    }
}

/// Whether a name is a mail's.
pub(crate) fn is_mail(name: &str) -> bool {
    has_ending(name, ".eml")
}

/// Whether a name ends so, whatever its case.
pub(crate) fn has_ending(name: &str, ending: &str) -> bool {
    name.len() > ending.len()
        && name.as_bytes().iter().rev().zip(ending.as_bytes().iter().rev()).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// A few names, each shortened, and how many more there are.
fn shown(names: &[&str]) -> String {
    let name = |name: &&str| {
        let clean: String = name.chars().filter(|c| !c.is_control() && *c != '`').take(100).collect();
        format!("`{clean}`")
    };
    let some: Vec<String> = names.iter().take(NAMES_SHOWN_MAX).map(name).collect();
    let more = names.len().saturating_sub(NAMES_SHOWN_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", some.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Files = &'static [(&'static str, u64)];

    #[test]
    fn disagreements_are_named_exactly() {
        let two: Files = &[("a.eml", 10), ("b.EML", 10)];
        let cases: &[(&str, Files, &[&str])] = &[
            ("Count: 2\na.eml\nb.EML\n", two, &[]),
            ("\u{feff}count : 2\r\n\r\nFile: a.eml\r\n  b.EML  \r\n", two, &[]),
            ("TeleMessage export\nCount: 2\na.eml\nb.EML\n", two, &[]),
            ("Count: 0\n", &[], &[]),
            ("Count: 3\na.eml\nb.EML\n", two, &["expected 3 mails, found 2"]),
            ("Count: 3\na.eml\nb.EML\nc.eml\n", two, &["expected 3 mails, found 2", "missing `c.eml`"]),
            ("Count: 2\na.eml\n", two, &["not listed `b.EML`"]),
            ("Count: 2\na.eml\nb.eml\n", two, &["missing `b.eml`", "not listed `b.EML`"]),
            ("Count: 2\na.eml\nb.EML\nb.EML\n", two, &["listed twice `b.EML`"]),
            (
                "Count: 2\na.eml\na.eml\n",
                &[("a.eml", 1), ("a.eml", 1)],
                &["listed twice `a.eml`", "there twice `a.eml`"],
            ),
            ("Count: 2\na.eml\nb.EML\n", &[("a.eml", 0), ("b.EML", 1)], &["empty `a.eml`"]),
            ("Count: 2\na.eml\nb.EML\n", &[("a.eml", 1), ("b.EML", 1), ("x.jpg", 1)], &["not listed `x.jpg`"]),
            ("a.eml\nb.EML\n", two, &["it has no `Count:`"]),
            ("Count: two\na.eml\nb.EML\n", two, &["its `Count:` is not a number"]),
            ("Count: 2\nCount: 2\na.eml\nb.EML\n", two, &["it has more than one `Count:`"]),
            ("", two, &["it has no `Count:`", "not listed `a.eml`, `b.EML`"]),
            (
                "Count: 7\n1.eml\n2.eml\n3.eml\n4.eml\n5.eml\n6.eml\n7.eml\n",
                &[],
                &["expected 7 mails, found 0", "missing `1.eml`, `2.eml`, `3.eml`, `4.eml`, `5.eml` and 2 more"],
            ),
        ];
        for (text, files, expected) in cases {
            assert_eq!(Manifest::parse(text).disagreements(files), *expected, "{text}");
        }
    }
}
