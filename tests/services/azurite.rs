//! A private Azurite, and the few calls that tests make past the program.
//!
//! `CHANCERY_AZURITE` names the folder where `npm install azurite` ran; `.ci/run` has one in its cache. Telemetry is off.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tempfile::TempDir;

use crate::support::world::World;

const ACCOUNT: &str = "devstoreaccount1";
/// Everybody's: it is in Azurite's own documentation.
pub(super) const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// A server with a folder of its own, ended with the test.
pub(super) struct Azurite {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Azurite {
    /// None unless services are to be tested; then a missing server is a failure.
    pub(super) fn wanted() -> Option<Self> {
        if std::env::var_os("CHANCERY_TEST_SERVICES").is_none_or(|value| value != "1") {
            return None;
        }
        let installed = std::env::var_os("CHANCERY_AZURITE").map(PathBuf::from);
        let installed = installed.expect("CHANCERY_TEST_SERVICES=1 needs CHANCERY_AZURITE: see CONTRIBUTING.md");
        let program = installed.join("node_modules/azurite/dist/src/blob/main.js");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut azurite = Self { program, folder: tempfile::tempdir().unwrap(), port, child: None };
        azurite.start();
        Some(azurite)
    }

    /// Starts it (again), on what it held before.
    pub(super) fn start(&mut self) {
        let log = File::create(self.folder.path().join("log")).unwrap();
        let child = Command::new("node")
            .arg(&self.program)
            .args(["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--blobHost", "127.0.0.1", "--blobPort"])
            .arg(self.port.to_string())
            .arg("--location")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(started.elapsed() < START_TIME_MAX, "Azurite does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Kills it.
    pub(super) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Asked, not killed: it writes its list of containers and blobs down when it ends.
            let asked = Command::new("kill").arg(child.id().to_string()).status().is_ok_and(|status| status.success());
            if !asked {
                child.kill().unwrap();
            }
            child.wait().unwrap();
        }
    }

    /// Makes a container.
    pub(super) fn make(&self, container: &str) {
        let (status, _) = self.request("PUT", container, "", &[("restype", "container")], &[], b"");
        assert_eq!(status, 201);
    }

    /// The names of its blobs, sorted.
    pub(super) fn names(&self, container: &str) -> Vec<String> {
        let query = [("comp", "list"), ("restype", "container")];
        let (status, body) = self.request("GET", container, "", &query, &[], b"");
        assert_eq!(status, 200);
        let xml = String::from_utf8(body).unwrap();
        let names = xml.split("<Name>").skip(1).map(|rest| rest.split("</Name>").next().unwrap().to_owned());
        names.collect()
    }

    pub(super) fn get(&self, container: &str, blob: &str) -> Vec<u8> {
        let (status, body) = self.request("GET", container, blob, &[], &[], b"");
        assert_eq!(status, 200, "{blob}");
        body
    }

    pub(super) fn delete(&self, container: &str, blob: &str) {
        assert_eq!(self.request("DELETE", container, blob, &[], &[], b"").0, 202, "{blob}");
    }

    pub(super) fn put(&self, container: &str, blob: &str, bytes: &[u8]) {
        let (status, _) = self.request("PUT", container, blob, &[], &[("x-ms-blob-type", "BlockBlob")], bytes);
        assert_eq!(status, 201, "{blob}");
    }

    /// One request, signed with the account's key, over HTTP 1.0 so that the answer comes in one piece.
    fn request(
        &self,
        method: &str,
        container: &str,
        blob: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, Vec<u8>) {
        let path = format!("/{ACCOUNT}/{container}{}{blob}", if blob.is_empty() { "" } else { "/" });
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut named: Vec<(&str, &str)> = headers.to_vec();
        named.extend([("x-ms-date", &*date), ("x-ms-version", "2021-08-06")]);
        let length = if body.is_empty() { String::new() } else { body.len().to_string() };
        let mut text = format!("{method}\n\n\n{length}\n\n\n\n\n\n\n\n\n");
        named.iter().for_each(|(name, value)| text.push_str(&format!("{name}:{value}\n")));
        text.push_str(&format!("/{ACCOUNT}{path}"));
        query.iter().for_each(|(name, value)| text.push_str(&format!("\n{name}:{value}")));
        let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(KEY).unwrap()).unwrap();
        mac.update(text.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());

        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut head = format!("{method} {path}?{} HTTP/1.0\r\nHost: 127.0.0.1\r\n", query.join("&"));
        named.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        head.push_str(&format!("Authorization: SharedKey {ACCOUNT}:{signature}\r\n\r\n"));
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|at| at == b"\r\n\r\n").expect("an answer has a head");
        let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
        (status, answer.split_off(end + 4))
    }

    /// The keys of a section that names a container here, its account key in a file.
    pub(super) fn keys(&self, container: &str) -> String {
        format!(
            "kind = \"azure\", account = \"{ACCOUNT}\", container = \"{container}\", endpoint = \"http://127.0.0.1:{}/{ACCOUNT}\", key = {{ file = \"azure-key\" }}",
            self.port
        )
    }

    /// Puts a world's stage here.
    pub(super) fn holds_stage_of(&self, world: &World, container: &str, keep_days: u32, more: &str) {
        world.configure();
        let path = world.path("chancery.toml");
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str(&format!("\n[stage]\nkeep_days = {keep_days}\n"));
        text.push_str(&self.keys(container).replace(", ", "\n"));
        text.push_str(&format!("\n{more}"));
        std::fs::write(path, text).unwrap();
        std::fs::write(world.path("azure-key"), KEY).unwrap();
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.stop();
    }
}
