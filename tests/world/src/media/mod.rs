//! The bytes of attachments: real files of their kind, made from a seed whenever they are asked for, so that a story
//! holds none of them.

mod documents;
mod jpeg;
mod ogg;
mod png;

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::random::{Random, mix};

/// Bytes made at once of a file that is not made whole.
const CHUNK_BYTES: usize = 256 << 10;

/// A file of an item.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The site's id; the last segment of its URL.
    pub id: String,
    /// File name as the sender saw it.
    pub name: String,
    /// Media type.
    pub media_type: &'static str,
    /// Size in bytes.
    pub size: u64,
    /// True when the site lists the file but answers 404 for it.
    pub expired: bool,
    pub(crate) content: Content,
}

/// How a file's bytes come to be.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Png {
        seed: u64,
    },
    Jpeg {
        seed: u64,
    },
    Pdf {
        lines: Vec<String>,
    },
    VoiceNote {
        serial: u32,
        seconds: u32,
    },
    Contact {
        given: String,
        family: String,
        phone: String,
        note: String,
    },
    /// An MP4 container around noise: large, incompressible, and never in memory as a whole.
    Film {
        seed: u64,
        size: u64,
    },
}

impl Attachment {
    /// A film of exactly this size in bytes.
    pub(crate) fn film(id: String, name: String, seed: u64, size: u64) -> Self {
        Self { id, name, media_type: "video/mp4", size, expired: false, content: Content::Film { seed, size } }
    }

    /// A file whose size follows from its content.
    pub(crate) fn new(id: String, name: String, content: Content) -> Self {
        let media_type = match content {
            Content::Png { .. } => "image/png",
            Content::Jpeg { .. } => "image/jpeg",
            Content::Pdf { .. } => "application/pdf",
            Content::VoiceNote { .. } => "audio/ogg; codecs=opus",
            Content::Contact { .. } => "text/vcard",
            Content::Film { .. } => "video/mp4",
        };
        let size = content.chunks().map(|chunk| chunk.len() as u64).sum();
        Self { id, name, media_type, size, expired: false, content }
    }

    /// The bytes, in pieces of at most 256 KiB unless the file is small.
    pub fn chunks(&self) -> Box<dyn Iterator<Item = Vec<u8>> + Send> {
        self.content.chunks()
    }

    /// SHA-256 of the bytes, 64 lower-case hex digits. Makes the bytes anew.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for chunk in self.chunks() {
            hash.update(&chunk);
        }
        hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl Content {
    fn chunks(&self) -> Box<dyn Iterator<Item = Vec<u8>> + Send> {
        let whole = match self {
            Self::Png { seed } => png::picture(&mut Random::new(*seed, "png", 0)),
            Self::Jpeg { seed } => jpeg::picture(&mut Random::new(*seed, "jpeg", 0)),
            Self::Pdf { lines } => documents::pdf(lines),
            Self::VoiceNote { serial, seconds } => ogg::voice_note(*serial, *seconds),
            Self::Contact { given, family, phone, note } => documents::contact(given, family, phone, note),
            Self::Film { seed, size } => return Box::new(film(*seed, *size)),
        };
        Box::new(std::iter::once(whole))
    }
}

fn film(seed: u64, size: u64) -> impl Iterator<Item = Vec<u8>> + Send {
    // Two boxes: the file's type, and media data with a 64-bit length.
    let mut head = b"\0\0\0\x18ftypisom\0\0\x02\0isommp42".to_vec();
    head.extend(b"\0\0\0\x01mdat");
    head.extend(size.saturating_sub(24).to_be_bytes());
    head.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let noise_bytes = size - head.len() as u64;
    let chunks = noise_bytes.div_ceil(CHUNK_BYTES as u64);
    std::iter::once(head).chain((0..chunks).map(move |chunk| {
        let offset = chunk * CHUNK_BYTES as u64;
        let length = (noise_bytes - offset).min(CHUNK_BYTES as u64) as usize;
        let mut bytes = Vec::with_capacity(length + 8);
        let mut counter = offset / 8;
        while bytes.len() < length {
            bytes.extend(mix(seed ^ mix(counter.wrapping_add(1))).to_le_bytes());
            counter += 1;
        }
        bytes.truncate(length);
        bytes
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    fn bytes(attachment: &Attachment) -> Vec<u8> {
        attachment.chunks().flatten().collect()
    }

    /// One of each kind. `CHANCERY_WORLD_MEDIA=folder` writes them there, to be opened with real programs.
    fn samples() -> Vec<(Attachment, &'static [u8], &'static [u8])> {
        let make = |name: &str, content| Attachment::new(name.to_owned(), name.to_owned(), content);
        let contact = Content::Contact {
            given: "Zoë".to_owned(),
            family: "Ångström".to_owned(),
            phone: "33639980099".to_owned(),
            note: "new number".to_owned(),
        };
        vec![
            (make("a.png", Content::Png { seed: 1 }), b"\x89PNG\r\n\x1a\n", b"IEND\xae\x42\x60\x82"),
            (make("a.jpg", Content::Jpeg { seed: 1 }), b"\xff\xd8\xff\xe0", b"\xff\xd9"),
            (make("a.pdf", Content::Pdf { lines: vec!["Offer".to_owned()] }), b"%PDF-1.4\n", b"%%EOF\n"),
            (make("a.opus", Content::VoiceNote { serial: 7, seconds: 3 }), b"OggS\0\x02", &[0xf8, 0xff, 0xfe]),
            (make("a.vcf", contact), b"BEGIN:VCARD\r\n", b"END:VCARD\r\n"),
            (Attachment::film("f".to_owned(), "a.mp4".to_owned(), 9, 300_001), b"\0\0\0\x18ftyp", b""),
        ]
    }

    #[test]
    fn files_are_of_their_kind_and_size() {
        for (attachment, begin, end) in samples() {
            let bytes = bytes(&attachment);
            assert!(bytes.starts_with(begin), "{}", attachment.name);
            assert!(bytes.ends_with(end), "{}", attachment.name);
            assert_eq!(bytes.len() as u64, attachment.size, "{}", attachment.name);
            if let Some(folder) = std::env::var_os("CHANCERY_WORLD_MEDIA") {
                std::fs::write(std::path::Path::new(&folder).join(&attachment.name), &bytes).unwrap();
            }
        }
    }

    #[test]
    fn bytes_depend_on_the_seed_alone() {
        for (attachment, ..) in samples() {
            assert_eq!(bytes(&attachment), bytes(&attachment.clone()));
        }
        let film = |seed| Attachment::film(String::new(), String::new(), seed, 4096).sha256();
        assert_ne!(film(1), film(2));
        for size in [0, 1, 39, 40, 41, 262_144 + 40, 262_144 + 41] {
            assert_eq!(bytes(&Attachment::film(String::new(), String::new(), 1, size)).len() as u64, size);
        }
    }

    #[test]
    fn sha256_is_that_of_the_bytes() {
        let empty = Attachment::film(String::new(), String::new(), 1, 0);
        assert_eq!(empty.sha256(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
