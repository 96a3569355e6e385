//! Connections with limits: so many at once, and none that says nothing for long.

use std::{
    future::Future as _,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};

use crate::network::{ServerCertificate, ServerStream};

/// Takes connections while there are places; others wait in the system's queue.
pub(super) struct Bounded {
    listener: TcpListener,
    certificate: Option<ServerCertificate>,
    places: Arc<Semaphore>,
    /// Time without a byte after which a connection ends.
    idle_max: Duration,
}

impl Bounded {
    /// With a certificate it is encrypted.
    pub(super) fn new(
        listener: TcpListener,
        certificate: Option<ServerCertificate>,
        connections_max: usize,
        idle_max: Duration,
    ) -> Self {
        Self { listener, certificate, places: Arc::new(Semaphore::new(connections_max)), idle_max }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // Nobody closes it.
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return std::future::pending().await };
        // The library's own, which waits a moment when the system has no more files.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let stream = match &self.certificate {
            Some(certificate) => certificate.accept(stream),
            None => ServerStream::plain(stream),
        };
        let idle = Box::pin(tokio::time::sleep(self.idle_max));
        (Connection { stream, idle, idle_max: self.idle_max, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when nothing passes for long.
pub(super) struct Connection {
    stream: ServerStream,
    idle: Pin<Box<Sleep>>,
    idle_max: Duration,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Something passed.
    fn moved(&mut self) {
        let idle = tokio::time::sleep(self.idle_max);
        self.idle.as_mut().set(idle);
    }

    /// Nothing passes now: fails when that is so for too long.
    fn still<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.idle.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, into) {
            Poll::Pending => self.still(context),
            read => {
                self.moved();
                read
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Pending => self.still(context),
            written => {
                self.moved();
                written
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    const IDLE_MAX: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn a_connection_takes_a_place_and_ends_when_nothing_passes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut bounded = Bounded::new(listener, None, 2, IDLE_MAX);
        let address = bounded.local_addr().expect("an address");
        let (mut client, (mut served, _)) =
            (TcpStream::connect(address).await.expect("connected"), bounded.accept().await);
        assert_eq!(bounded.places.available_permits(), 1);
        client.write_all(b"ab").await.expect("written");
        assert_eq!(served.read_u16().await.expect("read"), u16::from_be_bytes(*b"ab"));
        served.write_all(b"c").await.expect("written");
        assert_eq!(client.read_u8().await.expect("read"), b'c');
        let since = Instant::now();
        assert_eq!(served.read_u8().await.expect_err("nothing comes").kind(), io::ErrorKind::TimedOut);
        assert!(since.elapsed() >= IDLE_MAX, "{:?}", since.elapsed());
        drop(served);
        assert_eq!(bounded.places.available_permits(), 2);
    }
}
