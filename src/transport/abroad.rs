//! A client for addresses that somebody names who does not run this machine: it goes to public addresses only.
//!
//! A name is looked up once, by the client itself, and what was looked at is what is connected to: an answer that changes
//! between the look and the connection (DNS rebinding) gains nothing. A name of which one address is private is refused as a
//! whole. Which addresses are not public: RFC 6890 and the registries of IANA that follow it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};

use super::http::{self, Fault};

/// Why a name is not gone to.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error(
        "`{0}` is at a private address, where messages go only with `--private-webhooks`, and feeds are read only as `--private-feed` names them"
    )]
    Private(String),
    #[error("`{0}` has no address")]
    Nowhere(String),
}

/// Looks names up, and refuses those that are not of the public internet.
struct Public;

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            // The port is filled in by whoever connects.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if found.is_empty() {
                return Err(Unfit::Nowhere(name).into());
            }
            if !found.iter().all(|it| is_public(it.ip())) {
                return Err(Unfit::Private(name).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A client that goes to public addresses only, over TLS, follows nobody elsewhere, and stands behind no proxy, which
/// would look names up itself.
pub fn client(patience: Duration) -> Result<Client, Fault> {
    let built = http::builder()?.no_proxy().https_only(true).timeout(patience);
    Ok(built.dns_resolver(std::sync::Arc::new(Public)).build()?)
}

/// Reads an address that such a client may go to, as far as that shows without looking its name up.
pub fn address(text: &str) -> Result<Url, Fault> {
    let url = http::address(text)?;
    let private = match url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']')) {
        Some(host) => host.parse::<IpAddr>().is_ok_and(|ip| !is_public(ip)) || http::is_here(host),
        None => true,
    };
    if private || url.scheme() != "https" { Err(Fault::Private(text.chars().take(200).collect())) } else { Ok(url) }
}

/// Whether an address is one of the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => is_public_four(four),
        IpAddr::V6(six) => is_public_six(six),
    }
}

fn is_public_four(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    // this network; shared address space; protocol assignments and the relay that is no more; benchmarks; reserved
    let special =
        matches!((a, b, c), (0 | 240.., ..) | (100, 64..=127, _) | (192, 0, 0) | (192, 88, 99) | (198, 18..=19, _));
    !(special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

fn is_public_six(address: Ipv6Addr) -> bool {
    let four = |high: u16, low: u16| is_public_four(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        // What carries an address of the older kind is where that one is: mapped, translated (RFC 6052), and 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            four(high, low)
        }
        // documentation; protocol assignments, with Teredo among them
        [0x2001, 0x0db8 | 0..=0x1ff, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Only this is handed out as global unicast: all else is local, multicast or reserved.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}
