//! SPDX 2 documents, JSON and tag-value, versions 2.2 (ISO/IEC 5962) and 2.3.
//!
//! **What is a component.** Every package; files and snippets are not. The package
//! that the document describes (`documentDescribes`, or a relationship `DESCRIBES`
//! or `DESCRIBED_BY` with the document) is the product and is not counted. A
//! document that describes several packages is a list of them, so all are counted.
//! What is described may be told after the packages, so a document is read twice:
//! first for what it describes, then for its packages. Both walk the bytes that are
//! already in memory; only hashes of the described identifiers are kept. What GitHub's
//! dependency graph answers over its API, the document under a key `sbom`, is read too.
//!
//! **Licences and suppliers.** The concluded licence counts, and the declared one
//! too. `NOASSERTION` and `NONE` say nothing, of suppliers
//! too. `Organization: Acme (info@acme.example)` is the supplier `Acme`. The
//! originator is not taken for a supplier: the standard keeps the two apart.

mod tag_value;

use std::borrow::Cow;

use super::foreign;
use super::json::{self, Error, Node, Step};
use super::sbom::{Component, Products, SbomTally};
use crate::model::bounds::Bounds;
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, Place};
pub use tag_value::read_tag_value;

/// The identifier that every document has for itself.
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
/// How many digests of one package are kept.
pub const DIGESTS: usize = 10;

/// Reads one JSON document.
pub fn read_json(bytes: &[u8], tally: &mut SbomTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut products = Products::default();
    let mut version = false;
    each_key(bytes, &bounds, |key, value| {
        match key {
            "spdxVersion" => {
                version = true;
                supported(&value.text()?.unwrap_or_default()).map_err(json::refuse)?;
            }
            "creationInfo" => creation(value, about)?,
            "documentDescribes" => value.array(|id| {
                if let Some(id) = id.text()? {
                    products.describe(&id);
                }
                Ok(())
            })?,
            "relationships" => value.array(|entry| relationship(entry, &mut products))?,
            _ => {}
        }
        Ok(())
    })?;
    if !version {
        return Err(Fault::malformed(Place::Whole, "the document has no `spdxVersion`; write it as SPDX 2.2 or 2.3"));
    }
    each_key(bytes, &bounds, |key, value| match key {
        "packages" => value.array(|entry| package(entry, &mut products, tally)),
        "spdxVersion" => Ok(()),
        _ => foreign::pass_in_bill("SPDX", key),
    })?;
    products.finish(tally, about)
}

/// Calls back for every key of the document, which GitHub's dependency graph wraps in a key `sbom`.
fn each_key(bytes: &[u8], bounds: &Bounds, mut each: impl FnMut(&str, &mut Node<'_, '_>) -> Step) -> Result<(), Fault> {
    json::walk_within(bytes, bounds, |document| {
        document.object(|key, value| match key {
            "sbom" => value.object(|key, value| each(key, value)),
            _ => each(key, value),
        })
    })
}

/// Whether a version of the specification is one that is read.
fn supported(version: &str) -> Result<(), String> {
    match version {
        "SPDX-2.2" | "SPDX-2.3" => Ok(()),
        _ => Err(format!(
            "SPDX version `{}` is not read; write the document as SPDX-2.2 or SPDX-2.3",
            shortened(version, 60)
        )),
    }
}

