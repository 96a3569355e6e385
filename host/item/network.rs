//! How the host reaches the network: the operator's `[network]` section, and which addresses may be dialled.
//!
//! One section serves plugins, destinations and the stage. The rules are plain values here; `network` dials by them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// The `[network]` section.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Proxy for everything outbound, as `http://[user:password@]host:port`. Environment variables are not read.
    pub proxy: Option<String>,
    /// Hosts reached without the proxy: names (with their subdomains), addresses, CIDR blocks.
    pub no_proxy: Vec<String>,
    /// PEM file of certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Private networks that may be dialled all the same, for sources on the premises.
    pub allowed_networks: Vec<Cidr>,
}

impl fmt::Debug for Network {
    /// Leaves the proxy out, whose URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("proxy", &self.proxy.as_ref().map(|_| "…"))
            .field("no_proxy", &self.no_proxy)
            .field("ca_file", &self.ca_file)
            .field("allowed_networks", &self.allowed_networks)
            .finish()
    }
}

impl Network {
    /// Says why `address` may not be dialled, or none when it may: it is public, or an operator allowed its network.
    pub fn refusal(&self, address: IpAddr) -> Option<Refusal> {
        let refusal = refusal(address)?;
        let allowed = |cidr: &Cidr| cidr.contains(address) || cidr.contains(refusal.address);
        if self.allowed_networks.iter().any(allowed) { None } else { Some(refusal) }
    }
}

impl Network {
    /// Whether `no_proxy` names this host: itself, a domain it lies below, its address, or a block its address is in.
    pub fn bypasses_proxy(&self, host: &str) -> bool {
        let address: Option<IpAddr> = host.parse().ok();
        self.no_proxy.iter().map(|entry| entry.trim().trim_start_matches('.')).any(|entry| {
            let is_name = || {
                let above = host.len().checked_sub(entry.len()).and_then(|at| host.is_char_boundary(at).then_some(at));
                !entry.is_empty()
                    && above.is_some_and(|at| {
                        host[at..].eq_ignore_ascii_case(entry) && (at == 0 || host[..at].ends_with('.'))
                    })
            };
            match address {
                Some(address) => entry.parse::<Cidr>().is_ok_and(|block| block.contains(address)),
                None => entry == "*" || is_name(),
            }
        })
    }
}

/// An address that is not dialled, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The address meant: for an IPv4 address written as IPv6, the IPv4 address inside.
    pub address: IpAddr,
    /// What sort of address it is (`private`, `loopback`).
    pub kind: &'static str,
    /// The network to allow to let it through: the well-known block it lies in.
    pub network: Cidr,
}

/// The blocks that are not dialled, most specific first.
const REFUSED: &[(&str, &str)] = &[
    ("169.254.169.254/32", "cloud metadata"),
    ("169.254.170.2/32", "cloud metadata"),
    ("100.100.100.200/32", "cloud metadata"),
    ("168.63.129.16/32", "cloud metadata"),
    ("fd00:ec2::254/128", "cloud metadata"),
    ("fd20:ce::254/128", "cloud metadata"),
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "carrier-grade NAT"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "6to4 relay"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmark"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("64:ff9b:1::/48", "local NAT64"),
    ("100::/64", "discard"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "documentation"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "segment routing"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "site-local"),
    ("ff00::/8", "multicast"),
];

fn refusal(address: IpAddr) -> Option<Refusal> {
    let candidates = [Some(address), embedded_ipv4(address).map(IpAddr::V4)];
    candidates.into_iter().flatten().find_map(|address| {
        REFUSED.iter().find_map(|(block, kind)| {
            let network = block.parse::<Cidr>().ok()?;
            network.contains(address).then_some(Refusal { address, kind, network })
        })
    })
}

/// The IPv4 address that a router or the kernel would make of an IPv6 one: mapped, compatible, 6to4, NAT64, Teredo
/// (the client's, obfuscated), ISATAP.
fn embedded_ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let bits = address.to_bits();
    let groups = address.segments();
    #[expect(clippy::cast_possible_truncation, reason = "32 bits are cut out on purpose")]
    let at = |shift: u32| Some(Ipv4Addr::from_bits((bits >> shift) as u32));
    match groups {
        [0, 0, 0, 0, 0, 0xffff | 0, ..] if bits > 1 => at(0),
        [0, 0, 0, 0, 0xffff, 0, ..] => at(0),
        [0x0064, 0xff9b, 0, 0, 0, 0, ..] => at(0),
        [0x2002, ..] => at(80),
        [0x2001, 0, ..] => at(0).map(|obfuscated| Ipv4Addr::from_bits(!obfuscated.to_bits())),
        [_, _, _, _, 0x0000 | 0x0200, 0x5efe, ..] => at(0),
        _ => None,
    }
}

/// A block of addresses, `192.168.0.0/16`; a bare address is a block of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    /// First address; bits below the prefix are zero.
    address: IpAddr,
    /// Leading bits that count.
    prefix_bits: u8,
}

impl Cidr {
    /// Whether `address` lies in the block. Families do not mix: `::ffff:10.0.0.1` is not in `10.0.0.0/8`.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
                truncated(address, self.prefix_bits) == self.address
            }
            _ => false,
        }
    }
}

fn truncated(address: IpAddr, prefix_bits: u8) -> IpAddr {
    let prefix_bits = u32::from(prefix_bits);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - prefix_bits).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - prefix_bits).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

impl FromStr for Cidr {
    type Err = String;

