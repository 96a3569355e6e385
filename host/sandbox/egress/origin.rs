//! Origins as operators grant them: `https://host[:port]`.
//!
//! | form | meaning |
//! |---|---|
//! | `https://archive.example.com` | this host, port 443 |
//! | `https://archive.example.com:8443` | this host, this port |
//! | `https://192.0.2.7`, `https://[2001:db8::7]` | this address |
//! | `https://*.example.com` | every host below `example.com`, not `example.com` itself |
//! | `http://localhost:8080`, `http://127.0.0.1`, `http://[::1]` | without TLS only on this machine |
//!
//! Everything else is refused with what to write instead. The grammar is our own: a URL parser takes
//! `localhost:8080` for a scheme and never matches, and forgives much that should be a question.

use std::{fmt, net, str::FromStr};

use url::Url;

/// A scheme that may be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    Https,
    Http,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// An origin, or with a leading `*.` all those below a domain. `Display` and `FromStr` round-trip.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    /// Lower case; an IPv6 address in brackets. For a wildcard what stands behind `*`, with its dot.
    host: String,
    port: u16,
    below: bool,
}

impl Origin {
    /// Whether a request to `origin` is what this grants.
    pub fn covers(&self, origin: &Self) -> bool {
        let host = match self.below {
            true => !origin.below && origin.host.len() > self.host.len() && origin.host.ends_with(&self.host),
            false => !origin.below && origin.host == self.host,
        };
        host && origin.scheme == self.scheme && origin.port == self.port
    }

    /// The origin of a request's URL.
    ///
    /// # Errors
    /// Says why the URL may not be asked for: another scheme, user information, plain HTTP to another machine.
    pub fn of_url(url: &Url) -> Result<Self, String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL holds a user name or password; name a credential instead".to_owned());
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(format!("the scheme `{}` is not offered, only `https`", url.scheme()));
        };
        Self::new(url.scheme(), host, port)
    }

    fn new(scheme: &str, host: &str, port: u16) -> Result<Self, String> {
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            other => return Err(format!("the scheme `{}` is not offered, only `https`", other.escape_default())),
        };
        let origin = Self { scheme, host: host.to_owned(), port, below: false };
        if scheme == Scheme::Http && !origin.is_this_machine() {
            return Err(format!("`http://{host}` is not encrypted; write `https://{host}`"));
        }
        Ok(origin)
    }

    /// The address, when the host is written as one.
    pub fn address(&self) -> Option<net::IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    fn is_this_machine(&self) -> bool {
        self.host == "localhost" || self.address().is_some_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.below { "*" } else { "" };
        write!(f, "{}://{star}{}", self.scheme.name(), self.host)?;
        if self.port == self.scheme.port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            |why: &str| format!("`{}` is not an origin: {why}; write `https://host[:port]`", text.escape_debug());
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no `https://`"))?;
        if let Some(at) = rest.find(['/', '?', '#', '\\', '@']) {
            return Err(wrong(match rest.as_bytes()[at] {
                b'@' => "it holds user information",
                _ => "it has a path, a query or a fragment",
            }));
        }
        let (host, port) = split_port(rest).map_err(&wrong)?;
        let host = host.to_ascii_lowercase();
        let (below, name) = match host.strip_prefix('*') {
            Some(domain) if domain.starts_with('.') && domain[1..].contains('.') => (true, &domain[1..]),
            Some(_) => return Err(wrong("`*` stands only before a domain of two names, as in `*.example.com`")),
            None => (false, &host[..]),
        };
        check_host(name, below).map_err(|why| wrong(&why))?;
        let default = if scheme == "http" { 80 } else { 443 };
        let mut origin = Self::new(scheme, name, port.unwrap_or(default)).map_err(|why| wrong(&why))?;
        if below {
            origin.below = true;
            origin.host = format!(".{name}");
        }
        Ok(origin)
    }
}

fn split_port(rest: &str) -> Result<(&str, Option<u16>), &'static str> {
    let colon = match rest.rfind(']') {
        Some(bracket) => rest[bracket..].find(':').map(|at| bracket + at),
        None => rest.find(':'),
    };
    let Some(colon) = colon else { return Ok((rest, None)) };
    let digits = &rest[colon + 1..];
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    match digits.parse() {
        Ok(port) if plain => Ok((&rest[..colon], Some(port))),
        _ => Err("its port is not a number from 1 to 65535"),
    }
}

