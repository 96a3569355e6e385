//! `whatsapp-export`, native, over a folder of plain files.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::FileExt as _,
    path::PathBuf,
    sync::Arc,
};

use chancery::{
    item::{self, BlobRef, BlobSink, Content, Failure, Interval, NextMove, Page},
    pipeline::{PullRequest, Reading, Source},
};
use futures::future::BoxFuture;
use kit::{
    Blob, Error, ErrorKind, Source as _,
    source::{ArchiveEntry, FolderEntry, HttpFetched, HttpRequest, HttpResponse},
};

use super::words::{event, hex, same};

/// The `whatsapp-export` source, linked.
pub(crate) struct WhatsappExport {
    base: PathBuf,
    settings: String,
}

impl WhatsappExport {
    /// Reads below `base`.
    pub(crate) fn new(base: PathBuf, settings: String) -> Self {
        Self { base, settings }
    }
}

impl Source for WhatsappExport {
    fn pull<'a>(
        &'a mut self,
        request: PullRequest<'a>,
        blobs: Arc<dyn BlobSink>,
    ) -> BoxFuture<'a, Result<Page, Failure>> {
        Box::pin(async move {
            let mut host = Folder { base: &self.base, blobs, kept: Vec::new() };
            let request = kit::source::PullRequest {
                reading: match request.reading {
                    Reading::Window(window) => kit::source::Reading::Window(kit::Window {
                        start: window.start_ms.unwrap_or_default(),
                        end: window.end_ms,
                    }),
                    Reading::Since => kit::source::Reading::Since,
                    Reading::File(path) => kit::source::Reading::File(path.clone()),
                },
                account: request.account.to_owned(),
                bookmark: request.bookmark.map(<[u8]>::to_vec),
                cursor: request.cursor.map(<[u8]>::to_vec),
                max_items: request.max_items,
            };
            let page = whatsapp_export::WhatsappExport::pull(&mut host, &self.settings, request)
                .map_err(|error| Failure::new(error.code, NextMove::Reject, error.message))?;
            Ok(take(page, &host.kept))
        })
    }

    fn totals<'a>(&'a mut self, _: &'a str, _: Interval) -> BoxFuture<'a, Result<Option<u64>, Failure>> {
        Box::pin(async { Ok(None) })
    }
}

/// What the plugin may ask for: files below one folder.
struct Folder<'a> {
    base: &'a PathBuf,
    blobs: Arc<dyn BlobSink>,
    /// What was kept in this call; a handle is an index.
    kept: Vec<BlobRef>,
}

impl Folder<'_> {
    fn open(&self, path: &str) -> Result<File, Error> {
        File::open(self.base.join(path)).map_err(|error| refused(&error))
    }
}

fn refused(error: &io::Error) -> Error {
    Error::new(ErrorKind::Rejected, "not-found", error.to_string())
}

fn absent(what: &str) -> Error {
    Error::new(ErrorKind::Misconfigured, "no-power", format!("the benchmark gives no {what}"))
}

