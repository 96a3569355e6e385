//! What is the matter reaches whom it concerns: once, signed, and again when it is mended.

use std::{
    fs,
    io::Write as _,
    net::{TcpListener, TcpStream},
};

use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::evidence::{configure_more, read_request};
use crate::support::{
    shared,
    world::{CONNECTOR, World},
};

/// What a receiver does to know who sent it.
fn is_signed(head: &str, body: &str) -> bool {
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:"))).unwrap();
        line.split_once(':').unwrap().1.trim().to_owned()
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(b"canary-key-77").unwrap();
    mac.update(format!("{}.{body}", header("chancery-timestamp")).as_bytes());
    let wanted: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    header("chancery-signature") == format!("v1={wanted}")
}

fn need(world: &World, free_bytes: u64) {
    let path = world.path("chancery.toml");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| match line.starts_with("disk_bytes_min") {
        true => format!("disk_bytes_min = {free_bytes}\n"),
        false => format!("{line}\n"),
    });
    fs::write(path, lines.collect::<String>()).unwrap();
}

#[test]
fn an_alert_is_told_once_signed_and_again_when_it_is_mended() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", server.local_addr().unwrap());
    let world = shared::archived().before.copy();
    configure_more(
        &world,
        &format!(
            "[alerts]\ndisk_bytes_min = 0\nsend_to = [\n\
             {{ kind = \"webhook\", url = \"{origin}/hook-4711\", key = {{ file = \"key\" }} }},\n\
             {{ kind = \"mail\", connector = \"{CONNECTOR}\", mailbox = \"evidence@example.com\" }}]"
        ),
    );
    fs::write(world.path("key"), "canary-key-77\n").unwrap();
    // The first document is refused.
    let serving = std::thread::spawn(move || {
        let (mut taken, mut refused) = (Vec::<Value>::new(), false);
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let request = read_request(&mut stream);
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            if head.starts_with("GET /end") {
                break;
            }
            assert!(head.starts_with("POST /hook-4711 ") && is_signed(head, body), "{head}");
            let status = if refused { "204 Taken" } else { "503 Later" };
            if refused {
                let document: Value = serde_json::from_str(body).unwrap();
                taken.extend(document["alerts"].as_array().unwrap().clone());
            }
            refused = true;
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        taken
    });
    need(&world, 1 << 62);
    let ran = world.done(&["sync"]);
    assert!(ran.stderr.contains("alerts could not be sent to") && ran.stderr.contains("503"), "{ran}");
    assert!(!ran.stderr.contains("hook-4711") && !ran.stderr.contains("canary"), "{ran}");
    for _ in 0..2 {
        let ran = world.done(&["alerts", "check"]);
        assert!(ran.stdout.contains("disk-low (data folder)") && !ran.stderr.contains("could not"), "{ran}");
    }
    for command in [&["status"][..], &["alerts", "list"]] {
        assert!(world.done(command).stdout.contains("disk-low (data folder)"));
    }
    need(&world, 0);
    let ran = world.done(&["alerts", "check"]);
    assert!(!ran.stdout.contains("disk-low"), "{ran}");
    let ran = world.done(&["alerts", "test"]);
    assert_eq!(ran.stdout.matches(": told").count(), 2, "{ran}");
    write!(TcpStream::connect(&origin[7..]).unwrap(), "GET /end HTTP/1.1\r\n\r\n").unwrap();
    let taken = serving.join().unwrap();
    let of_folder = taken.iter().filter(|alert| alert["connector"] == "data folder");
    let events: Vec<_> = of_folder.map(|alert| alert["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["fired", "cleared"], "{taken:?}");
    assert_eq!(taken.last().unwrap()["event"], "test");
    let mails = world.mails().into_iter().filter(|mail| mail.mailbox == "evidence@example.com");
    let texts: Vec<String> = mails.map(|mail| mail.message().body_text(0).unwrap().into_owned()).collect();
    for event in ["fired: disk-low (data folder)", "cleared: disk-low (data folder)", "test: test"] {
        assert_eq!(texts.iter().filter(|text| text.contains(event)).count(), 1, "{event}: {texts:?}");
    }
    // Nobody there: said, and the exit code says it too.
    let ran = world.run(&["alerts", "test"]);
    ran.expect(1);
    assert!(ran.stdout.contains("evidence@example.com: told"), "{ran}");
}
