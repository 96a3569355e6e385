//! An answer's body that can be made piece by piece, be slow, and break off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

/// A body of known length.
pub(crate) struct Pieces {
    pieces: Box<dyn Iterator<Item = Vec<u8>> + Send>,
    /// Bytes announced and not yet sent.
    left_bytes: u64,
    /// Bytes after which the connection breaks.
    break_after_bytes: Option<u64>,
    /// True once the bytes before the break had their chance to be sent.
    flushed: bool,
    pause: Option<Duration>,
    pausing: Option<Pin<Box<Sleep>>>,
}

impl Pieces {
    /// These pieces, `size` bytes in all.
    pub(crate) fn new(pieces: impl Iterator<Item = Vec<u8>> + Send + 'static, size: u64) -> Self {
        Self {
            pieces: Box::new(pieces),
            left_bytes: size,
            break_after_bytes: None,
            flushed: false,
            pause: None,
            pausing: None,
        }
    }

    /// Breaks off in the middle.
    pub(crate) fn broken(self) -> Self {
        Self { break_after_bytes: Some(self.left_bytes / 2), ..self }
    }

    /// Comes in small pieces with a pause before each.
    pub(crate) fn slow(self, piece_bytes: usize, pause: Duration) -> Self {
        let piece_bytes = piece_bytes.max(1);
        let small = self.pieces.flat_map(move |piece| {
            let cut: Vec<_> = piece.chunks(piece_bytes).map(<[u8]>::to_vec).collect();
            cut
        });
        Self { pieces: Box::new(small), pause: Some(pause), ..self }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let body = self.get_mut();
        if body.left_bytes == 0 {
            return Poll::Ready(None);
        }
        if let Some(pause) = body.pause {
            let pausing = body.pausing.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            if pausing.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            body.pausing = None;
        }
        if body.break_after_bytes == Some(0) {
            if !body.flushed {
                // The server sends what it holds when a body is not ready, and drops it when a body fails.
                body.flushed = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, "planted"))));
        }
        let Some(mut piece) = body.pieces.next() else { return Poll::Ready(None) };
        if let Some(left_bytes) = &mut body.break_after_bytes {
            piece.truncate(usize::try_from(*left_bytes).unwrap_or(usize::MAX));
            *left_bytes -= piece.len() as u64;
        }
        body.left_bytes = body.left_bytes.saturating_sub(piece.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left_bytes)
    }
}
