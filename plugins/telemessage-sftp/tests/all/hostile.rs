//! Bytes that nobody meant well: no panic, nothing lost, nothing unbounded.

use crate::{mails::PLAIN, shelf::Shelf};

/// A small generator with a fixed seed: the same bytes in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn damaged_mails_are_items_or_unreadable() {
    let mime = PLAIN.replace(
        "Content-Type: text/plain; charset=utf-8\n\nHello Ben\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-7\n\nOriginal Message (Msg ID \u{2013} 1)\nDuration: 1:2\n--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA0KDQp5\n--b\nContent-Type: image/png; name=\"=?utf-8?B?w7w=?=\"\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n",
    );
    let mut dice = Dice(42);
    for sample in [PLAIN, &mime] {
        for _ in 0..3_000 {
            let mut bytes = sample.replace('\n', "\r\n").into_bytes();
            for _ in 0..=dice.below(6) {
                let at = dice.below(bytes.len());
                match dice.below(4) {
                    0 => bytes[at] = dice.below(256) as u8,
                    1 if bytes.len() > 1 => drop(bytes.remove(at)),
                    2 => bytes.truncate(at.max(1)),
                    _ => {
                        let end = (at + dice.below(60)).min(bytes.len());
                        let piece = bytes[at..end].to_vec();
                        let to = dice.below(bytes.len());
                        bytes.splice(to..to, piece);
                    }
                }
            }
            let entries = vec![("a.eml".to_owned(), bytes), ("x.mf".to_owned(), b"Count: 1\na.eml".to_vec())];
            let page = Shelf::default().with(entries).pull(None, 10).unwrap();
            assert_eq!(page.items.len() + page.unreadable.len(), 1);
        }
    }
}

#[test]
fn mails_nested_deeply_are_taken_as_they_are() {
    let mut nested = String::new();
    for level in 0..2_000 {
        nested.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"));
    }
    let mail = PLAIN.replace("Content-Type: text/plain; charset=utf-8\n", &nested);
    let rfc822 = "Content-Type: message/rfc822\n\n".repeat(2_000);
    let forwarded = PLAIN.replace("Content-Type: text/plain; charset=utf-8\n", &rfc822);
    let page = Shelf::of(&[&mail, &forwarded]).pull(None, 10).unwrap();
    assert_eq!(page.items.len() + page.unreadable.len(), 2);
}
