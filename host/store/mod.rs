//! Object stores: Azure Blob Storage, S3 and what speaks like it, Google Cloud Storage.
//!
//! What lives here: connections, and names that stand for objects. What may not: what the objects are.
//!
//! Requests go through the one HTTP client of `[network]`. Every object is put whole or not at all, and only where there
//! is none of its name. Calls block: they run on the runtime and are waited for, from whatever thread.

mod provider;
mod trouble;

use std::{
    future::Future,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use bytes::{Buf as _, Bytes};
use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, client::HttpClient, path::Path as Key};
use tokio::{io::AsyncReadExt as _, runtime::Handle, time::timeout};

use crate::{
    item::{Failure, NextMove, limits, network::Network},
    network,
};

use provider::{Connector, build};
pub use provider::{Provider, StorePlace};
use trouble::Asked;

/// An object's name in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// Parts divided by `/`.
    pub folder: String,
    /// The last part.
    pub file: String,
}

/// A connection to an object store.
#[derive(Clone)]
pub struct Store {
    store: Arc<dyn ObjectStore>,
    runtime: Handle,
    label: Arc<str>,
    prefix: Arc<str>,
}

impl Store {
    /// Prepares a connection; nothing is asked yet. Called within a runtime.
    ///
    /// # Errors
    /// `store-misconfigured`, `network-misconfigured`, `egress-denied`.
    pub fn connect(place: &StorePlace, network: &Network) -> Result<Self, Failure> {
        let wrong = |why: String| {
            let message = format!("the object store `{}` cannot be used: {why}", place.container);
            Failure::new("store-misconfigured", NextMove::AskPerson, message)
                .hint("mend the keys that docs/configuration.md lists for it")
        };
        if let Some(endpoint) = &place.endpoint {
            let url = url::Url::parse(endpoint).map_err(|error| wrong(format!("`endpoint` is no URL: {error}")))?;
            let address = match url.host() {
                Some(url::Host::Ipv4(address)) => Some(address.into()),
                Some(url::Host::Ipv6(address)) => Some(address.into()),
                Some(url::Host::Domain(_)) | None => None,
            };
            network::check_literal(network, endpoint, address)?;
            if url.scheme() != "https" && !address.is_some_and(|address| address.is_loopback()) {
                return Err(wrong("`endpoint` must begin with `https://`".to_owned()));
            }
        }
        let runtime = Handle::try_current().map_err(|error| wrong(error.to_string()))?;
        let connector = Connector(HttpClient::new(network::http_client(network)?));
        let store = build(place, connector).map_err(|error| wrong(trouble::words(&error)))?;
        let label = match &place.provider {
            Provider::Azure { account, .. } => format!("azure:{account}/{}", place.container),
            Provider::S3 { .. } => format!("s3:{}", place.container),
            Provider::Gcs { .. } => format!("gcs:{}", place.container),
        };
        let prefix = place.prefix.trim_matches('/').into();
        Ok(Self { store, runtime, label: label.into(), prefix })
    }

