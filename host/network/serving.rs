//! TLS of whoever comes to the host: its own certificate, and a stream that is encrypted or not.

use std::{
    fs, io,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{Accept, TlsAcceptor, server::TlsStream};
use zeroize::Zeroizing;

use super::tls::install_provider;
use crate::item::{Failure, NextMove};

/// The certificate that the host shows; it may be replaced while the host serves.
#[derive(Clone)]
pub struct ServerCertificate(Arc<Mutex<TlsAcceptor>>);

impl ServerCertificate {
    /// Reads a chain and its key from files in PEM.
    ///
    /// # Errors
    /// `console-certificate`: a file cannot be read, or the two do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, Failure> {
        Ok(Self(Arc::new(Mutex::new(acceptor(certificate, key)?))))
    }

    /// Shows another one from the next connection on.
    ///
    /// # Errors
    /// As [`ServerCertificate::read`]; the one before is shown on.
    pub fn replace(&self, certificate: &Path, key: &Path) -> Result<(), Failure> {
        let acceptor = acceptor(certificate, key)?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    /// A stream on which the host is greeted when it is first read.
    pub fn accept(&self, stream: TcpStream) -> ServerStream {
        let acceptor = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ServerStream(State::Greeting(Box::new(acceptor.accept(stream))))
    }
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, Failure> {
    let wrong = |path: &Path, why: &dyn std::fmt::Display| {
        let message = format!("the console's certificate cannot be used, `{}`: {why}", path.display());
        Failure::new("console-certificate", NextMove::AskPerson, message)
            .hint("`[console] tls` names a chain and its private key, both in PEM, which this user may read")
    };
    let read = |path: &Path| fs::read(path).map(Zeroizing::new).map_err(|error| wrong(path, &error));
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|_| wrong(certificate, &"it is not PEM"))?;
    if chain.is_empty() {
        return Err(wrong(certificate, &"it holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| wrong(key, &"it holds no private key"))?;
    install_provider();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private);
    let mut config = config.map_err(|error| wrong(certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A connection that somebody has made to the host.
pub struct ServerStream(State);

enum State {
    Plain(TcpStream),
    /// The greeting takes place where the stream is used, so that a slow one holds up nobody else.
    Greeting(Box<Accept<TcpStream>>),
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl ServerStream {
    /// One that is not encrypted.
    pub fn plain(stream: TcpStream) -> Self {
        Self(State::Plain(stream))
    }

    fn poll_greeting(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let State::Greeting(accept) = &mut self.0 {
            let stream = ready!(Pin::new(accept.as_mut()).poll(context))?;
            self.0 = State::Encrypted(Box::new(stream));
        }
        Poll::Ready(Ok(()))
    }

    /// The stream as it is after the greeting.
    fn poll_stream(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut (dyn Both + Unpin)>>> {
        ready!(self.poll_greeting(context))?;
        Poll::Ready(match &mut self.0 {
            State::Plain(stream) => Ok(Pin::new(stream)),
            State::Encrypted(stream) => Ok(Pin::new(stream.as_mut())),
            State::Greeting(_) => Err(io::ErrorKind::NotConnected.into()),
        })
    }
}

/// What is read and written.
trait Both: AsyncRead + AsyncWrite {}

impl<T: AsyncRead + AsyncWrite> Both for T {}

impl AsyncRead for ServerStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(context))?.poll_read(context, into)
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_stream(context))?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_stream(context))?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Who was not greeted is not said goodbye to.
        if matches!(self.0, State::Greeting(_)) {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_stream(context))?.poll_shutdown(context)
    }
}
