//! Who must have signed, as a gate says it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Files, Gate};
use crate::model::kind::Kind;
use crate::model::pattern::Pattern;
use crate::policy::diagnostics::{Code, Diagnostic, Span};
use crate::policy::tree::Node;

/// What stands for the job's own repository in a signer's name.
pub const REPOSITORY: &str = "{repository}";

/// Who must have signed, and what provenance must say.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The artifacts that are signed, where they do not stand beside their bundles.
    pub artifacts: Files,
    /// The signer's identity; may hold `{repository}` and `*`.
    pub identity: Option<String>,
    /// Who vouches for it.
    pub issuer: Option<String>,
    /// A public key in PEM.
    pub key: Option<String>,
    /// The builder that provenance must name.
    pub builder: Option<String>,
    /// The source repository that provenance must name; may hold `{repository}`.
    pub source: Option<String>,
    /// The type of statement that must be signed.
    pub predicate: Option<String>,
    /// A trusted root, relative to the policy file that states the gate.
    pub root: Option<String>,
    /// Where that is stated.
    pub root_span: Span,
    /// That policy file.
    pub stated_in: String,
}

impl Trust {
    /// Whether anybody is named who must have signed.
    #[must_use]
    pub fn names_a_signer(&self) -> bool {
        self.key.is_some() || (self.identity.is_some() && self.issuer.is_some())
    }

    /// What it says that speaks of the job's own repository.
    #[must_use]
    pub fn of_the_job(&self) -> Option<&str> {
        let texts = [&self.identity, &self.builder, &self.source];
        texts.into_iter().flatten().map(String::as_str).find(|text| text.contains(REPOSITORY))
    }

    /// Takes what a gate says of its signers.
    pub(super) fn read(node: &Node, stated_in: &str, complaints: &mut Vec<Diagnostic>) -> Self {
        let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
        Self {
            artifacts: node.get("artifact").map(|node| Files::read(node, complaints)).unwrap_or_default(),
            identity: text("identity"),
            issuer: text("issuer"),
            key: text("key"),
            builder: text("builder"),
            source: text("source"),
            predicate: text("predicate"),
            root: text("trusted_root"),
            root_span: node.get("trusted_root").map(|node| node.span).unwrap_or_default(),
            stated_in: stated_in.to_owned(),
        }
    }
}

/// Complains about signers that there can never be.
pub(super) fn check(gate: &Gate, node: &Node, span: Span, complaints: &mut Vec<Diagnostic>) {
    let trust = &gate.trust;
    let at = |key: &str| node.get(key).map_or(span, |node| node.span);
    let mut complain = |span, message: String| complaints.push(Diagnostic::new(Code::BadGate, span, message));
    for (key, text) in [("identity", &trust.identity), ("builder", &trust.builder)] {
        let Some(text) = text else { continue };
        let text = text.replace(REPOSITORY, "owner/name");
        if let Err(why) = Pattern::new(&text) {
            complain(at(key), why);
        } else if key == "identity"
            && let Some(why) = anybody(&text)
        {
            complain(at(key), why);
        }
    }
    for (key, text) in [
        ("identity", &trust.identity),
        ("issuer", &trust.issuer),
        ("builder", &trust.builder),
        ("source", &trust.source),
    ] {
        let Some(text) = text else { continue };
        if text.replace(REPOSITORY, "").contains(['{', '}']) {
            complain(at(key), format!("`{text}` holds braces; nothing but `{REPOSITORY}` is filled in"));
        } else if matches!(key, "issuer" | "source") && text.contains('*') {
            complain(at(key), format!("`{key}` is taken as it is written, and `*` means nothing in it"));
        }
    }
    if let Some(key) = &trust.key {
        if !is_pem(key) {
            let message = "`key` is no public key in PEM; paste all of it, from `-----BEGIN PUBLIC KEY-----` to its end, after `key: |`";
            complain(at("key"), message.to_owned());
        }
        if trust.identity.is_some() || trust.issuer.is_some() {
            let message = "`key` says who must have signed, and so do `identity` and `issuer`; keep one of the two";
            complain(at("key"), message.to_owned());
        }
    }
    if gate.kind != Kind::Signature && trust.identity.is_some() != trust.issuer.is_some() {
        complain(span, format!("`identity` and `issuer` of `{}` only mean something together", gate.name));
    }
}

/// Why a `*` in a signer's name lets in people of whom nobody heard, where it does: whoever opens an account at a
/// provider of mail, owns a domain, or makes a repository on a forge that all share.
fn anybody(text: &str) -> Option<String> {
    let (before, after) = text.split_once('*')?;
    if let Some((_, rest)) = before.split_once("://") {
        let (host, path) = rest.split_once('/')?;
        let shared = ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"];
        let shared = shared.contains(&host.to_ascii_lowercase().as_str());
        // The owner must have ended before the `*`.
        return (shared && !path.contains('/')).then(|| {
            format!("in `{text}` the `*` stands for an account of {host} that anybody can open; write the owner out")
        });
    }
    if before.contains('@') {
        return Some(format!(
            "in `{text}` the `*` stands for domains that anybody can own; write what follows the `@` out"
        ));
    }
    // Below a domain of one's own it is whoever got an address there.
    let open = ["gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com"];
    let more = ["me.com", "aol.com", "gmx.net", "gmx.de", "web.de", "mail.ru", "proton.me", "protonmail.com"];
    let domain = after.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase())?;
    open.into_iter()
        .chain(more)
        .any(|known| known == domain)
        .then(|| format!("`{text}` would match people whom nobody knows, for anybody gets an address there; write the signer's address out"))
}

/// Whether a text has the form of a public key in PEM (RFC 7468).
fn is_pem(text: &str) -> bool {
    let inside = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----");
    let inside = inside.and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"));
    inside.is_some_and(|inside| {
        let inside: String = inside.split_whitespace().collect();
        !inside.is_empty() && STANDARD.decode(inside).is_ok()
    })
}