fn check_host(host: &str, below: bool) -> Result<(), String> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let parsed: net::Ipv6Addr =
            address.parse().map_err(|_| "the brackets do not hold an IPv6 address".to_owned())?;
        return match parsed.to_string() == address {
            true => Ok(()),
            false => Err(format!("the address is written `[{parsed}]`")),
        };
    }
    if !host.is_ascii() {
        let punycode = url::Host::parse(host).map(|host| host.to_string()).unwrap_or_default();
        return Err(format!("a host is written in ASCII (`{punycode}`)"));
    }
    let label_is_well_formed = |label: &str| {
        let characters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        characters && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(label_is_well_formed) {
        return Err("its host is not a name or address".to_owned());
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    if number && (below || host.parse::<net::Ipv4Addr>().is_err()) {
        return Err("its host looks like an address, but is none".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn an_origin_reads_as_it_shows() {
        let table = [
            ("https://archive.example.com", "https://archive.example.com"),
            ("https://Archive.Example.COM:443", "https://archive.example.com"),
            ("https://archive.example.com:8443", "https://archive.example.com:8443"),
            ("https://192.0.2.7", "https://192.0.2.7"),
            ("https://[2001:db8::7]:8443", "https://[2001:db8::7]:8443"),
            ("https://*.example.com", "https://*.example.com"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]", "http://[::1]"),
            ("https://my_host", "https://my_host"),
        ];
        for (text, shown) in table {
            assert_eq!(text.parse::<Origin>().map(|origin| origin.to_string()).as_deref(), Ok(shown), "{text}");
        }
    }

    #[test]
    fn whatever_is_not_an_origin_is_refused_with_the_reason() {
        let table = [
            ("", "no `https://`"),
            ("localhost:8080", "no `https://`"),
            ("example.com", "no `https://`"),
            ("ftp://example.com", "the scheme `ftp`"),
            ("http://example.com", "write `https://example.com`"),
            ("http://10.0.0.1", "not encrypted"),
            ("https://example.com/", "a path"),
            ("https://example.com/v1", "a path"),
            ("https://example.com?x", "a query"),
            ("https://example.com#x", "a fragment"),
            ("https://example.com\\x", "a path"),
            ("https://user@example.com", "user information"),
            ("https://user:password@example.com", "user information"),
            ("https://example.com:", "its port"),
            ("https://example.com:0", "its port"),
            ("https://example.com:070", "its port"),
            ("https://example.com:+70", "its port"),
            ("https://example.com:65536", "its port"),
            ("https://example.com:a:1", "its port"),
            ("https://*", "`*` stands only"),
            ("https://*.com", "`*` stands only"),
            ("https://*example.com", "`*` stands only"),
            ("https://a.*.example.com", "not a name"),
            ("https://*.1.2.3.4", "looks like an address"),
            ("https://", "not a name"),
            ("https://a..b", "not a name"),
            ("https://example.com.", "not a name"),
            ("https://-a.com", "not a name"),
            ("https://ex ample.com", "not a name"),
            ("https://ex\nample.com", "not a name"),
            ("https://bücher.de", "`xn--bcher-kva.de`"),
            ("https://0x7f.1", "looks like an address"),
            ("https://2130706433", "looks like an address"),
            ("https://127.1", "looks like an address"),
            ("https://[::1", "its port"),
            ("https://[x]", "IPv6"),
            ("https://[0:0::1]", "written `[::1]`"),
        ];
        for (text, reason) in table {
            let error = text.parse::<Origin>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_grant_covers_its_own_origin_and_no_other() {
        let table = [
            ("https://a.example.com", "https://a.example.com/x?y", true),
            ("https://a.example.com", "https://A.EXAMPLE.COM:443/", true),
            ("https://a.example.com", "https://a.example.com:8443/", false),
            ("https://a.example.com", "https://b.example.com/", false),
            ("https://a.example.com", "https://a.example.com./", false),
            ("https://a.example.com", "https://a.example.com.evil.org/", false),
            ("https://*.example.com", "https://a.example.com/", true),
            ("https://*.example.com", "https://a.b.example.com/", true),
            ("https://*.example.com", "https://example.com/", false),
            ("https://*.example.com", "https://evilexample.com/", false),
            ("https://*.example.com", "https://a.example.com:444/", false),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/", true),
            ("http://127.0.0.1:8080", "http://2130706433:8080/", true),
            ("https://127.0.0.1", "http://127.0.0.1:443/", false),
            ("https://[::1]", "https://[0:0:0:0:0:0:0:1]/", true),
        ];
        for (grant, url, expect) in table {
            let origin = Origin::of_url(&Url::parse(url).unwrap()).unwrap();
            assert_eq!(grant.parse::<Origin>().unwrap().covers(&origin), expect, "{grant} and {url}");
        }
    }

    #[test]
    fn urls_that_may_not_be_asked_for_say_why() {
        let table = [
            ("https://user@example.com/", "name a credential"),
            ("http://example.com/", "not encrypted"),
            ("file:///etc/passwd", "the scheme `file`"),
            ("data:text/plain,x", "the scheme `data`"),
            ("gopher://example.com:70/", "the scheme `gopher`"),
        ];
        for (url, reason) in table {
            let error = Origin::of_url(&Url::parse(url).unwrap()).unwrap_err();
            assert!(error.contains(reason), "{url}: {error}");
        }
    }
}
