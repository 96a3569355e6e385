//! Zip archives written by hand, so that each can be wrong in one point that no well-meaning library would write.

use std::io::{Cursor, Read as _, Write as _};

use zip::{
    CompressionMethod, ZipArchive,
    write::{SimpleFileOptions, ZipWriter},
};

/// An archive in the making; entries are stored, not packed, unless said otherwise.
#[derive(Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// An entry as its directory shows it.
#[derive(Clone)]
pub(super) struct Entry {
    name: Vec<u8>,
    /// General purpose flags: bit 0 encrypted, bit 11 UTF-8.
    flags: u16,
    /// 0 stored, 8 deflated.
    method: u16,
    crc32: u32,
    packed_bytes: u32,
    unpacked_bytes: u32,
    /// Unix mode, 0 for none.
    mode: u32,
    /// Where its local header stands.
    offset: u32,
}

impl Archive {
    /// Adds a file.
    pub(super) fn file(mut self, name: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let size = bytes.len() as u32;
        let entry = Entry {
            name: name.as_ref().to_vec(),
            flags: 1 << 11,
            method: 0,
            crc32: crc32fast::hash(bytes),
            packed_bytes: size,
            unpacked_bytes: size,
            mode: 0o100_644,
            offset: self.bytes.len() as u32,
        };
        self.bytes.extend(entry.local_header());
        self.bytes.extend_from_slice(bytes);
        self.entries.push(entry);
        self
    }

    /// Adds a file of so many zeros, deflated to a thousandth.
    pub(super) fn zeros(mut self, name: &str, unpacked_bytes: u32) -> Self {
        let zeros = vec![0; unpacked_bytes as usize];
        let packed = deflated(&zeros);
        let entry = Entry {
            name: name.into(),
            flags: 1 << 11,
            method: 8,
            crc32: crc32fast::hash(&zeros),
            packed_bytes: packed.len() as u32,
            unpacked_bytes,
            mode: 0o100_644,
            offset: self.bytes.len() as u32,
        };
        self.bytes.extend(entry.local_header());
        self.bytes.extend(packed);
        self.entries.push(entry);
        self
    }

    /// Marks the last entry as encrypted.
    pub(super) fn encrypted(self) -> Self {
        self.last(|entry| entry.flags |= 1)
    }

    /// Makes the last entry a link, or whatever this mode says.
    pub(super) fn mode(self, mode: u32) -> Self {
        self.last(|entry| entry.mode = mode)
    }

    /// Makes the last entry claim another size.
    pub(super) fn claims(self, unpacked_bytes: u32) -> Self {
        self.last(|entry| entry.unpacked_bytes = unpacked_bytes)
    }

    /// Says that the last entry's checksum is another.
    pub(super) fn wrong_checksum(self) -> Self {
        self.last(|entry| entry.crc32 ^= 1)
    }

    /// Says that the last entry is packed by a method nobody knows.
    pub(super) fn method(self, method: u16) -> Self {
        self.last(|entry| entry.method = method)
    }

    /// Names the last entry's bytes so many times more, under other names: they are there once.
    pub(super) fn again(mut self, times: u32) -> Self {
        let last = self.entries[self.entries.len() - 1].clone();
        self.entries
            .extend((0..times).map(|number| Entry { name: format!("{number}.bin").into_bytes(), ..last.clone() }));
        self
    }

    /// The archive.
    pub(super) fn end(mut self) -> Vec<u8> {
        let start = self.bytes.len() as u32;
        for entry in &self.entries {
            self.bytes.extend(entry.directory_header());
        }
        let size = self.bytes.len() as u32 - start;
        let count = self.entries.len() as u16;
        let end = [
            b"PK\x05\x06\0\0\0\0".to_vec(),
            count.to_le_bytes().to_vec(),
            count.to_le_bytes().to_vec(),
            size.to_le_bytes().to_vec(),
            start.to_le_bytes().to_vec(),
            vec![0, 0],
        ];
        self.bytes.extend(end.concat());
        self.bytes
    }

    /// Changes the last entry in its directory and in its local header.
    fn last(mut self, change: impl FnOnce(&mut Entry)) -> Self {
        let entry = self.entries.last_mut().expect("an entry");
        change(entry);
        let (at, header) = (entry.offset as usize, entry.local_header());
        self.bytes[at..at + header.len()].copy_from_slice(&header);
        self
    }
}

/// What a well-meaning library makes of these bytes, without its headers.
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("x", SimpleFileOptions::default().compression_method(CompressionMethod::Deflated)).unwrap();
    writer.write_all(bytes).unwrap();
    let mut archive = ZipArchive::new(writer.finish().unwrap()).unwrap();
    let mut packed = Vec::new();
    archive.by_index_raw(0).unwrap().read_to_end(&mut packed).unwrap();
    packed
}

impl Entry {
    fn local_header(&self) -> Vec<u8> {
        let version_needed = 20_u16;
        [b"PK\x03\x04".to_vec(), version_needed.to_le_bytes().to_vec(), self.common(), self.name.clone()].concat()
    }

    fn directory_header(&self) -> Vec<u8> {
        // Made by Unix, so that the mode counts.
        let (made_by, needed) = (3_u16 << 8 | 20, 20_u16);
        let comment_disk_attributes = [0_u8; 6];
        [
            b"PK\x01\x02".to_vec(),
            made_by.to_le_bytes().to_vec(),
            needed.to_le_bytes().to_vec(),
            self.common(),
            comment_disk_attributes.to_vec(),
            (self.mode << 16).to_le_bytes().to_vec(),
            self.offset.to_le_bytes().to_vec(),
            self.name.clone(),
        ]
        .concat()
    }

    /// What both headers hold, from the flags to the length of the extra field.
    fn common(&self) -> Vec<u8> {
        let (time, date) = (0_u16, 0x21_u16);
        let name_bytes = self.name.len() as u16;
        [
            self.flags.to_le_bytes().to_vec(),
            self.method.to_le_bytes().to_vec(),
            time.to_le_bytes().to_vec(),
            date.to_le_bytes().to_vec(),
            self.crc32.to_le_bytes().to_vec(),
            self.packed_bytes.to_le_bytes().to_vec(),
            self.unpacked_bytes.to_le_bytes().to_vec(),
            name_bytes.to_le_bytes().to_vec(),
            vec![0, 0],
        ]
        .concat()
    }
}
