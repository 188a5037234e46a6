//! TLS by the one provider of cryptography that there is, with the authorities that this system knows.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The library refuses it.
    #[error("TLS cannot be spoken: {0}")]
    Tls(#[from] rustls::Error),
    /// What should be certificates of authorities is none.
    #[error("these are no certificates of an authority: {0}; give a PEM file with `BEGIN CERTIFICATE`")]
    Authority(String),
}

/// The provider of cryptography.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The certificates of the authorities that this system knows; none where it has none.
#[must_use]
pub fn authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// The settings of a client that believes those authorities.
pub fn client() -> Result<ClientConfig, Fault> {
    trusting(&[])
}

/// The settings of a client that believes further authorities, whose certificates are given in PEM.
pub fn trusting(pem: &[u8]) -> Result<ClientConfig, Fault> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let mut roots = authorities();
    let mut added = 0;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| Fault::Authority(error.to_string()))?;
        roots.add(certificate).map_err(|error| Fault::Authority(error.to_string()))?;
        added += 1;
    }
    if added == 0 && !pem.is_empty() {
        return Err(Fault::Authority("there is none in it".to_owned()));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
