//! TLS for protocols other than HTTP: the system's certificate authorities, and the section's own besides.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use rustls_platform_verifier::Verifier;

use super::misconfigured;
use crate::item::{Failure, network::Network};

/// Makes the process's provider of cryptography ring; whoever comes second finds it installed.
pub(super) fn install_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// How the host greets every TLS server.
pub(super) fn client_config(network: &Network) -> Result<Arc<ClientConfig>, Failure> {
    install_provider();
    let provider = CryptoProvider::get_default().cloned().ok_or_else(|| misconfigured("there is no cryptography"))?;
    let extra = network.ca_file.as_deref().map_or_else(|| Ok(Vec::new()), authorities)?;
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider))
        .map_err(|error| misconfigured(&format!("certificate authorities: {error}")))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| misconfigured(&error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// What is wrong with a certificate, for people.
pub(super) fn in_words(why: &CertificateError) -> String {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; check this machine's clock".to_owned()
        }
        CertificateError::UnknownIssuer => "nobody who is trusted here signed it".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("it is for another name ({why})")
        }
        CertificateError::Revoked => "it was revoked".to_owned(),
        // What a self-signed certificate is told, whose maker did not say that it is a server's.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "it is a certificate authority's own, not a server's; have the server use one that the authority signed"
                .to_owned()
        }
        _ => why.to_string(),
    }
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let wrong = |why: &str| misconfigured(&format!("`ca_file` `{}`: {why}", path.display()));
    let pem = fs::read(path).map_err(|error| wrong(&error.to_string()))?;
    let found =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().map_err(|_| wrong("it is not PEM"))?;
    if found.is_empty() { Err(wrong("it holds no certificate")) } else { Ok(found) }
}
