//! A message as it is sent: attachments come from the stage piece by piece, so that memory stays flat.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::Arc,
};

use tokio::{sync::mpsc, task::JoinHandle};

use crate::item::{BlobSource, Failure, Message};

/// Bytes of a message with attachments that are under way from the stage at once, in pieces.
const PIECE_BYTES: usize = 64 << 10;
const PIECES_MAX: usize = 4;

/// The bytes of a message, in order.
pub(super) enum Pieces<'a> {
    /// Without attachments it is at hand; none once it was taken.
    Whole(Option<&'a [u8]>),
    /// The rest comes from a thread that may wait for the stage.
    Coming { pieces: mpsc::Receiver<Vec<u8>>, reading: Option<JoinHandle<io::Result<()>>> },
}

impl<'a> Pieces<'a> {
    pub(super) fn of(message: &'a Message, blobs: &Arc<dyn BlobSource>) -> Self {
        if message.splices.is_empty() {
            return Self::Whole(Some(&message.skeleton));
        }
        let (to, pieces) = mpsc::channel(PIECES_MAX);
        let (message, blobs) = (message.clone(), Arc::clone(blobs));
        let reading = tokio::task::spawn_blocking(move || {
            let mut out = Gathering { to, gathered: Vec::with_capacity(PIECE_BYTES) };
            message.write_to(&mut out, &*blobs).and_then(|()| out.flush())
        });
        Self::Coming { pieces, reading: Some(reading) }
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// An attachment cannot be read. What was sent of the message is not the whole of it: it must not be ended.
    pub(super) async fn next(&mut self) -> Result<Option<Cow<'a, [u8]>>, Failure> {
        match self {
            Self::Whole(whole) => Ok(whole.take().map(Cow::Borrowed)),
            Self::Coming { pieces, reading } => {
                if let Some(piece) = pieces.recv().await {
                    return Ok(Some(Cow::Owned(piece)));
                }
                let Some(reading) = reading.take() else { return Ok(None) };
                let read = reading.await.unwrap_or_else(|error| Err(io::Error::other(error)));
                read.map(|()| None).map_err(|error| Failure::of_attachment(&error))
            }
        }
    }
}

/// Hands on what is written, in pieces of a size.
struct Gathering {
    to: mpsc::Sender<Vec<u8>>,
    gathered: Vec<u8>,
}

impl Write for Gathering {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.gathered, Vec::with_capacity(PIECE_BYTES));
        // Nobody listens any more: the connection broke, and says so itself.
        self.to.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;
    use crate::item::{BlobRef, NextMove, Splice};

    /// So many bytes, and then what happens.
    struct Staged(Option<fn() -> io::Error>);

    struct Broken(fn() -> io::Error);

    /// How reading ends, and as what.
    type Row = (fn() -> io::Error, &'static str, NextMove);

    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(self.0())
        }
    }

    impl BlobSource for Staged {
        fn open(&self, blob: &BlobRef) -> io::Result<Box<dyn io::Read + Send>> {
            let bytes = io::Read::take(io::repeat(7), blob.size);
            Ok(match self.0 {
                None => Box::new(bytes),
                Some(error) => Box::new(io::Read::chain(io::Read::take(bytes, blob.size / 2), Broken(error))),
            })
        }
    }

    fn message(sizes: &[u64]) -> Message {
        let splice = |&size: &u64| Splice { offset: 6, blob: BlobRef { name: [0; 32], size, sha256: [0; 32] } };
        Message {
            skeleton: Arc::from(&b"a: b\r\nend\r\n"[..]),
            splices: sizes.iter().map(splice).collect(),
            message_id: "<a@b>".into(),
        }
    }

    async fn gathered(pieces: &mut Pieces<'_>) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await? {
            assert!(piece.len() < 4 * PIECE_BYTES, "{} bytes at once", piece.len());
            bytes.extend_from_slice(&piece);
        }
        assert!(pieces.next().await?.is_none(), "the end stays the end");
        Ok(bytes)
    }

    #[tokio::test]
    async fn pieces_are_the_message() {
        let blobs: Arc<dyn BlobSource> = Arc::new(Staged(None));
        for sizes in [&[][..], &[0], &[1_000_000], &[70_000, 3]] {
            let message = message(sizes);
            let mut expect = Vec::new();
            message.write_to(&mut expect, &*blobs).unwrap();
            assert!(gathered(&mut Pieces::of(&message, &blobs)).await.unwrap() == expect, "{sizes:?}");
        }
    }

    #[tokio::test]
    async fn what_the_stage_says_of_an_attachment_is_passed_on() {
        let away = || {
            Failure::new("store-unreachable", NextMove::Retry { after: None }, "away").into_io(io::ErrorKind::TimedOut)
        };
        let table: [Row; 2] = [
            (|| io::ErrorKind::NotFound.into(), "stage-attachment-lost", NextMove::Stop),
            (away, "store-unreachable", NextMove::Retry { after: None }),
        ];
        for (error, code, next) in table {
            let blobs: Arc<dyn BlobSource> = Arc::new(Staged(Some(error)));
            let failure = gathered(&mut Pieces::of(&message(&[200_000]), &blobs)).await.unwrap_err();
            assert_eq!((&*failure.code, failure.next), (code, next));
        }
    }
}
