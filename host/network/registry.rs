//! An OCI registry, as far as a plugin is fetched from it: one artifact, by its digest, without an account (OCI Distribution
//! Specification 1.1, "Pull"; anonymous tokens as Docker's registries and GitHub's hand them out).

use std::time::Duration;

use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{
    http::{http_client, no_answer},
    resolve::{check_literal, literal},
    unanswered,
};
use crate::item::{Failure, NextMove, hex, limits, network::Network};

/// What a manifest may take; registries take no more either.
const MANIFEST_BYTES_MAX: u64 = 4 << 20;
/// What the answer of a token service may take.
const TOKEN_BYTES_MAX: u64 = 64 << 10;
/// The whole of it.
const FETCH_TIME_MAX: Duration = Duration::from_secs(300);
/// Hops to where a registry keeps its blobs.
const REDIRECTS_MAX: u32 = 5;
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// What a component's layer is called, today and by tools of before.
const COMPONENT_TYPES: [&str; 2] = ["application/wasm", "application/vnd.wasm.content.layer.v1+wasm"];

/// An artifact, named so that it cannot change: `ghcr.io/acme/acme-chat@sha256:…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactReference {
    registry: String,
    repository: String,
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    size: u64,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

fn refused(why: String, hint: &str) -> Failure {
    Failure::new("registry-refused", NextMove::AskPerson, why).hint(hint)
}

impl ArtifactReference {
    /// Reads a reference; none when the text is not meant as one.
    ///
    /// # Errors
    /// `registry-refused` when it has no digest, or is malformed.
    pub fn parse(text: &str) -> Option<Result<Self, Failure>> {
        let (place, rest) = text.split_once('/')?;
        let is_registry = place == "localhost" || place.contains(['.', ':']);
        // `./plugin.wasm` and `plugins/plugin.wasm` are files.
        if !is_registry || place.trim_matches('.').is_empty() || text.ends_with(".wasm") {
            return None;
        }
        Some(Self::of(text, place, rest))
    }

    fn of(text: &str, registry: &str, rest: &str) -> Result<Self, Failure> {
        let Some((name, digest)) = rest.split_once('@') else {
            let why = format!("`{text}` names no digest, and a tag can be given to another artifact tomorrow");
            let hint = "write `REGISTRY/NAME@sha256:…`; whoever publishes the plugin says which digest it has";
            return Err(refused(why, hint));
        };
        // A tag before the digest says nothing that the digest does not.
        let repository = name.split(':').next().unwrap_or(name);
        let is_part = |part: &str| {
            let is_character = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
            part.bytes().all(is_character) && part.starts_with(|first: char| first.is_ascii_alphanumeric())
        };
        let url = Url::parse(&format!("https://{registry}/"));
        let is_place = url.is_ok_and(|url| url.username().is_empty() && url.path() == "/" && url.host().is_some());
        if !is_place || !repository.split('/').all(is_part) || !is_digest(digest) {
            let why = format!("`{text}` is no reference to an artifact");
            return Err(refused(why, "write `REGISTRY/NAME@sha256:…`, as in `ghcr.io/acme/acme-chat@sha256:0123…`"));
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), digest: digest.to_owned() })
    }

    fn url(&self, what: &str, digest: &str) -> String {
        // Without encryption on this machine only, as registries for trying have it.
        let scheme = if is_here(&self.registry) { "http" } else { "https" };
        format!("{scheme}://{}/v2/{}/{what}/{digest}", self.registry, self.repository)
    }

    /// Fetches the component that the artifact is, held against its digests.
    ///
    /// # Errors
    /// `registry-refused` when it is not there, not of its digest, or no single component; what `[network]` does not allow;
    /// `no-answer`.
    pub async fn fetch(&self, network: &Network) -> Result<Vec<u8>, Failure> {
        let fetched = tokio::time::timeout(FETCH_TIME_MAX, self.fetch_at_leisure(network)).await;
        fetched.unwrap_or_else(|_| {
            Err(unanswered(&self.registry, &format_args!("it took more than {} s", FETCH_TIME_MAX.as_secs())))
        })
    }

    async fn fetch_at_leisure(&self, network: &Network) -> Result<Vec<u8>, Failure> {
        let mut asking = Asking { reference: self, network, client: http_client(network)?, token: None };
        let manifest = asking.get(&self.url("manifests", &self.digest), MANIFEST_TYPE, MANIFEST_BYTES_MAX).await?;
        self.check(&manifest, &self.digest, "manifest")?;
        let manifest: Manifest = serde_json::from_slice(&manifest)
            .map_err(|error| self.no_component(&format!("its manifest cannot be read ({error})")))?;
        let is_component = |layer: &&Layer| COMPONENT_TYPES.contains(&layer.media_type.as_str());
        let mut components = manifest.layers.iter().filter(is_component);
        let (Some(layer), None) = (components.next(), components.next()) else {
            return Err(self.no_component("it does not hold exactly one component"));
        };
        if !is_digest(&layer.digest) {
            return Err(self.no_component("its component is named by no SHA-256 digest"));
        }
        if layer.size > limits::COMPONENT_BYTES_MAX {
            let why = format!("its component has {} bytes, the limit is {}", layer.size, limits::COMPONENT_BYTES_MAX);
            return Err(self.no_component(&why));
        }
        let component = asking.get(&self.url("blobs", &layer.digest), "*/*", layer.size).await?;
        self.check(&component, &layer.digest, "component")?;
        Ok(component)
    }

    fn check(&self, bytes: &[u8], digest: &str, what: &str) -> Result<(), Failure> {
        let is = format!("sha256:{}", hex(&Sha256::digest(bytes)));
        if is == digest {
            return Ok(());
        }
        let why =
            format!("the {what} that `{}` gave for `{}` is `{is}`, not `{digest}`", self.registry, self.repository);
        Err(refused(why, "do not use it; tell whoever runs the registry"))
    }

    fn no_component(&self, why: &str) -> Failure {
        let why = format!("`{}/{}@{}` is no plugin: {why}", self.registry, self.repository, self.digest);
        refused(why, "publish it with `wkg oci push`; see docs/plugin-authors.md")
    }
}

