//! A pull tokenizer for tags and their attributes. Files in `data` go to the host while they are read.

use kit::{Attachment, Content, Error, Host, Withheld};

/// Bytes read at once.
const CHUNK_BYTES: u32 = 256 * 1024;
/// Bytes of a file handed on at once.
const WRITE_BYTES: usize = 256 * 1024;
/// Limit of one value that is no file.
const VALUE_BYTES_MAX: usize = 1024 * 1024;
/// Limit of the attributes of one tag.
const ATTRIBUTES_MAX: usize = 256;
/// Limit of all values of one record that are no files.
const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a record that are kept.
const ORIGINAL_BYTES_MAX: usize = 64 * 1024;

/// Why a tag could not be read.
pub(crate) enum Trouble {
    /// The file ends.
    End,
    /// It is broken: why.
    Broken(&'static str),
    /// The host failed.
    Host(Error),
}

/// A tag with its attributes, decoded.
#[derive(Default)]
pub(crate) struct Tag {
    /// Name; with a slash before it for an end.
    pub(crate) name: String,
    /// It ends itself.
    pub(crate) empty: bool,
    /// Attributes.
    pub(crate) attributes: Vec<(String, String)>,
    /// The file in `data`.
    pub(crate) data: Option<Content>,
    /// The file had characters that are no base64; they were left out.
    pub(crate) damaged: bool,
}

impl Tag {
    /// A value that says something.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let value = self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty() && *value != "null")
    }

    /// A part as a file.
    pub(crate) fn attachment(&self) -> Attachment {
        let name = ["cl", "fn", "name"].into_iter().find_map(|name| self.get(name)).map(crate::record::name);
        let content = self.data.clone().unwrap_or_else(|| Content::Missing("not-found".to_owned()));
        let damaged = self.damaged.then(|| ("base64".to_owned(), "damaged".to_owned()));
        let extensions = damaged.into_iter().collect();
        let size = match &content {
            Content::Present(blob) => Some(blob.size),
            _ => None,
        };
        Attachment { name, media_type: self.get("ct").map(crate::record::name), size, content, extensions }
    }
}

/// A file read forwards.
pub(crate) struct Tokens<'a> {
    host: &'a mut dyn Host,
    path: &'a str,
    chunk: Vec<u8>,
    place: usize,
    chunk_at: u64,
    /// The record's bytes, without files.
    pub(crate) original: Vec<u8>,
    /// Bytes of the record's values so far, without files.
    held: usize,
}

impl<'a> Tokens<'a> {
    /// Begins at a byte.
    pub(crate) fn new(host: &'a mut dyn Host, path: &'a str, at: u64) -> Self {
        Self { host, path, chunk: Vec::new(), place: 0, chunk_at: at, original: Vec::new(), held: 0 }
    }

    /// A record begins here.
    pub(crate) fn begin(&mut self) {
        self.original.clear();
        self.held = 0;
    }

    /// The next byte's place.
    pub(crate) fn at(&self) -> u64 {
        self.chunk_at + self.place as u64
    }

    /// Goes elsewhere.
    pub(crate) fn seek(&mut self, at: u64) {
        match at.checked_sub(self.chunk_at).and_then(|place| usize::try_from(place).ok()) {
            Some(place) if place <= self.chunk.len() => self.place = place,
            _ => (self.chunk, self.place, self.chunk_at) = (Vec::new(), 0, at),
        }
    }

    fn peek(&mut self) -> Result<u8, Trouble> {
        if self.place >= self.chunk.len() {
            self.chunk_at = self.at();
            self.place = 0;
            self.chunk = self.host.folder_read(self.path, self.chunk_at, CHUNK_BYTES).map_err(Trouble::Host)?;
        }
        self.chunk.get(self.place).copied().ok_or(Trouble::End)
    }

    fn skip(&mut self) {
        self.place += 1;
    }

    fn next(&mut self) -> Result<u8, Trouble> {
        let byte = self.peek()?;
        self.skip();
        if self.original.len() < ORIGINAL_BYTES_MAX {
            self.original.push(byte);
        }
        Ok(byte)
    }

    fn space(&mut self) -> Result<(), Trouble> {
        while self.peek()?.is_ascii_whitespace() {
            self.next()?;
        }
        Ok(())
    }

    /// Up to the next `<` that is a tag; comments and declarations are passed by.
    pub(crate) fn find_tag(&mut self) -> Result<(), Trouble> {
        loop {
            while self.peek()? != b'<' {
                self.skip();
            }
            let start = self.at();
            self.skip();
            let byte = self.peek()?;
            if byte != b'!' && byte != b'?' {
                self.seek(start);
                return Ok(());
            }
            let mut last = [0_u8; 2];
            let comment = byte == b'!';
            self.skip();
            let comment = comment && self.peek()? == b'-';
            loop {
                let byte = self.peek()?;
                self.skip();
                if byte == b'>' && (!comment || last == *b"--") {
                    break;
                }
                last = [last[1], byte];
            }
        }
    }

