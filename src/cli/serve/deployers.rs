//! Who deploys beside the forge, by the file of `--deployers`: each with his key, and with what he may tell of.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Deserializer};

use super::MOST;
use crate::cli::facts::{Failure, usage};
use crate::flow::app::outside::Deployer;
use crate::log::note::{Kind, Verifier};
use crate::workspace::open;

/// How many may be named.
const NAMED: usize = 1_000;

/// One of them, as the file has him.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    key: String,
    repositories: Vec<String>,
    environments: Vec<String>,
    #[serde(default, deserialize_with = "stated")]
    components: Option<Vec<String>>,
}

/// A key with nothing behind it is no list: it would name him for all.
fn stated<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    Vec::deserialize(from).map(Some)
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=100).contains(&name.len()) && name.bytes().all(plain)
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Vec<Deployer>, Failure> {
    let wrong = |why: String| usage(format!("those who deploy, in `{}`: {why}", path.display()));
    let artifact = open::named(path, MOST).map_err(|fault| wrong(fault.to_string()))?;
    let text = std::str::from_utf8(&artifact).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let written: BTreeMap<String, Written> = serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if written.is_empty() || written.len() > NAMED {
        return Err(wrong(format!(
            "it names {} of them; name 1 to {NAMED}, or leave `--deployers` out",
            written.len()
        )));
    }
    let mut found: Vec<Deployer> = Vec::new();
    for (name, Written { key, repositories, environments, components }) in written {
        let wrong = |why: &str| wrong(format!("`{name}` {why}"));
        if !is_name(&name) {
            return Err(wrong("is no name: it has up to 100 letters, digits, `-`, `_` and `.`"));
        }
        let key = Verifier::parse(&key).map_err(|flaw| wrong(&format!("has no key: {flaw}")))?;
        if key.kind() != Kind::Ed25519 {
            return Err(wrong(
                "has a witness's key, which signs no letters; `countersign grant key` makes one that does",
            ));
        }
        if let Some(other) = found.iter().find(|it| it.key.same_key(&key)) {
            return Err(wrong(&format!("has the key of `{}`; each has his own", other.name)));
        }
        // Nobody is named for all that there is by naming nothing.
        if repositories.is_empty() || environments.is_empty() || components.as_ref().is_some_and(Vec::is_empty) {
            return Err(wrong(
                "is named for nothing: list `repositories` and `environments`, and `components` or none",
            ));
        }
        let plain = |it: &str| it.split('/').filter(|part| !part.is_empty()).count() == 2;
        let sound = |it: &&String| super::forges::of(it).map_or_else(|| plain(it), |(_, name)| name.contains('/'));
        if let Some(other) = repositories.iter().find(|it| !sound(it)) {
            return Err(wrong(&format!("is named for `{other}`, which is no repository; write `owner/name`")));
        }
        found.push(Deployer { name, key, repositories, environments, components });
    }
    Ok(found)
}
