//! The page file: `CHPG`, a version byte, the names of the attachments it refers to, then the page.
//!
//! | field | bytes | meaning |
//! |---|---|---|
//! | magic | 4 | `CHPG` |
//! | version | 1 | 1; any other is refused |
//! | attachments | 4, little-endian | how many names follow |
//! | names | 32 each | attachment files, so that collecting rubbish need not decode the page |
//! | page | rest | `item::Page` in postcard's wire format |

use std::io::{self, Read};

use crate::item::{Content, Page, limits};

const MAGIC: &[u8; 4] = b"CHPG";
const VERSION: u8 = 1;

pub(super) fn encode(page: &Page) -> io::Result<Vec<u8>> {
    let mut names: Vec<[u8; 32]> = page
        .items
        .iter()
        .flat_map(|item| &item.attachments)
        .filter_map(|attachment| match &attachment.content {
            Content::Present(blob) => Some(blob.name),
            Content::Withheld { .. } | Content::Missing(_) => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut bytes = Vec::with_capacity(64 + names.len() * 32 + page.items.len() * 512);
    bytes.extend_from_slice(MAGIC);
    bytes.push(VERSION);
    let count = u32::try_from(names.len()).map_err(|_| invalid("too many attachments"))?;
    bytes.extend_from_slice(&count.to_le_bytes());
    names.iter().for_each(|name| bytes.extend_from_slice(name));
    postcard::to_extend(page, bytes).map_err(|error| invalid(&error.to_string()))
}

pub(super) fn decode(bytes: &[u8]) -> io::Result<Page> {
    let mut rest = bytes;
    attachments(&mut rest)?;
    postcard::from_bytes(rest).map_err(|error| invalid(&error.to_string()))
}

/// Reads the header only.
pub(super) fn attachments(reader: &mut dyn Read) -> io::Result<Vec<[u8; 32]>> {
    let mut start = [0; 9];
    reader.read_exact(&mut start)?;
    if &start[..4] != MAGIC {
        return Err(invalid("it is no page"));
    }
    if start[4] != VERSION {
        return Err(invalid(&format!("it has format {}, this chancery reads {VERSION}", start[4])));
    }
    let count = u32::from_le_bytes([start[5], start[6], start[7], start[8]]) as usize;
    if count > limits::PAGE_ITEMS_MAX as usize * limits::ITEM_ATTACHMENTS_MAX {
        return Err(invalid("it names too many attachments"));
    }
    let mut names = vec![[0; 32]; count];
    for name in &mut names {
        reader.read_exact(name)?;
    }
    Ok(names)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
