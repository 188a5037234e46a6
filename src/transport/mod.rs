//! Storey 5: how anybody is spoken to over the network.
//!
//! [`tls`] is the one setting of TLS, [`http`] the one client for HTTP, and [`abroad`] the one that goes to no private address. Never here: what is said, or to whom.
//!
//! Invariant: nothing waits for ever, an answer has a limit, a redirection is not followed, and only this machine itself
//! is spoken to without TLS.

#[cfg(feature = "app")]
pub mod abroad;
pub mod http;
pub mod tls;

/// What one who waits waits in.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
