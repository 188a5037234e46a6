//! What must hold for any file of bundles: nobody signs for a signer that cannot exist.

use std::sync::LazyLock;

use countersign::evidence::signature::{self, Artifact, Expected, Pattern, Signer, TrustRoot};

use crate::{memory, report};

static ROOT: LazyLock<TrustRoot> = LazyLock::new(|| TrustRoot::public_good().expect("the embedded root"));

pub fn is_never_ours(bytes: &[u8]) {
    let root = &*ROOT;
    let identity = Pattern::new("https://nobody.invalid/workflow").expect("a name");
    let expected = Expected::signed_by(Signer::Identity { identity, issuer: "https://nobody.invalid".to_owned() });
    let named = memory::bounded(bytes.len(), || signature::subjects(bytes));
    if let Err(fault) = &named {
        report::told(fault);
    }
    // With the digest that the file itself names, the checks go as far as they can.
    let digest = named.unwrap_or_default().into_iter().find_map(|subject| digest(&subject.sha256?));
    for artifact in [Artifact::Bytes(b"an artifact"), Artifact::Sha256(digest.unwrap_or([7; 32]))] {
        let verified = memory::bounded(bytes.len(), || signature::verify(bytes, artifact, root, &expected));
        report::told(&verified.expect_err("nobody can sign as this signer"));
    }
}

fn digest(hexadecimal: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hexadecimal.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}