fn creation(node: &mut Node<'_, '_>, about: &mut About) -> Step {
    node.object(|key, value| {
        match key {
            "created" => {
                if let Some(text) = value.text()? {
                    about.made_text(&text);
                }
            }
            "creators" => value.array(|creator| {
                if let Some(tool) = creator.text()?.as_deref().and_then(|creator| creator.strip_prefix("Tool:")) {
                    about.by(tool.trim());
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })
}

fn relationship(node: &mut Node<'_, '_>, products: &mut Products) -> Step {
    let (mut from, mut to, mut kind) = (None, None, None);
    node.object(|key, value| {
        match key {
            "spdxElementId" => from = value.text()?,
            "relatedSpdxElement" => to = value.text()?,
            "relationshipType" => kind = value.text()?,
            _ => {}
        }
        Ok(())
    })?;
    if let (Some(from), Some(kind), Some(to)) = (from, kind, to) {
        relate(&from, &kind, &to, products);
    }
    Ok(())
}

/// Takes the two relationships that say what a document describes.
fn relate(from: &str, kind: &str, to: &str, products: &mut Products) {
    if kind == "DESCRIBES" && from == DOCUMENT {
        products.describe(to);
    } else if kind == "DESCRIBED_BY" && to == DOCUMENT {
        products.describe(from);
    }
}

fn package(node: &mut Node<'_, '_>, products: &mut Products, tally: &mut SbomTally) -> Step {
    let mut draft = Draft::default();
    node.object(|key, value| {
        match key {
            "SPDXID" => draft.id = value.text()?,
            "name" => draft.name = value.text()?,
            "versionInfo" => draft.version = value.text()?,
            "supplier" => draft.supplier = value.text()?,
            "licenseConcluded" => draft.concluded = value.text()?,
            "licenseDeclared" => draft.declared = value.text()?,
            "externalRefs" => value.array(|entry| {
                let (mut kind, mut locator) = (None, None);
                pairs(entry, "referenceType", &mut kind, "referenceLocator", &mut locator)?;
                if kind.as_deref() == Some("purl") {
                    draft.purl = draft.purl.take().or(locator);
                }
                Ok(())
            })?,
            "checksums" => value.array(|entry| {
                let (mut algorithm, mut digest) = (None, None);
                pairs(entry, "algorithm", &mut algorithm, "checksumValue", &mut digest)?;
                if let (Some(algorithm), Some(digest)) = (algorithm, digest) {
                    draft.digest(&algorithm, &digest);
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    draft.finish(products, tally).map_err(json::refuse)
}

/// Takes the texts under two keys of an object.
fn pairs<'de>(
    node: &mut Node<'_, 'de>,
    first: &str,
    one: &mut Option<Cow<'de, str>>,
    second: &str,
    other: &mut Option<Cow<'de, str>>,
) -> Result<(), Error> {
    node.object(|key, value| {
        if key == first {
            *one = value.text()?;
        } else if key == second {
            *other = value.text()?;
        }
        Ok(())
    })
}

/// A package that is being read.
#[derive(Default)]
struct Draft<'a> {
    id: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
    purl: Option<Cow<'a, str>>,
    supplier: Option<Cow<'a, str>>,
    concluded: Option<Cow<'a, str>>,
    declared: Option<Cow<'a, str>>,
    digests: Vec<String>,
}

impl Draft<'_> {
    fn digest(&mut self, algorithm: &str, digest: &str) {
        if algorithm == "SHA256" && self.digests.len() < DIGESTS {
            self.digests.push(shortened(digest.trim(), 80));
        }
    }

    fn finish(self, products: &mut Products, tally: &mut SbomTally) -> Result<(), &'static str> {
        let name = self.name.ok_or("a package has no name; give it one")?;
        let component = Component {
            name,
            group: None,
            version: self.version,
            purl: self.purl,
            supplier: self.supplier.map(|text| Cow::Owned(party(&text).to_owned())),
            licences: self.concluded.into_iter().chain(self.declared).collect(),
        };
        products.package(self.id.as_deref().unwrap_or_default(), component, self.digests, tally);
        Ok(())
    }
}

/// The bare name of an organisation or a person, without the kind before it and the address after it.
fn party(text: &str) -> &str {
    let whole = text.trim();
    let name = whole.strip_prefix("Organization:").or_else(|| whole.strip_prefix("Person:")).unwrap_or(whole);
    let bare = match name.trim_end().strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) {
        Some((before, address)) if address.is_empty() || address.contains('@') => before,
        _ => name,
    };
    bare.trim()
}
