//! Whose stores there are, and connections to them.

use std::{fmt, sync::Arc};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig,
    aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder,
    client::{HttpClient, HttpConnector},
    gcp::GoogleCloudStorageBuilder,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::item::limits;

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

/// Hands object_store the client that `[network]` describes, whatever it asks for.
pub(super) struct Connector(pub(super) HttpClient);

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

/// The provider's store, with as few tries of its own as bridge a moment: waiting is the pipeline's.
pub(super) fn build(place: &StorePlace, connector: Connector) -> object_store::Result<Arc<dyn ObjectStore>> {
    let retry = RetryConfig {
        backoff: BackoffConfig { init_backoff: limits::RETRY_DELAY_MIN, ..BackoffConfig::default() },
        max_retries: 2,
        retry_timeout: limits::STORE_CALL_TIME_MAX,
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
