//! The mapper's settings: what was typed, and what it means.

use kit::{Error, ErrorKind};
use serde::Deserialize;
use serde_json::Map;

use crate::{
    address,
    key::{Ids, KeyRules},
    number::{Home, Number, scan},
};

/// The settings' schema.
pub(crate) const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "automatic": {
      "type": "boolean",
      "default": true,
      "title": "Automatic mapping",
      "description": "Use the e-mail address that the source gives for a person when the mapping file has none for them."
    },
    "internal": {
      "type": "array",
      "items": { "type": "string" },
      "default": [],
      "title": "Our people",
      "description": "Domains (example.com), phone numbers (+4915112345678) and number prefixes (+49301234*) of your own people. Whoever matches and has no mailbox is reported, not passed over."
    },
    "default_region": {
      "type": "string",
      "pattern": "^[A-Za-z]{2}$",
      "title": "Country of national numbers",
      "description": "Two-letter country code (DE) for numbers that the mapping file writes in national form (0151 …). Never applied to what the source writes."
    },
    "ids": {
      "type": "string",
      "enum": ["phone", "text"],
      "title": "What the file's keys are",
      "description": "phone: every key is a phone number. text: no key is, digits are compared as they stand. Leave empty to tell them apart key by key."
    }
  }
}"#;

/// As typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default = "yes")]
    automatic: bool,
    #[serde(default)]
    internal: Vec<String>,
    #[serde(default)]
    default_region: Option<String>,
    #[serde(default)]
    ids: Option<Ids>,
}

fn yes() -> bool {
    true
}

/// As meant.
pub(crate) struct Settings {
    /// Whether the item's e-mail property counts.
    pub(crate) automatic: bool,
    /// How keys are read.
    pub(crate) keys: KeyRules,
    /// Who is ours.
    pub(crate) internal: Internal,
}

/// Marks of the organisation's own people, each list sorted.
#[derive(Default)]
pub(crate) struct Internal {
    domains: Vec<String>,
    numbers: Vec<Number>,
    prefixes: Vec<String>,
}

impl Settings {
    /// Reads the settings' JSON; empty text stands for no settings.
    pub(crate) fn read(json: &str) -> Result<Self, Error> {
        let json = if json.trim().is_empty() { "{}" } else { json };
        let typed: Typed = serde_json::from_str(json)
            .and_then(|object: Map<_, _>| serde_json::from_value(object.into()))
            .map_err(|error| {
                misconfigured("settings-invalid", format!("The mapper's settings cannot be read: {error}"))
                    .hint("allowed are `automatic`, `internal`, `default_region` and `ids`")
            })?;
        let home = match typed.default_region.as_deref().map(str::trim).filter(|region| !region.is_empty()) {
            None => None,
            Some(name) => Some(read_region(name)?),
        };
        let keys = KeyRules { ids: typed.ids, home };
        Ok(Self { automatic: typed.automatic, keys, internal: Internal::read(&typed.internal)? })
    }
}

impl Internal {
    fn read(entries: &[String]) -> Result<Self, Error> {
        let mut internal = Self::default();
        for entry in entries {
            internal.add(entry).ok_or_else(|| {
                misconfigured(
                    "internal-invalid",
                    format!("`internal` holds `{entry}`, which is not a domain, a phone number or a number prefix"),
                )
                .hint("write domains as `example.com`, numbers as `+4915112345678`, prefixes as `+49301234*`")
            })?;
        }
        internal.domains.sort_unstable();
        internal.numbers.sort_unstable();
        Ok(internal)
    }

    fn add(&mut self, entry: &str) -> Option<()> {
        let entry = sheet::cell::trim(entry);
        if let Some(prefix) = entry.strip_suffix('*') {
            let scanned = scan(prefix).filter(|scanned| !scanned.digits.starts_with('0'))?;
            self.prefixes.push(scanned.digits);
        } else if let Some(scanned) = scan(entry) {
            self.numbers.push(scanned.as_source().filter(|_| !scanned.is_short())?);
        } else {
            let domain = address::ascii_domain(entry).filter(|domain| domain.contains('.'))?;
            self.domains.push(domain.into_owned());
        }
        Some(())
    }

    /// Whether a domain (lower-case ASCII) is ours; subdomains are named on their own.
    pub(crate) fn has_domain(&self, domain: &str) -> bool {
        self.domains.binary_search_by(|ours| ours.as_str().cmp(domain)).is_ok()
    }

    /// Whether a number is ours, by itself or by its prefix.
    pub(crate) fn has_number(&self, number: Number) -> bool {
        if self.numbers.binary_search(&number).is_ok() {
            return true;
        }
        let digits = number.0.to_string();
        self.prefixes.iter().any(|prefix| digits.starts_with(prefix.as_str()))
    }

    /// Whether there is no mark by number, so that numbers need not be looked at.
    pub(crate) fn has_no_numbers(&self) -> bool {
        self.numbers.is_empty() && self.prefixes.is_empty()
    }
}

fn read_region(name: &str) -> Result<Home, Error> {
    Home::named(name).ok_or_else(|| {
        misconfigured(
            "unknown-region",
            format!("`default_region` is `{name}`, which is not a country with phone numbers"),
        )
        .hint("write the two letters of ISO 3166, for example `default_region = \"DE\"`")
    })
}

fn misconfigured(code: &str, message: String) -> Error {
    Error::new(ErrorKind::Misconfigured, code, message)
}