    /// The store's name for people.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The names of what is in a folder.
    ///
    /// # Errors
    /// `store-unreachable`, `store-denied`, `store-container-missing`, each carried by the error.
    pub fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        Ok(self.listed(folder)?.into_iter().map(|(name, _)| name).collect())
    }

    /// Keeps bytes under a name, if there is nothing of that name yet.
    ///
    /// # Errors
    /// As [`Store::names`].
    pub fn keep(&self, folder: &str, name: &str, bytes: Vec<u8>) -> io::Result<()> {
        let (key, this) = (self.key(folder, name), self.clone());
        self.wait(async move { this.create(&key, bytes.into()).await })?
    }

    /// Keeps files under names, some at once, the last one after all others; what is there already has the same
    /// content. A large one goes in parts, so that it is never whole in memory.
    ///
    /// # Errors
    /// As [`Store::names`]; those of reading the files.
    pub fn keep_files(&self, mut files: Vec<(ObjectName, PathBuf)>) -> io::Result<()> {
        let last = files.pop();
        let this = self.clone();
        self.wait(async move {
            let upload = |(name, path): (ObjectName, PathBuf)| {
                let this = this.clone();
                async move { this.upload(&this.key(&name.folder, &name.file), &path).await }
            };
            futures::stream::iter(files)
                .map(upload)
                .buffer_unordered(limits::STORE_CALLS_AT_ONCE_MAX)
                .try_collect::<()>()
                .await?;
            match last {
                Some(last) => upload(last).await,
                None => Ok(()),
            }
        })?
    }

    /// Reads an object from its beginning.
    ///
    /// # Errors
    /// As [`Store::names`]; of kind `NotFound` when there is no such object.
    pub fn open(&self, folder: &str, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let (key, this) = (self.key(folder, name), self.clone());
        let got = self.wait(async move { this.limited(Asked::Object, this.store.get(&key)).await })??;
        Ok(Box::new(Streamed { store: self.clone(), stream: Some(got.into_stream()), bytes: Bytes::new() }))
    }

    /// Deletes, some at once; what is not there is no error.
    ///
    /// # Errors
    /// As [`Store::names`].
    pub fn delete(&self, names: &[ObjectName]) -> io::Result<()> {
        let keys: Vec<Key> = names.iter().map(|name| self.key(&name.folder, &name.file)).collect();
        let this = self.clone();
        self.wait(async move {
            let delete = |key: Key| {
                let this = this.clone();
                async move {
                    match this.limited(Asked::Object, this.store.delete(&key)).await {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                        _ => Ok(()),
                    }
                }
            };
            futures::stream::iter(keys)
                .map(delete)
                .buffer_unordered(limits::STORE_CALLS_AT_ONCE_MAX)
                .try_collect::<()>()
                .await
        })?
    }

    fn key(&self, folder: &str, name: &str) -> Key {
        Key::from_iter(
            [&*self.prefix, folder]
                .into_iter()
                .flat_map(|part| part.split('/'))
                .chain([name])
                .filter(|part| !part.is_empty()),
        )
    }

    /// What is in a folder, with sizes in bytes; not what is in folders below it.
    ///
    /// # Errors
    /// As [`Store::names`].
    pub fn listed(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let (key, this) = (self.key(folder, ""), self.clone());
        self.wait(async move {
            let listing = this.store.list(Some(&key)).try_collect::<Vec<_>>();
            let listed = this.limited(Asked::Container, listing).await?;
            let named = listed.into_iter().filter_map(|object| {
                let name = object.location.filename()?.to_owned();
                // A folder below this one is somebody else's.
                (object.location.as_ref().len() == key.as_ref().len() + 1 + name.len()).then_some((name, object.size))
            });
            Ok(named.collect())
        })?
    }

    async fn create(&self, key: &Key, bytes: Bytes) -> io::Result<()> {
        let put = self.store.put_opts(key, bytes.into(), PutMode::Create.into());
        match timeout(limits::STORE_CALL_TIME_MAX, put).await {
            Ok(Ok(_) | Err(object_store::Error::AlreadyExists { .. })) => Ok(()),
            Ok(Err(error)) => Err(trouble::of(&self.label, Asked::Container, &error)),
            Err(_) => Err(trouble::timed_out(&self.label)),
        }
    }

    /// A name stands for its content, so that two of the same name and size are the same.
    async fn upload(&self, key: &Key, path: &Path) -> io::Result<()> {
        let mut file = tokio::fs::File::open(path).await?;
        let size = file.metadata().await?.len();
        if size <= limits::STORE_PART_BYTES as u64 {
            let mut bytes = Vec::with_capacity(size as usize);
            file.read_to_end(&mut bytes).await?;
            return self.create(key, bytes.into()).await;
        }
        match timeout(limits::STORE_CALL_TIME_MAX, self.store.head(key)).await {
            Ok(Ok(there)) if there.size == size => return Ok(()),
            Ok(Ok(_) | Err(object_store::Error::NotFound { .. })) => {}
            Ok(Err(error)) => return Err(trouble::of(&self.label, Asked::Container, &error)),
            Err(_) => return Err(trouble::timed_out(&self.label)),
        }
        let mut upload = self.limited(Asked::Container, self.store.put_multipart(key)).await?;
        let parts = async {
            loop {
                let mut part = Vec::with_capacity(limits::STORE_PART_BYTES);
                (&mut file).take(limits::STORE_PART_BYTES as u64).read_to_end(&mut part).await?;
                if part.is_empty() {
                    return self.limited(Asked::Container, upload.complete()).await.map(drop);
                }
                self.limited(Asked::Container, upload.put_part(part.into())).await?;
            }
        };
        let done = parts.await;
        if done.is_err() {
            // The provider removes parts that were never completed, sooner if it is told.
            let _told = timeout(limits::STORE_CALL_TIME_MAX, upload.abort()).await;
        }
        done
    }

    /// A call that ends.
    async fn limited<T>(&self, asked: Asked, call: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
        match timeout(limits::STORE_CALL_TIME_MAX, call).await {
            Ok(answer) => answer.map_err(|error| trouble::of(&self.label, asked, &error)),
            Err(_) => Err(trouble::timed_out(&self.label)),
        }
    }

    /// Runs a call on the runtime and waits for it.
    fn wait<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
        let (sender, answer) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            // Nobody waits any more when the process ends.
            let _ = sender.send(call.await);
        });
        answer.recv().map_err(|_| io::Error::other("a call to the object store ended without an answer"))
    }
}

/// An object on its way here.
struct Streamed {
    store: Store,
    /// None at its end.
    stream: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    bytes: Bytes,
}

impl Read for Streamed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.bytes.is_empty() {
            let Some(mut stream) = self.stream.take() else { return Ok(0) };
            let store = self.store.clone();
            let next = self.store.wait(async move {
                let next = store.limited(Asked::Object, async { stream.next().await.transpose() }).await;
                next.map(|piece| piece.map(|piece| (piece, stream)))
            })??;
            if let Some((piece, stream)) = next {
                self.bytes = piece;
                self.stream = Some(stream);
            }
        }
        let read = buffer.len().min(self.bytes.len());
        self.bytes.copy_to_slice(&mut buffer[..read]);
        Ok(read)
    }
}
