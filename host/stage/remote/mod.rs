//! Objects in an object store: Azure Blob Storage, S3 and what speaks like it, Google Cloud Storage.
//!
//! Requests go through the one HTTP client of `[network]`. Every object is put whole or not at all, and only where there
//! is none of its name. Calls block: they run on the runtime and are waited for, from whatever thread.

use std::{
    fmt,
    future::Future,
    io::{self, Read},
    os::fd::OwnedFd,
    sync::{Arc, mpsc},
};

use bytes::{Buf as _, Bytes};
use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt as _, PutMode, RetryConfig,
    aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder,
    client::{HttpClient, HttpConnector},
    gcp::GoogleCloudStorageBuilder,
    path::Path as Key,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{io::AsyncReadExt as _, runtime::Handle, time::timeout};

use super::objects::{Drafted, Kind, Listed, Objects, Place};
use crate::{
    item::{Failure, NextMove, limits, network::Network},
    network,
};

mod trouble;

use trouble::Asked;

/// Whose store, with what it takes to get in.
#[derive(Clone)]
pub enum Provider {
    /// Azure Blob Storage.
    Azure {
        /// The storage account.
        account: String,
        /// A key of the account; else a shared access signature.
        key: Option<SecretString>,
        /// A shared access signature, as the portal shows it.
        sas: Option<SecretString>,
    },
    /// S3, or what speaks like it.
    S3 {
        /// Its region.
        region: String,
        /// Which key.
        access_key_id: String,
        /// Its secret half.
        secret_access_key: SecretString,
    },
    /// Google Cloud Storage.
    Gcs {
        /// The key file of a service account, JSON.
        service_account: SecretString,
    },
}

/// Where a store is.
#[derive(Clone)]
pub struct StorePlace {
    /// Whose.
    pub provider: Provider,
    /// The container or bucket.
    pub container: String,
    /// Where it is reached, when that is not the provider's own address.
    pub endpoint: Option<String>,
    /// What every name begins with; may be empty.
    pub prefix: String,
}

/// A connection to an object store.
#[derive(Clone)]
pub struct Store {
    store: Arc<dyn ObjectStore>,
    runtime: Handle,
    label: Arc<str>,
    prefix: Arc<str>,
}

/// Hands object_store the client that `[network]` describes, whatever it asks for.
struct Connector(HttpClient);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

