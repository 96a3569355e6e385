//! An export: its lines, and the files that lie beside them.

use kit::{Attachment, Content, Error, ErrorKind, Host, Withheld};

/// Bytes read at once.
const CHUNK_BYTES: u32 = 1 << 20;
/// Longest line: a post with all its replies.
pub(crate) const LINE_BYTES_MAX: usize = 16 << 20;
/// The lines in an archive.
const LINES: &str = "import.jsonl";

/// Where an export's lines are.
pub(crate) enum Export {
    /// A file, with `data` beside it.
    Unpacked {
        /// Its path.
        path: String,
    },
    /// An entry of an archive.
    Archive {
        /// The archive.
        path: String,
        /// The entry with the lines.
        lines: u32,
    },
}

/// A line.
pub(crate) struct Line {
    /// Its bytes, without its end; of one that is too long, the first of them.
    pub(crate) bytes: Vec<u8>,
    /// Whether all of it is there.
    pub(crate) is_whole: bool,
    /// Byte behind its end.
    pub(crate) end: u64,
}

impl Export {
    /// Finds the lines.
    pub(crate) fn open(host: &mut dyn Host, path: &str) -> Result<Self, Error> {
        if !path.to_lowercase().ends_with(".zip") {
            return Ok(Self::Unpacked { path: path.to_owned() });
        }
        let entries = host.archive_entries(path)?;
        let of_name = entries.iter().find(|entry| entry.name == LINES);
        let lines = of_name.or_else(|| entries.iter().find(|entry| entry.name.to_lowercase().ends_with(".jsonl")));
        match lines {
            Some(entry) => Ok(Self::Archive { path: path.to_owned(), lines: entry.index }),
            None => Err(Error::new(
                ErrorKind::Rejected,
                "not-a-mattermost-export",
                format!("nothing was taken from `{path}`: it holds no `{LINES}`"),
            )
            .hint("make it with `mmctl export create`, and copy it as it is")),
        }
    }

    fn read(&self, host: &mut dyn Host, at: u64) -> Result<Vec<u8>, Error> {
        match self {
            Self::Unpacked { path } => host.folder_read(path, at, CHUNK_BYTES),
            Self::Archive { path, lines } => host.archive_read(path, *lines, at, CHUNK_BYTES),
        }
    }

    /// A file that a post names, below `data`.
    pub(crate) fn file(&self, host: &mut dyn Host, name: &str) -> Result<Attachment, Error> {
        let shown = name.rsplit('/').next().filter(|last| !last.is_empty()).unwrap_or(name);
        let missing = |reason: &str| Content::Missing(reason.to_owned());
        let is_plain =
            !name.is_empty() && !name.starts_with('/') && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        let kept = if !is_plain || name.contains(['\\', '\0']) {
            Ok(missing("path-unsafe"))
        } else {
            match self {
                Self::Unpacked { path } => {
                    let beside = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    let below = [format!("{beside}/data/{name}"), format!("{beside}/{name}")];
                    let known = host.folder_entries(beside)?;
                    match below.iter().find(|path| known.iter().any(|entry| entry.path == **path)) {
                        Some(path) => host.folder_keep(path).map(Content::Present),
                        None => Ok(missing("not-found")),
                    }
                }
                Self::Archive { path, .. } => {
                    let entries = host.archive_entries(path)?;
                    let below = [format!("data/{name}"), name.to_owned()];
                    match entries.iter().find(|entry| below.contains(&entry.name)) {
                        Some(entry) => host.archive_keep(path, entry.index).map(Content::Present),
                        None => Ok(missing("not-found")),
                    }
                }
            }
        };
        let content = match kept {
            Ok(content) => content,
            Err(error) if error.code == "too-large" => {
                Content::Withheld(Withheld { reason: "too-large".to_owned(), limit: None })
            }
            Err(error) if error.kind == ErrorKind::Rejected => missing("not-readable"),
            Err(error) => return Err(error),
        };
        let size = match &content {
            Content::Present(blob) => Some(blob.size),
            Content::Withheld(_) | Content::Missing(_) => None,
        };
        let name = shown.get(..shown.floor_char_boundary(1_000)).unwrap_or_default().to_owned();
        Ok(Attachment { name: Some(name), media_type: None, size, content, extensions: Vec::new() })
    }
}

/// Lines from a byte on.
pub(crate) struct Lines<'a> {
    export: &'a Export,
    chunk: Vec<u8>,
    /// What of the chunk was given.
    place: usize,
    /// Where the chunk begins.
    chunk_at: u64,
}

impl<'a> Lines<'a> {
    /// Begins at a line.
    pub(crate) fn new(export: &'a Export, at: u64) -> Self {
        Self { export, chunk: Vec::new(), place: 0, chunk_at: at }
    }

    /// The next line; none at the end.
    pub(crate) fn next(&mut self, host: &mut dyn Host) -> Result<Option<Line>, Error> {
        let mut line = Line { bytes: Vec::new(), is_whole: true, end: self.at() };
        loop {
            if self.place >= self.chunk.len() {
                self.chunk_at = self.at();
                self.place = 0;
                self.chunk = self.export.read(host, self.chunk_at)?;
                if self.chunk.is_empty() {
                    line.end = self.chunk_at;
                    return Ok((!line.bytes.is_empty()).then_some(line));
                }
            }
            let rest = self.chunk.get(self.place..).unwrap_or_default();
            let found = rest.iter().position(|byte| *byte == b'\n');
            let part = rest.get(..found.unwrap_or(rest.len())).unwrap_or_default();
            let room = LINE_BYTES_MAX.saturating_sub(line.bytes.len());
            line.is_whole &= part.len() <= room;
            line.bytes.extend_from_slice(part.get(..part.len().min(room)).unwrap_or_default());
            self.place += part.len() + usize::from(found.is_some());
            if found.is_some() {
                line.end = self.at();
                return Ok(Some(line));
            }
        }
    }

    fn at(&self) -> u64 {
        self.chunk_at + self.place as u64
    }
}
