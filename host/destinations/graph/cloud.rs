//! Microsoft's clouds by name, and what is built from an endpoint.

use std::fmt::Write as _;

/// A cloud of Microsoft 365.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cloud {
    /// Commercial tenants; GCC shares the endpoints.
    #[default]
    Global,
    /// US Government L4.
    GccHigh,
    /// US Government L5.
    Dod,
    /// Operated by 21Vianet.
    China,
}

impl Cloud {
    /// The names of the configuration.
    pub const NAMES: [&str; 5] = ["global", "gcc", "gcc-high", "dod", "china"];

    /// The cloud of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "global" | "gcc" => Some(Self::Global),
            "gcc-high" => Some(Self::GccHigh),
            "dod" => Some(Self::Dod),
            "china" => Some(Self::China),
            _ => None,
        }
    }

    /// Where Graph is; also what tokens are asked for (`<origin>/.default`).
    pub const fn graph(self) -> &'static str {
        match self {
            Self::Global => "https://graph.microsoft.com",
            Self::GccHigh => "https://graph.microsoft.us",
            Self::Dod => "https://dod-graph.microsoft.us",
            Self::China => "https://microsoftgraph.chinacloudapi.cn",
        }
    }

    /// Where applications sign in.
    pub const fn login(self) -> &'static str {
        match self {
            Self::Global => "https://login.microsoftonline.com",
            Self::GccHigh | Self::Dod => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }
}

/// A word as it may stand in a path or a query: everything but letters, digits, `-`, `.`, `_` and `~` escaped.
pub(super) fn escaped(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 8);
    for byte in word.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A text as an OData literal, escaped for a query.
pub(super) fn literal(text: &str) -> String {
    escaped(&format!("'{}'", text.replace('\'', "''")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn every_cloud_has_its_own_places() {
        let table = [
            ("global", "https://graph.microsoft.com", "https://login.microsoftonline.com"),
            ("gcc", "https://graph.microsoft.com", "https://login.microsoftonline.com"),
            ("gcc-high", "https://graph.microsoft.us", "https://login.microsoftonline.us"),
            ("dod", "https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
            ("china", "https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
        ];
        assert_eq!(table.map(|(name, ..)| name), Cloud::NAMES);
        for (name, graph, login) in table {
            let cloud = Cloud::parse(name).unwrap();
            assert_eq!((cloud.graph(), cloud.login()), (graph, login), "{name}");
        }
        assert_eq!(Cloud::parse("germany"), None);
    }

    #[test]
    fn literals_hold_their_quotes() {
        assert_eq!(literal("O'Hara/Ü x"), "%27O%27%27Hara%2F%C3%9C%20x%27");
        assert_eq!(escaped("AAk-_=.~"), "AAk-_%3D.~");
    }
}