impl Store {
    /// Prepares a connection; nothing is asked yet. Called within a runtime.
    ///
    /// # Errors
    /// `stage-misconfigured`, `network-misconfigured`, `egress-denied`.
    pub fn connect(place: &StorePlace, network: &Network) -> Result<Self, Failure> {
        let wrong = |why: String| {
            let message = format!("the object store `{}` cannot be used: {why}", place.container);
            Failure::new("stage-misconfigured", NextMove::AskPerson, message)
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
    /// `stage-unreachable`, `stage-denied`, `stage-container-missing`, each carried by the error.
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

    /// One connector's objects in it.
    pub(super) fn of(&self, folder: &str) -> Remote {
        Remote { store: self.clone(), folder: folder.to_owned() }
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

    fn listed(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
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
        match timeout(limits::STAGE_CALL_TIME_MAX, put).await {
            Ok(Ok(_) | Err(object_store::Error::AlreadyExists { .. })) => Ok(()),
            Ok(Err(error)) => Err(trouble::of(&self.label, Asked::Container, &error)),
            Err(_) => Err(trouble::timed_out(&self.label)),
        }
    }

    /// Puts a draft. A large one goes in parts, so that it is never whole in memory; a name stands for its content, so
    /// that two of the same name are the same.
    async fn upload(&self, key: &Key, draft: &Drafted) -> io::Result<()> {
        let mut file = tokio::fs::File::open(&draft.path).await?;
        let size = file.metadata().await?.len();
        if size <= limits::STAGE_PART_BYTES as u64 {
            let mut bytes = Vec::with_capacity(size as usize);
            file.read_to_end(&mut bytes).await?;
            return self.create(key, bytes.into()).await;
        }
        match timeout(limits::STAGE_CALL_TIME_MAX, self.store.head(key)).await {
            Ok(Ok(there)) if there.size == size => return Ok(()),
            Ok(Ok(_) | Err(object_store::Error::NotFound { .. })) => {}
            Ok(Err(error)) => return Err(trouble::of(&self.label, Asked::Container, &error)),
            Err(_) => return Err(trouble::timed_out(&self.label)),
        }
        let mut upload = self.limited(Asked::Container, self.store.put_multipart(key)).await?;
        let parts = async {
            loop {
                let mut part = Vec::with_capacity(limits::STAGE_PART_BYTES);
                (&mut file).take(limits::STAGE_PART_BYTES as u64).read_to_end(&mut part).await?;
                if part.is_empty() {
                    return self.limited(Asked::Container, upload.complete()).await.map(drop);
                }
                self.limited(Asked::Container, upload.put_part(part.into())).await?;
            }
        };
        let done = parts.await;
        if done.is_err() {
            // The provider removes parts that were never completed, sooner if it is told.
            let _told = timeout(limits::STAGE_CALL_TIME_MAX, upload.abort()).await;
        }
        done
    }

    /// A call that ends.
    async fn limited<T>(&self, asked: Asked, call: impl Future<Output = object_store::Result<T>>) -> io::Result<T> {
        match timeout(limits::STAGE_CALL_TIME_MAX, call).await {
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

/// The provider's store, with as few tries of its own as bridge a moment: waiting is the pipeline's.
fn build(place: &StorePlace, connector: Connector) -> object_store::Result<Arc<dyn ObjectStore>> {
    let retry = RetryConfig {
        backoff: BackoffConfig { init_backoff: limits::RETRY_DELAY_MIN, ..BackoffConfig::default() },
        max_retries: 2,
        retry_timeout: limits::STAGE_CALL_TIME_MAX,
    };
    Ok(match &place.provider {
        Provider::Azure { account, key, sas } => {
            let mut builder = MicrosoftAzureBuilder::new()
                .with_account(account)
                .with_container_name(&place.container)
                .with_retry(retry)
                .with_http_connector(connector);
            if let Some(key) = key {
                builder = builder.with_access_key(key.expose_secret());
            }
            if let Some(sas) = sas {
                let text = sas.expose_secret().trim_start_matches('?');
                let pairs: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
                builder = builder.with_sas_authorization(pairs);
            }
            if let Some(endpoint) = &place.endpoint {
                builder = builder.with_endpoint(endpoint.clone()).with_allow_http(true);
            }
            Arc::new(builder.build()?)
        }
        Provider::S3 { region, access_key_id, secret_access_key } => {
            let mut builder = AmazonS3Builder::new()
                .with_bucket_name(&place.container)
                .with_region(region)
                .with_access_key_id(access_key_id)
                .with_secret_access_key(secret_access_key.expose_secret())
                .with_retry(retry)
                .with_http_connector(connector);
            if let Some(endpoint) = &place.endpoint {
                builder = builder.with_endpoint(endpoint.clone()).with_allow_http(true);
            }
            Arc::new(builder.build()?)
        }
        Provider::Gcs { service_account } => {
            let mut builder = GoogleCloudStorageBuilder::new()
                .with_bucket_name(&place.container)
                .with_service_account_key(service_account.expose_secret())
                .with_retry(retry)
                .with_http_connector(connector);
            if let Some(endpoint) = &place.endpoint {
                builder = builder.with_base_url(endpoint);
            }
            Arc::new(builder.build()?)
        }
    })
}

/// One connector's folder in a store.
pub(super) struct Remote {
    store: Store,
    folder: String,
}

impl Remote {
    fn key(&self, place: &Place) -> Key {
        self.store.key(&format!("{}/{}", self.folder, place.kind.folder()), &place.file)
    }
}

impl Objects for Remote {
    fn label(&self) -> String {
        self.store.label.to_string()
    }

    fn put(&self, drafted: &[Drafted], _: OwnedFd) -> io::Result<()> {
        let mut drafts: Vec<(Key, Drafted)> = drafted
            .iter()
            .map(|Drafted { path, place }| (self.key(place), Drafted { path: path.clone(), place: place.clone() }))
            .collect();
        let last = drafts.pop();
        let store = self.store.clone();
        self.store.wait(async move {
            let upload = |(key, draft): (Key, Drafted)| {
                let store = store.clone();
                async move { store.upload(&key, &draft).await }
            };
            futures::stream::iter(drafts)
                .map(upload)
                .buffer_unordered(limits::STAGE_PUTS_AT_ONCE_MAX)
                .try_collect::<()>()
                .await?;
            match last {
                Some(page) => upload(page).await,
                None => Ok(()),
            }
        })?
    }

    fn get(&self, place: &Place) -> io::Result<Box<dyn Read + Send>> {
        let (key, store) = (self.key(place), self.store.clone());
        let got = self.store.wait(async move { store.limited(Asked::Object, store.store.get(&key)).await })??;
        Ok(Box::new(Streamed { store: self.store.clone(), stream: Some(got.into_stream()), bytes: Bytes::new() }))
    }

    fn list(&self, kind: Kind) -> io::Result<Vec<Listed>> {
        let listed = self.store.listed(&format!("{}/{}", self.folder, kind.folder()))?;
        Ok(listed.into_iter().map(|(file, bytes)| Listed { place: Place { kind, file }, bytes }).collect())
    }

    fn delete(&self, places: &[Place]) -> io::Result<()> {
        let keys: Vec<Key> = places.iter().map(|place| self.key(place)).collect();
        let store = self.store.clone();
        self.store.wait(async move {
            let delete = |key: Key| {
                let store = store.clone();
                async move {
                    match store.limited(Asked::Object, store.store.delete(&key)).await {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                        _ => Ok(()),
                    }
                }
            };
            futures::stream::iter(keys)
                .map(delete)
                .buffer_unordered(limits::STAGE_PUTS_AT_ONCE_MAX)
                .try_collect::<()>()
                .await
        })?
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