    /// Reads `address/bits`. Bits set below the prefix are refused: `10.1.0.0/8` is more likely a slip than a wish.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a network; write `192.168.0.0/16`, `fd00::/8` or one address");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match bits {
            None => bits_max,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().map_err(|_| wrong())?,
            Some(_) => return Err(wrong()),
        };
        if prefix_bits > bits_max {
            return Err(wrong());
        }
        let first = truncated(address, prefix_bits);
        if first != address {
            return Err(format!("`{text}` has bits set below its prefix; write `{first}/{prefix_bits}`"));
        }
        Ok(Self { address, prefix_bits })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    fn network(allowed: &[&str]) -> Network {
        Network { allowed_networks: allowed.iter().map(|cidr| cidr.parse().unwrap()).collect(), ..Network::default() }
    }

    #[test]
    fn addresses_that_are_not_public_are_refused_in_every_disguise() {
        #[rustfmt::skip]
        let table = [
            ("93.184.216.34", None), ("8.8.8.8", None), ("172.15.255.255", None), ("172.32.0.1", None),
            ("100.63.255.255", None), ("100.128.0.1", None), ("2606:4700::1111", None),
            ("::ffff:8.8.8.8", None), ("64:ff9b::808:808", None), ("2002:808:808::1", None),
            ("0.0.0.0", Some("unspecified")), ("10.1.2.3", Some("private")), ("127.0.0.1", Some("loopback")),
            ("127.255.255.254", Some("loopback")), ("100.64.0.1", Some("carrier-grade NAT")),
            ("169.254.169.254", Some("cloud metadata")), ("169.254.1.1", Some("link-local")),
            ("168.63.129.16", Some("cloud metadata")), ("100.100.100.200", Some("cloud metadata")),
            ("172.16.0.1", Some("private")), ("172.31.255.255", Some("private")), ("192.168.1.1", Some("private")),
            ("198.18.0.1", Some("benchmark")), ("224.0.0.1", Some("multicast")), ("255.255.255.255", Some("reserved")),
            ("::", Some("unspecified")), ("::1", Some("loopback")), ("fe80::1", Some("link-local")),
            ("fc00::1", Some("private")), ("fd00:ec2::254", Some("cloud metadata")), ("ff02::1", Some("multicast")),
            ("::ffff:127.0.0.1", Some("loopback")), ("::ffff:169.254.169.254", Some("cloud metadata")),
            ("::127.0.0.1", Some("loopback")), ("::ffff:0:10.0.0.1", Some("private")),
            ("64:ff9b::a00:1", Some("private")), ("64:ff9b:1::1", Some("local NAT64")),
            ("2002:7f00:1::1", Some("loopback")), ("2002:a9fe:a9fe::", Some("cloud metadata")),
            ("2001:0:808:808:0:0:80ff:fffe", Some("reserved")), ("2001:4860:1::200:5efe:10.0.0.1", Some("private")),
            ("2a00::5efe:192.168.0.1", Some("private")),
        ];
        for (address, expect) in table {
            let found = network(&[]).refusal(address.parse().unwrap()).map(|refusal| refusal.kind);
            assert_eq!(found, expect, "{address}");
        }
    }

    #[test]
    fn an_allowed_network_opens_exactly_itself() {
        let loopback = network(&["127.0.0.0/8"]);
        assert_eq!(loopback.refusal("127.0.0.1".parse().unwrap()), None);
        assert_eq!(loopback.refusal("::ffff:127.0.0.1".parse().unwrap()), None, "the same address");
        assert!(loopback.refusal("::1".parse().unwrap()).is_some());
        assert!(loopback.refusal("10.0.0.1".parse().unwrap()).is_some());
        let metadata = network(&["169.254.0.0/16"]);
        assert_eq!(metadata.refusal("169.254.169.254".parse().unwrap()), None, "the operator's word");
    }

    #[test]
    fn every_refused_block_parses() {
        for (block, _) in REFUSED {
            assert_eq!(block.parse::<Cidr>().unwrap().to_string(), *block);
        }
    }

    #[test]
    fn networks_are_read_strictly() {
        for good in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "fd00::/8", "192.168.7.9/32"] {
            assert_eq!(good.parse::<Cidr>().unwrap().to_string(), good);
        }
        assert_eq!("192.168.7.9".parse::<Cidr>().unwrap().to_string(), "192.168.7.9/32");
        let bad =
            ["", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "::/129", "10.0.0/8", "x/8", "10.1.0.0/8"];
        for bad in bad {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
        assert!("10.1.0.0/8".parse::<Cidr>().unwrap_err().contains("write `10.0.0.0/8`"));
    }

    #[test]
    fn hosts_beside_the_proxy_are_known_by_name_domain_and_block() {
        let no_proxy = ["example.com", ".Internal.net", "10.0.0.0/8", "192.0.2.7"].map(str::to_owned).to_vec();
        let network = Network { no_proxy, ..Network::default() };
        for (host, expect) in [
            ("example.com", true),
            ("Mail.Example.com", true),
            ("notexample.com", false),
            ("example.com.evil.org", false),
            ("mail.internal.net", true),
            ("10.1.2.3", true),
            ("11.1.2.3", false),
            ("192.0.2.7", true),
            ("é", false),
        ] {
            assert_eq!(network.bypasses_proxy(host), expect, "{host}");
        }
    }

    #[test]
    fn a_proxy_password_is_not_shown() {
        let network = Network { proxy: Some("http://user:hunter2@proxy:3128".into()), ..Network::default() };
        assert!(!format!("{network:?}").contains("hunter2"));
    }
}
