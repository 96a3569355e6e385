//! Plugins out of an OCI registry: one of the test's own, which gives what it should, and those that do not.

use std::fs;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{house, run_in};
use crate::support::site::{Request, Site};

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// What a registry does with who asks.
#[derive(Clone, Copy, PartialEq)]
enum Behaviour {
    Honest,
    /// Asks for a token first, and keeps its blobs elsewhere, where the token must not arrive.
    AsksForToken,
    GivesOtherManifest,
    GivesOtherBlob,
    SendsMore,
    HasTwo,
    HasNone,
    LeadsAway,
    LeadsInCircles,
    WantsAccount,
    IsEmpty,
}

/// A registry with the plugin; a reference to it.
fn registry(plugin: &'static [u8], behaviour: Behaviour) -> (Site, String) {
    use Behaviour as B;
    let blob = digest(plugin);
    let layer = json!({"mediaType": "application/wasm", "digest": blob, "size": plugin.len()});
    let layers = match behaviour {
        B::HasTwo => json!([layer, layer]),
        B::HasNone => json!([{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": blob, "size": 1}]),
        _ => json!([layer]),
    };
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.wasm.config.v0+json", "digest": blob, "size": 2}, "layers": layers})
    .to_string();
    let reference = digest(manifest.as_bytes());
    let asked_for = reference.clone();
    let site = Site::start(move |request: &Request| {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        let host = request.head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        let has_token = request.head.contains("authorization: Bearer of-nobody");
        let ok = |body: &[u8]| ("200 OK".to_owned(), body.to_vec());
        let to = |place: &str| (format!("307 Temporary Redirect\r\nLocation: {place}"), Vec::new());
        if path.starts_with("/token?") {
            assert!(path.contains("scope=repository%3Aacme%2Fchat%3Apull"), "{path}");
            return match behaviour {
                B::WantsAccount => ("401 Unauthorized".to_owned(), Vec::new()),
                _ => ok(br#"{"token":"of-nobody"}"#),
            };
        }
        if path.starts_with("/elsewhere/") {
            assert!(!has_token, "the token goes to the registry alone");
            return ok(plugin);
        }
        if matches!(behaviour, B::AsksForToken | B::WantsAccount) && !has_token {
            let challenge =
                format!("Bearer realm=\"http://{host}/token\",service=\"{host}\",scope=\"repository:acme/chat:pull\"");
            return (format!("401 Unauthorized\r\nWWW-Authenticate: {challenge}"), Vec::new());
        }
        match path.strip_prefix("/v2/acme/chat/") {
            _ if behaviour == B::IsEmpty => ("404 Not Found".to_owned(), Vec::new()),
            Some(rest) if rest == format!("manifests/{asked_for}") => match behaviour {
                B::GivesOtherManifest => ok(manifest.replace("config", "other").as_bytes()),
                _ => ok(manifest.as_bytes()),
            },
            Some(rest) if rest == format!("blobs/{blob}") => match behaviour {
                B::GivesOtherBlob => ok(&[&plugin[..plugin.len() - 1], b"x"].concat()),
                B::SendsMore => ok(&[plugin, b"x"].concat()),
                B::LeadsAway => to("http://[2001:db8::1]/blob"),
                B::LeadsInCircles => to(path),
                B::AsksForToken => to(&format!("http://localhost:{}/elsewhere/blob", host.rsplit(':').next().unwrap())),
                _ => ok(plugin),
            },
            _ => panic!("the registry is asked for `{path}`"),
        }
    });
    let place = site.origin().replace("http://", "");
    (site, format!("{place}/acme/chat@{reference}"))
}

#[test]
fn a_plugin_is_fetched_by_digest_or_nothing_is_changed() {
    use Behaviour as B;
    let plugin = bundle::PLUGINS.iter().find(|plugin| plugin.name == "sms-backup").unwrap().wasm;
    let house = house();
    let run = |arguments: &[&str]| run_in(house.path(), arguments);
    let (_site, reference) = registry(plugin, B::Honest);
    let (exit, said) = run(&["plugin", "install", &reference]);
    assert!(exit != Some(0) && said.contains("egress-denied") && said.contains("allowed_networks"), "{said}");
    let config = house.path().join("chancery.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}\n[network]\nallowed_networks = [\"127.0.0.0/8\", \"::1/128\"]\n")).unwrap();
    let folder = house.path().join("plugins");
    for (behaviour, says) in [
        (B::GivesOtherManifest, "the manifest that"),
        (B::GivesOtherBlob, "the component that"),
        (B::SendsMore, "sends more than"),
        (B::HasTwo, "exactly one component"),
        (B::HasNone, "exactly one component"),
        (B::LeadsAway, "egress-denied"),
        (B::LeadsInCircles, "answers 307"),
        (B::WantsAccount, "nobody without an account"),
        (B::IsEmpty, "answers 404"),
    ] {
        let (_site, reference) = registry(plugin, behaviour);
        let (exit, said) = run(&["plugin", "install", &reference]);
        assert!(exit != Some(0) && said.contains(says) && said.contains("hint:"), "{said}");
        assert!(!folder.exists(), "nothing is made");
    }
    let (exit, said) = run(&["plugin", "install", reference.split('@').next().unwrap()]);
    assert!(exit == Some(2) && said.contains("names no digest"), "{said}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (exit, said) = run(&["plugin", "install", &format!("{nobody}/acme/chat@{}", digest(plugin))]);
    assert!(exit != Some(0) && said.contains("no-answer") && said.contains("hint:"), "{said}");
    let (exit, said) = run(&["plugin", "install", &reference, "--digest", "sha256:00"]);
    assert!(exit == Some(2) && said.contains("not `sha256:00`"), "{said}");
    assert!(!folder.exists(), "nothing is made");

    for behaviour in [B::Honest, B::AsksForToken] {
        let (_site, reference) = registry(plugin, behaviour);
        let (exit, said) = run(&["plugin", "install", &reference, "--digest", &digest(plugin)]);
        assert!(exit == Some(0) && said.contains("plugin = \"plugins/sms-backup.wasm\""), "{said}");
        assert_eq!(fs::read(folder.join("sms-backup.wasm")).unwrap(), plugin);
        assert_eq!(run(&["plugin", "diff", &reference]), (Some(0), "no difference\n".to_owned()));
    }
}
