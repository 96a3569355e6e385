//! Every place that the configuration makes the host reach, and trying them.

use std::collections::BTreeMap;

use futures::StreamExt as _;

use crate::{
    config::{CheckpointCopy, Config, DestinationConfig, EmlPlace, Oauth2, ProviderConfig, Scheme, StoreConfig},
    destinations::imap::Security,
    item::{Failure, limits, network::Network},
    network::{Dialer, Route, RouteKind, probe},
};

/// A route that was tried.
pub struct TriedRoute {
    /// Where to, `host:port`.
    pub place: String,
    /// What it is for, each once.
    pub purposes: Vec<String>,
    /// How it was reached, or what is in the way.
    pub outcome: Result<String, Failure>,
}

/// Tries every route of a configuration, several at once, each for a bounded time; in order of their places.
///
/// # Errors
/// `network-misconfigured`: nothing can be tried at all.
pub async fn try_routes(config: &Config) -> Result<Vec<TriedRoute>, Failure> {
    let dialer = Dialer::new(&config.network)?;
    let trying = routes(config).into_iter().map(|(route, purposes)| {
        let dialer = dialer.clone();
        async move {
            let outcome = probe(&dialer, &route, limits::ROUTE_TIME_MAX).await;
            TriedRoute { place: format!("{}:{}", route.host, route.port), purposes, outcome }
        }
    });
    Ok(futures::stream::iter(trying).buffered(limits::ROUTES_AT_ONCE_MAX).collect().await)
}

/// Each route once, with what it is for.
fn routes(config: &Config) -> BTreeMap<Route, Vec<String>> {
    let mut routes: BTreeMap<Route, Vec<String>> = BTreeMap::new();
    let mut add = |purpose: String, route: Option<Route>| {
        let Some(route) = route else { return };
        let purposes = routes.entry(route).or_default();
        if !purposes.contains(&purpose) {
            purposes.push(purpose);
        }
    };
    add("`[network] proxy`".to_owned(), proxy(&config.network));
    for connector in &config.connectors {
        let name = &connector.name;
        for origin in &connector.source.origins {
            add(format!("{name}: source"), of_text(origin));
        }
        for destination in &connector.destinations {
            let one = |route: Option<Route>| route.into_iter().collect();
            let routes: Vec<Route> = match destination {
                DestinationConfig::Imap(settings) => vec![of_server(&settings.host, settings.port, settings.security)],
                DestinationConfig::Smtp(settings) => vec![of_server(&settings.host, settings.port, settings.security)],
                DestinationConfig::Graph(settings) => one(of_text(&settings.endpoint)),
                DestinationConfig::Eml(_, EmlPlace::Store(store)) => of_store(store),
                DestinationConfig::Maildir(_) | DestinationConfig::Eml(_, EmlPlace::Folder(_)) => Vec::new(),
            };
            routes.into_iter().for_each(|route| add(format!("{name}: destination"), Some(route)));
        }
    }
    for credential in config.credentials.values() {
        if let Scheme::Oauth2(Oauth2 { token_url, .. }) = &credential.scheme {
            add(format!("credential {}: sign-in", credential.name), of_url(token_url));
        }
    }
    if let Some(store) = &config.stage.store {
        of_store(store).into_iter().for_each(|route| add("stage".to_owned(), Some(route)));
    }
    for copy in &config.checkpoint_copies {
        match copy {
            CheckpointCopy::Webhook { url, .. } => add("copies of checkpoints: webhook".to_owned(), of_url(url)),
            CheckpointCopy::Store(store) => {
                of_store(store).into_iter().for_each(|route| add("copies of checkpoints".to_owned(), Some(route)));
            }
            CheckpointCopy::Folder(_) | CheckpointCopy::Mail { .. } => {}
        }
    }
    routes
}

/// A mail server's. One that begins in the clear is tried only as far as its connection.
fn of_server(host: &str, port: u16, security: Security) -> Route {
    let kind = if security == Security::Tls { RouteKind::Tls } else { RouteKind::Plain };
    Route { host: host.to_owned(), port, kind }
}

