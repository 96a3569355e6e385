//! What a guest writes to stdout and stderr: the tail is kept for the diagnostic, a flood ends the call.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use super::limits::Stop;
use crate::item::limits;

/// Bytes a guest may write at once; WASI's customary chunk.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// The tail of one call's output. Clones share it; stdout and stderr are one.
#[derive(Clone, Debug)]
pub(super) struct GuestLog {
    tail: Arc<Mutex<Tail>>,
}

#[derive(Debug)]
struct Tail {
    bytes: Vec<u8>,
    written_bytes: usize,
    bytes_max: usize,
}

impl GuestLog {
    /// A log that ends the call after `bytes_max` bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { tail: Arc::new(Mutex::new(Tail { bytes: Vec::new(), written_bytes: 0, bytes_max })) }
    }

    /// Forgets the last call's output.
    pub(super) fn clear(&self) {
        let mut tail = self.lock();
        tail.bytes.clear();
        tail.written_bytes = 0;
    }

    /// The last `limits::GUEST_LOG_BYTES_MAX` bytes of the call, as text; a cut character at the front is left out.
    pub(super) fn text(&self) -> String {
        let tail = self.lock();
        let start = tail.bytes.len().saturating_sub(limits::GUEST_LOG_BYTES_MAX);
        let cut = tail.bytes[start..].iter().take_while(|byte| start > 0 && **byte & 0xc0 == 0x80).count();
        String::from_utf8_lossy(&tail.bytes[start + cut..]).trim().to_owned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, bytes: &[u8]) -> Result<(), Stop> {
        let mut tail = self.lock();
        tail.written_bytes = tail.written_bytes.saturating_add(bytes.len());
        tail.bytes.extend_from_slice(bytes);
        if tail.bytes.len() > 2 * limits::GUEST_LOG_BYTES_MAX {
            let surplus = tail.bytes.len() - limits::GUEST_LOG_BYTES_MAX;
            tail.bytes.drain(..surplus);
        }
        if tail.written_bytes > tail.bytes_max { Err(Stop::LogFlood(tail.bytes_max)) } else { Ok(()) }
    }
}

impl IsTerminal for GuestLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestLog {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for it, which is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for GuestLog {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes).map_err(|stop| StreamError::Trap(stop.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestLog {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing unwrap is a failing test")]
    use super::*;

    #[test]
    fn the_tail_is_kept_and_begins_with_a_whole_character() {
        let log = GuestLog::new(usize::MAX);
        for _ in 0..10_000 {
            log.append("ä€".as_bytes()).unwrap();
        }
        log.append(b"end\n").unwrap();
        let text = log.text();
        assert!(text.ends_with("ä€end"), "trimmed");
        assert!(!text.contains('\u{fffd}'), "no half character");
        assert!(text.len() <= limits::GUEST_LOG_BYTES_MAX);
        log.clear();
        assert_eq!(log.text(), "");
    }

    #[test]
    fn a_flood_ends_the_call_and_keeps_its_tail() {
        let log = GuestLog::new(10);
        log.append(b"0123456789").unwrap();
        assert!(matches!(log.append(b"x"), Err(Stop::LogFlood(10))));
        assert_eq!(log.text(), "0123456789x");
    }
}