/// One artifact being fetched.
struct Asking<'a> {
    reference: &'a ArtifactReference,
    network: &'a Network,
    client: reqwest::Client,
    token: Option<String>,
}

impl Asking<'_> {
    /// What an address of the registry holds; it is asked for a token when it wants one, and followed to where it keeps blobs.
    async fn get(&mut self, url: &str, accept: &str, bytes_max: u64) -> Result<Vec<u8>, Failure> {
        let registry = &self.reference.registry;
        let mut url = self.allowed(url)?;
        let mut is_at_registry = true;
        let mut hops = 0;
        loop {
            let mut request = self.client.get(url.clone()).header("accept", accept);
            // Where it leads is another's, and has its own signature in its address.
            if let (Some(token), true) = (&self.token, is_at_registry) {
                request = request.bearer_auth(token);
            }
            let answer = request.send().await.map_err(|error| no_answer(&place(&url), &error))?;
            let status = answer.status();
            let header =
                |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            if status.is_success() {
                return read(answer, &place(&url), bytes_max).await;
            }
            if status.as_u16() == 401 && is_at_registry && self.token.is_none() {
                let challenge = header("www-authenticate").unwrap_or_default();
                self.token = Some(self.sign_in(&challenge).await?);
                continue;
            }
            hops += 1;
            match header("location").filter(|_| status.is_redirection() && hops <= REDIRECTS_MAX) {
                Some(to) => {
                    let to = url.join(&to).map_err(|_| refused(format!("`{registry}` leads nowhere"), TRY_AGAIN))?;
                    is_at_registry = is_at_registry && to.origin() == url.origin();
                    url = self.allowed(to.as_str())?;
                }
                None => {
                    let hint = match status.as_u16() {
                        401 | 403 | 404 => {
                            "look whether it is there and public; of a private one: fetch the file with `wkg oci pull`, and install that"
                        }
                        _ => TRY_AGAIN,
                    };
                    let what = &self.reference.repository;
                    return Err(refused(format!("`{registry}` answers {status} to who asks for `{what}`"), hint));
                }
            }
        }
    }

    /// An address that may be asked.
    fn allowed(&self, url: &str) -> Result<Url, Failure> {
        let registry = &self.reference.registry;
        let parsed = Url::parse(url).map_err(|_| refused(format!("`{registry}` leads nowhere"), TRY_AGAIN))?;
        let is_encrypted = parsed.scheme() == "https" || (parsed.scheme() == "http" && is_here(registry));
        if !is_encrypted {
            let why = format!("`{registry}` leads to `{}`, which is not encrypted", place(&parsed));
            return Err(refused(why, "do not use it; tell whoever runs the registry"));
        }
        check_literal(self.network, &place(&parsed), literal(&parsed))?;
        Ok(parsed)
    }

    /// A token for who has no account: `Bearer realm="…",service="…",scope="…"`.
    async fn sign_in(&self, challenge: &str) -> Result<String, Failure> {
        let ArtifactReference { registry, repository, .. } = self.reference;
        let parameter = |name: &str| {
            let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        };
        let unable = |why: &str| {
            refused(
                format!("`{registry}` wants a sign-in for `{repository}`: {why}"),
                "of a private one: fetch the file with `wkg oci pull`, and install that",
            )
        };
        let realm =
            parameter("realm").filter(|_| challenge.starts_with("Bearer ")).ok_or_else(|| unable("not by token"))?;
        let mut url = self.allowed(&realm)?;
        let scope = parameter("scope").unwrap_or_else(|| format!("repository:{repository}:pull"));
        url.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = parameter("service") {
            url.query_pairs_mut().append_pair("service", &service);
        }
        let answer = self.client.get(url.clone()).send().await.map_err(|error| no_answer(&place(&url), &error))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(unable(&format!("nobody without an account gets one ({status})")));
        }
        let token: Token = parsed(&read(answer, &place(&url), TOKEN_BYTES_MAX).await?)
            .ok_or_else(|| unable("the token cannot be read"))?;
        token.token.or(token.access_token).ok_or_else(|| unable("there is no token in the answer"))
    }
}

