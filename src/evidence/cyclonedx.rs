//! CycloneDX bills of materials, JSON and XML, ECMA-424 versions 1.4 to 1.7.
//!
//! Versions 1.2 and 1.3 have the same form for everything that is read here, so
//! they are read as well; any other version is refused.
//!
//! **What is a component.** Every entry of `components`, however deep it is nested
//! and whatever its type. `metadata.component` is the product and is not counted,
//! the parts nested in it are. Services, tools, formulation, pedigree and the
//! targets of declarations are not components of the product. A document without
//! `components` (VEX, attestations) has nothing to judge. An empty list says that
//! the product has none, provided that a product is named; otherwise it is empty.
//!
//! **Suppliers.** Generators fill different fields. The first of these that says
//! something counts: `supplier`, `manufacturer`, `publisher`, `authors` (or `author`).
//!
//! **Licences.** An `id`, a `name` or an `expression`, whether it is acknowledged as
//! `declared` or as `concluded`: both count. What evidence found in files
//! (`evidence.licenses`) is not a stated licence.
//!
//! **The product's digest** is its SHA-256 among `hashes`, or a version (its own or
//! its package URL's) of the form `sha256:…`, which is how an image is named.

mod xml;

use std::borrow::Cow;
use std::cell::OnceCell;

use smallvec::SmallVec;

use super::foreign;
use super::json::{self, Error, Node, Step};
use super::sbom::{self, Component, SbomTally};
use crate::model::bounds::raise;
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, Place};
pub use xml::{NESTING, read_xml};

/// How many digests of one component are kept.
pub const DIGESTS: usize = 10;

/// Reads one JSON document.
pub fn read_json(bytes: &[u8], tally: &mut SbomTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut format = false;
    let mut outline = Outline::over(tally);
    json::walk_within(bytes, &bounds, |document| {
        document.object(|key, value| {
            match key {
                "bomFormat" => match value.text()?.as_deref() {
                    Some("CycloneDX") => format = true,
                    other => {
                        return Err(json::refuse(format_args!(
                            "expected `bomFormat` to be `CycloneDX`, found `{}`",
                            shortened(other.unwrap_or_default(), 60)
                        )));
                    }
                },
                "specVersion" => {
                    outline.version = true;
                    supported(&value.text()?.unwrap_or_default()).map_err(json::refuse)?;
                }
                "metadata" => outline.product |= metadata(value, tally, about)?,
                "components" => {
                    outline.listed = true;
                    components(value, tally)?;
                }
                _ => foreign::pass_in_bill("CycloneDX", key)?,
            }
            Ok(())
        })
    })?;
    if !format {
        return Err(Fault::malformed(
            Place::Whole,
            "the document has no `bomFormat`; write it as CycloneDX 1.4 or later",
        ));
    }
    outline.finish(tally)
}

/// The main parts of a document, as far as they were met.
struct Outline {
    /// How many components the tally had before.
    before: u64,
    version: bool,
    product: bool,
    listed: bool,
}

impl Outline {
    fn over(tally: &SbomTally) -> Self {
        Self { before: tally.components(), version: false, product: false, listed: false }
    }

    fn finish(&self, tally: &mut SbomTally) -> Result<(), Fault> {
        if !self.version {
            return Err(Fault::malformed(
                Place::Whole,
                "the document has no `specVersion`; write it as CycloneDX 1.4 or later",
            ));
        }
        if !self.listed || (tally.components() == self.before && !self.product) {
            return Err(Fault::empty(
                "the document lists no components, so it is no bill of materials; give this gate one that does",
            ));
        }
        tally.document();
        Ok(())
    }
}

/// Whether a version of the specification is one that is read.
fn supported(version: &str) -> Result<(), String> {
    match version {
        "1.2" | "1.3" | "1.4" | "1.5" | "1.6" | "1.7" => Ok(()),
        _ => Err(format!(
            "CycloneDX version `{}` is not read; write the document as version 1.4, 1.5, 1.6 or 1.7",
            shortened(version, 60)
        )),
    }
}