fn of_text(url: &str) -> Option<Route> {
    of_url(&url.parse().ok()?)
}

fn of_url(url: &url::Url) -> Option<Route> {
    let host = match url.host()? {
        url::Host::Domain(name) => name.to_owned(),
        url::Host::Ipv4(address) => address.to_string(),
        url::Host::Ipv6(address) => address.to_string(),
    };
    let kind = if url.scheme() == "https" { RouteKind::Tls } else { RouteKind::Plain };
    Some(Route { host, port: url.port_or_known_default()?, kind })
}

fn proxy(network: &Network) -> Option<Route> {
    let route = of_text(network.proxy.as_deref()?)?;
    Some(Route { kind: RouteKind::Proxy, ..route })
}

/// The provider's own address where the configuration names none, and where it signs in.
fn of_store(store: &StoreConfig) -> Vec<Route> {
    let own = |host: String| Some(Route { host, port: 443, kind: RouteKind::Tls });
    let named = store.endpoint.as_deref().map(of_text);
    let (provider, sign_in) = match &store.provider {
        ProviderConfig::Azure { account, .. } => (own(format!("{account}.blob.core.windows.net")), None),
        ProviderConfig::S3 { region, .. } => (own(format!("s3.{region}.amazonaws.com")), None),
        ProviderConfig::Gcs { .. } => {
            (own("storage.googleapis.com".to_owned()), own("oauth2.googleapis.com".to_owned()))
        }
    };
    // A store on a machine of one's own signs in nowhere else.
    let sign_in = if named.is_some() { None } else { sign_in };
    [named.unwrap_or(provider), sign_in].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn every_place_of_a_configuration_is_a_route() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chancery.toml");
        let text = r#"
[[connector]]
name = "whatsapp"
source = { plugin = "telemessage", settings = { site = "https://archive.example.com" } }
mapper = { plugin = "users" }
converter = { plugin = "email" }
destinations = [
  { kind = "maildir", root = "mail", mailboxes = { domains = ["example.com"] } },
  { kind = "imap", host = "imap.example.com", credential = "mail", mailboxes = { domains = ["example.com"] } },
  { kind = "imap", host = "127.0.0.1", port = 1143, security = "starttls", credential = "mail", mailboxes = { domains = ["example.com"] } },
]
grant = { source = { origins = ["https://archive.example.com", "https://files.example.com:8443"] } }

[credential.mail]
scheme = "basic"
username = "u"
password = { env = "P" }

[credential.app]
scheme = "oauth2"
token_url = "https://login.example.com/t/oauth2/v2.0/token"
client_id = "c"
secret = { env = "S" }
scope = "s"

[network]
proxy = "http://u:p@proxy.internal:3128"

[stage]
kind = "gcs"
bucket = "b"
service_account = { store = "s" }

[checkpoints]
copy_to = [{ kind = "webhook", url = "https://hooks.example.com/x" }, { kind = "s3", bucket = "b", region = "eu-1", access_key_id = "i", secret_access_key = { env = "S" } }]
"#;
        std::fs::write(&file, text).unwrap();
        let routes = routes(&Config::load(&file).unwrap());
        let shown: Vec<String> = routes
            .iter()
            .map(|(Route { host, port, kind }, purposes)| format!("{host}:{port} {kind:?}: {}", purposes.join(", ")))
            .collect();
        assert_eq!(
            shown,
            [
                "127.0.0.1:1143 Plain: whatsapp: destination",
                "archive.example.com:443 Tls: whatsapp: source",
                "files.example.com:8443 Tls: whatsapp: source",
                "hooks.example.com:443 Tls: copies of checkpoints: webhook",
                "imap.example.com:993 Tls: whatsapp: destination",
                "login.example.com:443 Tls: credential app: sign-in",
                "oauth2.googleapis.com:443 Tls: stage",
                "proxy.internal:3128 Proxy: `[network] proxy`",
                "s3.eu-1.amazonaws.com:443 Tls: copies of checkpoints",
                "storage.googleapis.com:443 Tls: stage",
            ]
        );
    }
}