    fn name(&mut self) -> Result<String, Trouble> {
        let mut name = Vec::new();
        while !matches!(self.peek()?, b'=' | b'>' | b'/' | b'<' | b'"' | b'\'') && !self.peek()?.is_ascii_whitespace() {
            name.push(self.next()?);
            if name.len() > 128 {
                return Err(Trouble::Broken("a name is too long"));
            }
        }
        if name.is_empty() {
            Err(Trouble::Broken("a name is missing"))
        } else {
            Ok(String::from_utf8_lossy(&name).into_owned())
        }
    }

    /// The name of the tag that begins here.
    pub(crate) fn tag_name(&mut self) -> Result<String, Trouble> {
        self.next()?;
        let slash = self.peek()? == b'/';
        if slash {
            self.next()?;
        }
        self.name().map(|name| if slash { format!("/{name}") } else { name })
    }

    /// The tag that begins here.
    pub(crate) fn tag(&mut self) -> Result<Tag, Trouble> {
        let mut tag = Tag { name: self.tag_name()?, ..Tag::default() };
        loop {
            self.space()?;
            match self.peek()? {
                b'>' => {
                    self.next()?;
                    return Ok(tag);
                }
                b'/' => {
                    self.next()?;
                    tag.empty = true;
                    continue;
                }
                _ => {}
            }
            let name = self.name()?;
            self.space()?;
            if self.next()? != b'=' {
                return Err(Trouble::Broken("an attribute has no value"));
            }
            self.space()?;
            let quote = self.next()?;
            if quote != b'"' && quote != b'\'' {
                return Err(Trouble::Broken("a value has no quotation mark"));
            }
            if tag.name == "part" && name == "data" {
                tag.data = Some(self.file(quote, &mut tag.damaged)?);
                continue;
            }
            let mut raw = Vec::new();
            loop {
                match self.next()? {
                    byte if byte == quote => break,
                    b'<' => return Err(Trouble::Broken("a value is not closed")),
                    byte => raw.push(byte),
                }
                if raw.len() > VALUE_BYTES_MAX {
                    return Err(Trouble::Broken("a value is over 1 MiB"));
                }
            }
            self.held += raw.len();
            if self.held > RECORD_BYTES_MAX {
                return Err(Trouble::Broken("its values are over 4 MiB"));
            }
            if tag.attributes.len() >= ATTRIBUTES_MAX {
                return Err(Trouble::Broken("it has more than 256 attributes"));
            }
            tag.attributes.push((name, crate::entity::decode(&raw)));
        }
    }

    /// Base64 into a blob, a piece at a time.
    fn file(&mut self, quote: u8, damaged: &mut bool) -> Result<Content, Trouble> {
        let writer = self.host.blob_create().map_err(Trouble::Host)?;
        let (mut bits, mut held, mut piece) = (0_u32, 0_u32, Vec::with_capacity(WRITE_BYTES));
        let mut content = None;
        loop {
            let byte = self.peek()?;
            if byte == b'<' {
                return Err(Trouble::Broken("a file is not closed"));
            }
            self.skip();
            if byte == quote {
                break;
            }
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                b'=' | b'\n' | b'\r' | b' ' | b'\t' => continue,
                _ => {
                    *damaged = true;
                    continue;
                }
            };
            (bits, held) = ((bits << 6) | u32::from(value), held + 6);
            if held >= 8 {
                held -= 8;
                piece.push(u8::try_from((bits >> held) & 0xFF).unwrap_or_default());
                bits &= (1 << held) - 1;
            }
            if piece.len() >= WRITE_BYTES {
                self.write(writer, &mut piece, &mut content)?;
            }
        }
        self.original.push(quote);
        self.write(writer, &mut piece, &mut content)?;
        match content {
            Some(content) => Ok(content),
            None => self.host.blob_finish(writer).map(Content::Present).map_err(Trouble::Host),
        }
    }

    fn write(&mut self, writer: u32, piece: &mut Vec<u8>, content: &mut Option<Content>) -> Result<(), Trouble> {
        if content.is_none() && !piece.is_empty() {
            match self.host.blob_write(writer, piece) {
                Ok(()) => {}
                Err(error) if error.code == "too-large" => {
                    *content = Some(Content::Withheld(Withheld { reason: "too-large".to_owned(), limit: None }));
                }
                Err(error) => return Err(Trouble::Host(error)),
            }
        }
        piece.clear();
        Ok(())
    }
}