impl kit::Host for Folder<'_> {
    fn http_send(&mut self, _: HttpRequest) -> Result<HttpResponse, Error> {
        Err(absent("network"))
    }

    fn http_fetch(&mut self, _: HttpRequest) -> Result<HttpFetched, Error> {
        Err(absent("network"))
    }

    fn folder_entries(&mut self, under: &str) -> Result<Vec<FolderEntry>, Error> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(self.base.join(under)).map_err(|error| refused(&error))? {
            let entry = entry.map_err(|error| refused(&error))?;
            let metadata = entry.metadata().map_err(|error| refused(&error))?;
            let path = format!("{under}/{}", entry.file_name().to_string_lossy());
            entries.push(FolderEntry { path, size: metadata.len(), modified: 0 });
        }
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }

    fn folder_read(&mut self, path: &str, offset: u64, max: u32) -> Result<Vec<u8>, Error> {
        let file = self.open(path)?;
        let mut bytes = vec![0; max as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], offset + filled as u64).map_err(|error| refused(&error))? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn folder_keep(&mut self, path: &str) -> Result<Blob, Error> {
        let mut file = self.open(path)?;
        let mut keep = || -> io::Result<BlobRef> {
            let mut writer = self.blobs.create()?;
            file.seek(SeekFrom::Start(0))?;
            let mut chunk = vec![0; 64 << 10];
            loop {
                match file.read(&mut chunk)? {
                    0 => return writer.finish(),
                    read => writer.write(&chunk[..read])?,
                }
            }
        };
        let blob = keep().map_err(|error| refused(&error))?;
        let handle = u32::try_from(self.kept.len()).map_err(|_| absent("room for more files"))?;
        let answer = Blob { handle, size: blob.size, sha256: hex(&blob.sha256) };
        self.kept.push(blob);
        Ok(answer)
    }

    fn archive_entries(&mut self, _: &str) -> Result<Vec<ArchiveEntry>, Error> {
        Err(absent("archives"))
    }

    fn archive_read(&mut self, _: &str, _: u32, _: u64, _: u32) -> Result<Vec<u8>, Error> {
        Err(absent("archives"))
    }

    fn archive_keep(&mut self, _: &str, _: u32) -> Result<Blob, Error> {
        Err(absent("archives"))
    }

    fn blob_create(&mut self) -> Result<u32, Error> {
        Err(absent("blobs"))
    }

    fn blob_write(&mut self, _: u32, _: &[u8]) -> Result<(), Error> {
        Err(absent("blobs"))
    }

    fn blob_finish(&mut self, _: u32) -> Result<Blob, Error> {
        Err(absent("blobs"))
    }
}

fn take(page: kit::source::Page, kept: &[BlobRef]) -> Page {
    let kit::source::Page { people, conversations, items, unreadable, cursor, bookmark, progress } = page;
    Page {
        people: people
            .into_iter()
            .map(|kit::Person { id, name, phone, email, internal, extensions }| item::Person {
                id,
                name,
                phone,
                email,
                internal,
                extensions,
            })
            .collect(),
        conversations: conversations
            .into_iter()
            .map(|kit::Conversation { id, kind, title, extensions }| item::Conversation {
                id,
                kind: same!(kind, kit => item, ConversationKind { Direct, Group, Channel, Other }),
                title,
                extensions,
            })
            .collect(),
        items: items.into_iter().map(|item| take_item(item, kept)).collect(),
        unreadable: unreadable
            .into_iter()
            .map(|kit::source::Unreadable { id, code, message, sent_at, original }| item::Unreadable {
                id,
                code,
                message,
                sent_at_ms: sent_at,
                original,
            })
            .collect(),
        cursor,
        bookmark,
        progress,
    }
}

fn take_item(item: kit::Item, kept: &[BlobRef]) -> item::Item {
    item::Item {
        id: item.id,
        event: event!(item.event, kit => item),
        revision: item.revision,
        conversation: item.conversation,
        sender: item.sender,
        owner: item.owner,
        participants: item.participants,
        direction: item.direction.map(|direction| same!(direction, kit => item, Direction { Incoming, Outgoing })),
        sent_at_ms: item.sent_at,
        zone: item.zone,
        text: item.text,
        previous_text: item.previous_text,
        refers_to: item.refers_to.map(|kit::Reference { id, event, revision }| item::Reference {
            id,
            event: event!(event, kit => item),
            revision,
        }),
        call: item.call.map(|kit::Call { video, outcome, duration_ms }| item::Call {
            video,
            outcome: same!(outcome, kit => item, CallOutcome { Answered, Missed, Declined, Failed, Unknown }),
            duration_ms,
        }),
        attachments: item
            .attachments
            .into_iter()
            .map(|attachment| item::Attachment {
                name: attachment.name,
                media_type: attachment.media_type,
                size: attachment.size,
                content: match attachment.content {
                    kit::Content::Present(blob) => kept.get(blob.handle as usize).map_or_else(
                        || Content::Missing("not-found".to_owned()),
                        |blob| Content::Present(blob.clone()),
                    ),
                    kit::Content::Withheld(kit::Withheld { reason, limit }) => {
                        Content::Withheld { reason, limit_bytes: limit }
                    }
                    kit::Content::Missing(reason) => Content::Missing(reason),
                },
                extensions: attachment.extensions,
            })
            .collect(),
        original: item.original,
        extensions: item.extensions,
    }
}
