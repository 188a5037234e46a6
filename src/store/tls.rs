//! How much is asked of PostgreSQL's TLS: `sslmode` and `sslrootcert` in the URL, as libpq names them. Where TLS is asked
//! for, nothing goes in the clear.

use std::path::Path;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Fault;
use crate::transport::tls;

/// What of a server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// There is no TLS.
    Disable,
    /// TLS where the server has it, with whoever it is.
    Prefer,
    /// TLS, with whoever it is.
    Require,
    /// TLS with one whose certificate an authority signed.
    VerifyCa,
    /// TLS with one whose certificate an authority signed for this name.
    VerifyFull,
}

impl Mode {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

/// Reads a URL: where the server is, and by what it is spoken to in TLS.
pub(super) fn read(url: &str) -> Result<(tokio_postgres::Config, Option<MakeRustlsConnect>), Fault> {
    let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (mut stated, mut authority, mut rest) = (None, None, Vec::new());
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sslmode", word)) => {
                let mode = Mode::of(word).ok_or_else(|| {
                    let named = "`disable`, `prefer`, `require`, `verify-ca` or `verify-full`";
                    Fault::Url(format!("`sslmode={word}` is none that is taken; name {named}"))
                })?;
                stated = Some(mode);
            }
            Some(("sslrootcert", file)) => {
                let file = percent_decode_str(file).decode_utf8();
                authority = Some(file.map_err(|_| Fault::Url("`sslrootcert` is not UTF-8".to_owned()))?);
            }
            _ => rest.push(parameter),
        }
    }
    let mut config: tokio_postgres::Config = format!("{place}?{}", rest.join("&")).parse().map_err(|error| {
        use std::error::Error as _;
        let error: tokio_postgres::Error = error;
        Fault::Url(error.source().map_or_else(|| error.to_string(), ToString::to_string))
    })?;
    let authority = authority.as_deref().filter(|file| *file != "system").map(Path::new);
    let mode = match stated {
        // Nothing that passes through a socket can be listened to on the way.
        _ if config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(is_socket) => Mode::Disable,
        Some(Mode::Require) if authority.is_some() => Mode::VerifyCa,
        Some(mode) => mode,
        None if stays_here(&config) => Mode::Disable,
        None => Mode::VerifyFull,
    };
    config.ssl_mode(match mode {
        Mode::Disable => SslMode::Disable,
        Mode::Prefer => SslMode::Prefer,
        Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
    });
    let tls = if mode == Mode::Disable { None } else { Some(MakeRustlsConnect::new(client(mode, authority)?)) };
    Ok((config, tls))
}

fn is_socket(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

/// Whether a connection does not leave this machine.
fn stays_here(config: &tokio_postgres::Config) -> bool {
    let here = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    };
    match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(here),
        addresses => addresses.iter().all(std::net::IpAddr::is_loopback),
    }
}

fn client(mode: Mode, authority: Option<&Path>) -> Result<ClientConfig, Fault> {
    let provider = tls::provider();
    let verifier: Arc<dyn ServerCertVerifier> = match mode {
        Mode::Disable | Mode::Prefer | Mode::Require => Arc::new(AnyName { known: None, provider: provider.clone() }),
        Mode::VerifyCa | Mode::VerifyFull => {
            let roots = Arc::new(roots(authority)?);
            let known = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
            let known = known.map_err(|error| Fault::Tls(error.to_string()))?;
            if mode == Mode::VerifyFull {
                known
            } else {
                Arc::new(AnyName { known: Some(known), provider: provider.clone() })
            }
        }
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Fault::Tls(error.to_string()))?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

/// The certificates of the authorities: those of a file, or the system's.
fn roots(file: Option<&Path>) -> Result<RootCertStore, Fault> {
    let Some(file) = file else {
        let roots = tls::authorities();
        if roots.is_empty() {
            let advice = "install `ca-certificates`, or name a file with `sslrootcert=FILE`";
            return Err(Fault::Tls(format!("this system has no certificates of authorities: {advice}")));
        }
        return Ok(roots);
    };
    let mut roots = RootCertStore::empty();
    let flawed = |error: String| Fault::Tls(format!("`sslrootcert={}`: {error}", file.display()));
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| flawed(error.to_string()))? {
        let certificate = certificate.map_err(|error| flawed(error.to_string()))?;
        roots.add(certificate).map_err(|error| flawed(error.to_string()))?;
    }
    if roots.is_empty() { Err(flawed("it has no certificate in it".to_owned())) } else { Ok(roots) }
}

/// Takes a certificate of an authority that is known, whatever name it is for; where none is known, any certificate. In
/// either case the server has to show that it has the certificate's key.
#[derive(Debug)]
struct AnyName {
    known: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(known) = &self.known else { return Ok(ServerCertVerified::assertion()) };
        // The name is compared last, when everything else has been found good.
        match known.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