const TRY_AGAIN: &str = "try again later, or fetch the file with `wkg oci pull`, and install that";

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// An answer, no longer than it may be.
async fn read(mut answer: reqwest::Response, place: &str, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| no_answer(place, &error))? {
        if (bytes.len() + part.len()) as u64 > bytes_max {
            return Err(refused(format!("`{place}` sends more than the {bytes_max} bytes that it may"), TRY_AGAIN));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_here(registry: &str) -> bool {
    let host = Url::parse(&format!("http://{registry}/")).ok();
    host.and_then(|url| literal(&url)).is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn references_are_told_from_files_and_have_a_digest() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for file in ["acme.wasm", "./acme.wasm", "../a/acme.wasm", "plugins/acme.wasm", "acme", "a.b/acme.wasm", "x/y"]
        {
            assert!(ArtifactReference::parse(file).is_none(), "{file}");
        }
        for (text, registry, repository) in [
            ("ghcr.io/acme/acme-chat", "ghcr.io", "acme/acme-chat"),
            ("localhost/a", "localhost", "a"),
            ("127.0.0.1:5000/a/b_c.d:1.0", "127.0.0.1:5000", "a/b_c.d"),
        ] {
            let reference = ArtifactReference::parse(&format!("{text}@{digest}")).unwrap().unwrap();
            assert_eq!((reference.registry.as_str(), reference.repository.as_str()), (registry, repository));
            assert!(ArtifactReference::parse(text).unwrap().unwrap_err().message.contains("no digest"), "{text}");
        }
        for malformed in
            ["ghcr.io/Acme@", "ghcr.io/a/../b@", "user@ghcr.io/a@", "ghcr.io/@", "gh cr.io/a@", "ghcr.io:x/a@"]
        {
            let text = format!("{malformed}{digest}");
            assert!(ArtifactReference::parse(&text).is_none_or(|parsed| parsed.is_err()), "{text}");
        }
        for wrong in ["sha256:0a", "sha512:0a", "", &digest.to_uppercase()] {
            assert!(ArtifactReference::parse(&format!("ghcr.io/a@{wrong}")).unwrap().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_this_machine_is_asked_without_encryption() {
        for (registry, scheme) in [
            ("ghcr.io", "https:"),
            ("127.0.0.1:5000", "http:"),
            ("[::1]:5000", "http:"),
            ("10.0.0.1", "https:"),
            ("localhost:5000", "https:"),
        ] {
            let reference =
                ArtifactReference { registry: registry.to_owned(), repository: "a".to_owned(), digest: String::new() };
            assert!(reference.url("blobs", "x").starts_with(scheme), "{registry}");
        }
    }
}
