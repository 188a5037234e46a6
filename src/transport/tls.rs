//! TLS by the one provider of cryptography that there is, with the authorities that this system knows.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};

/// TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be spoken: {0}")]
pub struct Fault(#[from] rustls::Error);

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
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(authorities()).with_no_client_auth())
}