/// Reads the metadata, and tells whether they name the product.
fn metadata(node: &mut Node<'_, '_>, tally: &mut SbomTally, about: &mut About) -> Result<bool, Error> {
    let mut product = false;
    node.object(|key, value| {
        match key {
            "timestamp" => {
                if let Some(text) = value.text()? {
                    about.made_text(&text);
                }
            }
            "component" => {
                product = true;
                component(value, tally)?.describe(about);
            }
            // Up to 1.4 a list of tools, from 1.5 on an object with components among which the tools are.
            "tools" => {
                let first = OnceCell::new();
                value.either(
                    |key, tools| match key {
                        "components" => tools.array(|entry| tool(entry, &first)),
                        _ => Ok(()),
                    },
                    |entry| tool(entry, &first),
                )?;
                if let Some(name) = first.into_inner() {
                    about.by(name);
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(product)
}

/// Takes the first tool that has a name, with its version.
fn tool(node: &mut Node<'_, '_>, first: &OnceCell<String>) -> Step {
    let (mut name, mut version) = (None, None);
    node.object(|key, value| {
        match key {
            "name" => name = value.text()?,
            "version" => version = value.text()?,
            _ => {}
        }
        Ok(())
    })?;
    if let Some(name) = name {
        first.get_or_init(|| tool_title(&name, version.as_deref()));
    }
    Ok(())
}

fn tool_title(name: &str, version: Option<&str>) -> String {
    match version.map(str::trim).filter(|version| !version.is_empty()) {
        Some(version) => format!("{name} {version}"),
        None => name.to_owned(),
    }
}

fn components(node: &mut Node<'_, '_>, tally: &mut SbomTally) -> Step {
    node.array(|entry| {
        let entry = component(entry, tally)?.finish().map_err(json::refuse)?;
        tally.component(&entry);
        Ok(())
    })
}

/// Reads a component, and counts those that are nested in it.
fn component<'de>(node: &mut Node<'_, 'de>, tally: &mut SbomTally) -> Result<Draft<'de>, Error> {
    let mut draft = Draft::default();
    node.object(|key, value| {
        match key {
            "name" => draft.name = value.text()?,
            "group" => draft.group = value.text()?,
            "version" => draft.version = value.text()?,
            "purl" => draft.purl = value.text()?,
            "publisher" => draft.publisher = value.text()?,
            "author" => draft.author = value.text()?.or(draft.author.take()),
            "supplier" => draft.supplier = named(value)?,
            "manufacturer" => draft.manufacturer = named(value)?,
            "authors" => value.array(|author| {
                let name = named(author)?;
                draft.author = draft.author.take().or(name);
                Ok(())
            })?,
            "licenses" => value.array(|choice| licence(choice, &mut draft))?,
            "hashes" => value.array(|hash| digest(hash, &mut draft))?,
            "components" => components(value, tally)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(draft)
}

/// The name of an organisation or a person.
fn named<'de>(node: &mut Node<'_, 'de>) -> Result<Option<Cow<'de, str>>, Error> {
    let mut name = None;
    node.object(|key, value| {
        if key == "name" {
            name = value.text()?;
        }
        Ok(())
    })?;
    Ok(name)
}

fn licence<'de>(choice: &mut Node<'_, 'de>, draft: &mut Draft<'de>) -> Step {
    let most = choice.bounds().licences;
    let mut licence = None;
    choice.object(|key, value| {
        match key {
            "expression" => licence = value.text()?,
            "license" => value.object(|key, value| {
                match key {
                    "id" => licence = value.text()?.or(licence.take()),
                    "name" => licence = licence.take().or(value.text()?),
                    _ => {}
                }
                Ok(())
            })?,
            _ => {}
        }
        Ok(())
    })?;
    draft.licence(licence, most).map_err(json::refuse_beyond_limit)
}

fn digest(hash: &mut Node<'_, '_>, draft: &mut Draft<'_>) -> Step {
    let (mut algorithm, mut content) = (None, None);
    hash.object(|key, value| {
        match key {
            "alg" => algorithm = value.text()?,
            "content" => content = value.text()?,
            _ => {}
        }
        Ok(())
    })?;
    if let (Some(algorithm), Some(content)) = (algorithm, content) {
        draft.digest(&algorithm, &content);
    }
    Ok(())
}

/// A component that is being read.
#[derive(Default)]
struct Draft<'a> {
    name: Option<Cow<'a, str>>,
    group: Option<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
    purl: Option<Cow<'a, str>>,
    supplier: Option<Cow<'a, str>>,
    manufacturer: Option<Cow<'a, str>>,
    publisher: Option<Cow<'a, str>>,
    author: Option<Cow<'a, str>>,
    licences: SmallVec<[Cow<'a, str>; 2]>,
    digests: SmallVec<[String; 1]>,
}

impl<'a> Draft<'a> {
    /// Takes one licence, where it has a text.
    fn licence(&mut self, licence: Option<Cow<'a, str>>, most: usize) -> Result<(), String> {
        let Some(licence) = licence else { return Ok(()) };
        if self.licences.len() >= most {
            return Err(format!("a component states more than {most} licences{}", raise("licences")));
        }
        self.licences.push(licence);
        Ok(())
    }

    fn digest(&mut self, algorithm: &str, content: &str) {
        if algorithm == "SHA-256" && self.digests.len() < DIGESTS {
            self.digests.push(shortened(content.trim(), 80));
        }
    }

    fn finish(self) -> Result<Component<'a>, &'static str> {
        let name = self.name.ok_or("a component has no `name`; give it one")?;
        let says = |text: &Option<Cow<'a, str>>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
        let supplier = [self.supplier, self.manufacturer, self.publisher, self.author].into_iter().find(says).flatten();
        Ok(Component {
            name,
            group: self.group,
            version: self.version,
            purl: self.purl,
            supplier,
            licences: self.licences,
        })
    }

    /// Notes the digests of the product.
    fn describe(&self, about: &mut About) {
        sbom::describe(&self.digests, self.version.as_deref(), self.purl.as_deref(), about);
    }
}
