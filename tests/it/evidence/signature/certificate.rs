//! Signing certificates of the tests' own authority, written as X.509 (RFC 5280) in DER.

use sigstore_verify::crypto::KeyPair;
use sigstore_verify::types::DerCertificate;

const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";
const FULCIO: &str = "1.3.6.1.4.1.57264.1";

/// The name that a certificate gives its holder.
pub enum Holder<'a> {
    Uri(&'a str),
    Email(&'a str),
    /// A form of name that is neither.
    Host(&'a str),
}

/// The authority's own certificate.
pub fn authority(key: &KeyPair) -> DerCertificate {
    // basicConstraints: an authority
    let extensions = [extension("2.5.29.19", &tlv(0x30, &tlv(0x01, &[0xff])))];
    certificate(key, key, &extensions)
}

/// A certificate that the authority gives a holder, with Fulcio's extensions by their last number.
pub fn issued(authority: &KeyPair, key: &KeyPair, holder: &Holder<'_>, claims: &[(u32, &str)]) -> DerCertificate {
    let name = match holder {
        Holder::Email(name) => tlv(0x81, name.as_bytes()),
        Holder::Host(name) => tlv(0x82, name.as_bytes()),
        Holder::Uri(name) => tlv(0x86, name.as_bytes()),
    };
    let mut extensions = vec![
        extension("2.5.29.17", &tlv(0x30, &name)),
        // extendedKeyUsage: code signing
        extension("2.5.29.37", &tlv(0x30, &oid("1.3.6.1.5.5.7.3.3"))),
    ];
    // The extensions up to the sixth hold their text bare.
    extensions.extend(claims.iter().map(|(number, text)| match number {
        1..=6 => extension(&format!("{FULCIO}.{number}"), text.as_bytes()),
        _ => extension(&format!("{FULCIO}.{number}"), &tlv(0x0c, text.as_bytes())),
    }));
    certificate(authority, key, &extensions)
}

fn certificate(issuer: &KeyPair, key: &KeyPair, extensions: &[Vec<u8>]) -> DerCertificate {
    let algorithm = tlv(0x30, &oid(ECDSA_WITH_SHA256));
    let name = |key: &KeyPair| {
        let text = super::hex(&super::sha256(key.public_key_bytes())[..8]);
        tlv(0x30, &tlv(0x31, &tlv(0x30, &[oid("2.5.4.3"), tlv(0x0c, text.as_bytes())].concat())))
    };
    let validity = tlv(0x30, &[tlv(0x17, b"250101000000Z"), tlv(0x17, b"250101001000Z")].concat());
    let body = tlv(
        0x30,
        &[
            tlv(0xa0, &tlv(0x02, &[2])),
            tlv(0x02, &[1]),
            algorithm.clone(),
            name(issuer),
            validity,
            name(key),
            key.public_key_der().unwrap().into_bytes(),
            tlv(0xa3, &tlv(0x30, &extensions.concat())),
        ]
        .concat(),
    );
    let signature = issuer.sign(&body).unwrap();
    let signature = tlv(0x03, &[&[0], signature.as_bytes()].concat());
    DerCertificate::new(tlv(0x30, &[body, algorithm, signature].concat()))
}

fn extension(id: &str, value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[oid(id), tlv(0x04, value)].concat())
}

fn oid(dotted: &str) -> Vec<u8> {
    let mut arcs = dotted.split('.').map(|arc| arc.parse::<u32>().unwrap());
    let first = 40 * arcs.next().unwrap() + arcs.next().unwrap();
    let mut bytes = vec![u8::try_from(first).unwrap()];
    for arc in arcs {
        let groups: Vec<_> = (0..5).rev().map(|group| arc >> (7 * group)).skip_while(|rest| *rest == 0).collect();
        let groups = if groups.is_empty() { vec![0] } else { groups };
        let last = groups.len() - 1;
        bytes.extend(groups.iter().enumerate().map(|(at, group)| {
            let bits = u8::try_from(group & 0x7f).unwrap();
            if at == last { bits } else { bits | 0x80 }
        }));
    }
    tlv(0x06, &bytes)
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let [high, low] = length.to_be_bytes();
    let length = match length {
        0..=0x7f => vec![low],
        0x80..=0xff => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [&[tag], length.as_slice(), content].concat()
}
