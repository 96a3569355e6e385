//! Findings for an author, for people and as JSON.

use std::fmt;

use serde::Serialize;

/// What a finding means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Note,
    /// The plugin breaks the contract, or cannot be used.
    Bad,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `world`, `same-bytes`; kebab-case and stable.
    pub about: &'static str,
    /// What it means.
    pub verdict: Verdict,
    /// One sentence.
    pub text: String,
    /// The next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn good(about: &'static str, text: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Good, text: text.into(), hint: None }
    }

    /// It works, and could be better.
    pub fn note(about: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Note, text: text.into(), hint: Some(hint.into()) }
    }

    /// It cannot stay so.
    pub fn bad(about: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Bad, text: text.into(), hint: Some(hint.into()) }
    }
}

/// Everything that was found of one plugin.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The file.
    pub plugin: String,
    /// Whether nothing is bad.
    pub ok: bool,
    /// In the order of looking.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Of these findings.
    pub fn of(plugin: String, findings: Vec<Finding>) -> Self {
        let ok = findings.iter().all(|finding| finding.verdict != Verdict::Bad);
        Self { plugin, ok, findings }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.plugin)?;
        for Finding { about, verdict, text, hint } in &self.findings {
            let verdict = match verdict {
                Verdict::Good => "good",
                Verdict::Note => "note",
                Verdict::Bad => "BAD ",
            };
            writeln!(f, "  {verdict}  {about:<16} {text}")?;
            if let Some(hint) = hint {
                writeln!(f, "        {:<16} hint: {hint}", "")?;
            }
        }
        Ok(())
    }
}
