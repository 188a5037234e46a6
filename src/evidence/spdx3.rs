//! SPDX 3.0 documents as JSON-LD (`@graph`), software, AI and dataset profiles.
//!
//! **What is a component.** Every element of type `software_Package`, and of the
//! types derived from it: `ai_AIPackage` and `dataset_DatasetPackage`. The package
//! that is a `rootElement` of the document or of its bill of materials is the
//! product and is not counted; where several packages are, they are a list.
//!
//! **Licences** come by relationships `hasConcludedLicense` and `hasDeclaredLicense`
//! from the package to a licensing element, to an element of the SPDX licence list
//! (`https://spdx.org/licenses/MIT`), or to one of the elements for "none" and "no
//! assertion", which say nothing. **Suppliers** are the agent in `suppliedBy`.
//! References are identifiers; elements that are written in place of one are not followed.
//!
//! **Memory.** A relationship may stand before or after what it joins, so the graph
//! is walked twice, and the first walk keeps 16 bytes for each licence relationship,
//! and for each licensing element and agent its hash and where its text stands in
//! the bytes. Texts that hold escapes are copies, for which there is a bound of
//! their own ([`Bounds::escapes`]).

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use smallvec::SmallVec;

use super::foreign;
use super::json::{self, Node, Scalar, Step};
use super::sbom::{Component, Products, SbomTally};
use crate::model::bounds::{Bounds, raise};
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, Place};

/// How many digests of one package are kept.
pub const DIGESTS: usize = 10;

const LICENCE_LIST: &[&str] = &["https://spdx.org/licenses/", "http://spdx.org/licenses/"];

/// Reads one document.
pub fn read(bytes: &[u8], tally: &mut SbomTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut graph = Graph { bounds, ..Graph::default() };
    let mut found = false;
    json::walk_within(bytes, &bounds, |document| {
        document.object(|key, value| match key {
            "@context" => graph.context(value),
            "@graph" => {
                found = true;
                value.array(|node| {
                    let element = Element::read(node, &mut |root| graph.products.describe(root))?;
                    graph.gather(element, about)
                })
            }
            _ => foreign::pass_in_bill("SPDX 3.0", key),
        })
    })?;
    if !found {
        return Err(Fault::malformed(Place::Whole, "the document has no `@graph`; write it as SPDX 3.0 JSON-LD"));
    }
    if !graph.version {
        return Err(Fault::malformed(
            Place::Whole,
            "neither `@context` nor a `specVersion` says that this is SPDX 3.0; write it as SPDX 3.0 JSON-LD",
        ));
    }
    graph.licences.sort_unstable();
    json::walk_within(bytes, &bounds, |document| {
        document.object(|key, value| match key {
            "@graph" => value.array(|node| {
                let element = Element::read(node, &mut |_| ())?;
                graph.count(element, tally)
            }),
            _ => Ok(()),
        })
    })?;
    graph.products.finish(tally, about)
}

/// What is taken of an element, whatever its type.
#[derive(Default)]
struct Element<'de> {
    id: Option<Cow<'de, str>>,
    kind: Option<Cow<'de, str>>,
    name: Option<Cow<'de, str>>,
    spec_version: Option<Cow<'de, str>>,
    created: Option<Cow<'de, str>>,
    expression: Option<Cow<'de, str>>,
    relation: Option<Cow<'de, str>>,
    from: Option<Cow<'de, str>>,
    to: SmallVec<[Cow<'de, str>; 1]>,
    /// Whether `to` has more than is kept of it.
    further: bool,
    version: Option<Cow<'de, str>>,
    purl: Option<Cow<'de, str>>,
    supplier: Option<Cow<'de, str>>,
    digests: Vec<String>,
}

impl<'de> Element<'de> {
    fn read(node: &mut Node<'_, 'de>, root: &mut dyn FnMut(&str)) -> Result<Self, json::Error> {
        let mut element = Self::default();
        node.object(|key, value| {
            match key {
                "spdxId" | "@id" => element.id = value.text()?,
                "type" | "@type" => element.kind = value.text()?,
                "name" => element.name = value.text()?,
                "specVersion" => element.spec_version = value.text()?,
                "created" => element.created = value.text()?,
                "rootElement" => value.array(|id| {
                    reference(id)?.as_deref().map(&mut *root);
                    Ok(())
                })?,
                "simplelicensing_licenseExpression" => element.expression = value.text()?,
                "relationshipType" => element.relation = value.text()?,
                "from" => element.from = reference(value)?,
                "to" => value.array(|id| {
                    // Only the relationships to licences are of use, and those have one target or few.
                    if element.to.len() < id.bounds().licences {
                        element.to.extend(reference(id)?);
                    } else {
                        element.further = true;
                    }
                    Ok(())
                })?,
                "software_packageVersion" => element.version = value.text()?,
                "software_packageUrl" => element.purl = value.text()?,
                "externalIdentifier" => value.array(|entry| identifier(entry, &mut element.purl))?,
                "suppliedBy" => element.supplier = reference(value)?,
                "verifiedUsing" => value.array(|entry| digest(entry, &mut element.digests))?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(element)
    }

    /// The last word of the type, whether it is written short or as an IRI.
    fn kind(&self) -> &str {
        let kind = self.kind.as_deref().unwrap_or_default();
        kind.rsplit(['_', '/']).next().unwrap_or(kind)
    }

    fn is_licence(&self) -> bool {
        let kind = self.kind.as_deref().unwrap_or_default();
        ["simplelicensing_", "expandedlicensing_", "Licensing/"].iter().any(|profile| kind.contains(profile))
    }

    fn is_package(&self) -> bool {
        matches!(self.kind(), "Package" | "AIPackage" | "DatasetPackage")
    }
}

/// The identifier that stands for another element; `None` where the element itself is written instead.
fn reference<'de>(node: &mut Node<'_, 'de>) -> Result<Option<Cow<'de, str>>, json::Error> {
    match node.scalar()? {
        Scalar::Text(id) => Ok(Some(id)),
        Scalar::Null | Scalar::Compound => Ok(None),
        Scalar::Flag(_) | Scalar::Number(_) => {
            Err(json::refuse("expected an identifier of an element, found another value"))
        }
    }
}

fn identifier<'de>(node: &mut Node<'_, 'de>, purl: &mut Option<Cow<'de, str>>) -> Step {
    let (mut kind, mut text) = (None, None);
    node.object(|key, value| {
        match key {
            "externalIdentifierType" => kind = value.text()?,
            "identifier" => text = value.text()?,
            _ => {}
        }
        Ok(())
    })?;
    if kind.as_deref() == Some("packageUrl") && purl.is_none() {
        *purl = text;
    }
    Ok(())
}

fn digest(node: &mut Node<'_, '_>, digests: &mut Vec<String>) -> Step {
    let (mut algorithm, mut content) = (None, None);
    node.object(|key, value| {
        match key {
            "algorithm" => algorithm = value.text()?,
            "hashValue" => content = value.text()?,
            _ => {}
        }
        Ok(())
    })?;
    if let (Some("sha256"), Some(content)) = (algorithm.as_deref(), content)
        && digests.len() < DIGESTS
    {
        digests.push(shortened(content.trim(), 80));
    }
    Ok(())
}

/// What the first walk keeps of a graph.
#[derive(Default)]
struct Graph<'de> {
    keys: RandomState,
    bounds: Bounds,
    version: bool,
    products: Products,
    /// Licensing elements and agents: hash of the identifier, and the text.
    texts: HashMap<u64, Cow<'de, str>>,
    copied: usize,
    /// Package and licence; sorted after the first walk.
    licences: Vec<(u64, u64)>,
}

impl<'de> Graph<'de> {
    /// The context names the version, unless it is one of the author's own.
    fn context(&mut self, node: &mut Node<'_, 'de>) -> Step {
        match node.scalar()? {
            Scalar::Text(text) => match text.split_once("spdx.org/rdf/") {
                Some((_, rest)) => self.supported(rest.split('/').next().unwrap_or(rest)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn supported(&mut self, version: &str) -> Step {
        if version != "3.0" && !version.starts_with("3.0.") {
            return Err(json::refuse(format_args!(
                "SPDX version `{}` is not read; write the document as SPDX 3.0, or as SPDX-2.3",
                shortened(version, 60)
            )));
        }
        self.version = true;
        Ok(())
    }

    fn gather(&mut self, element: Element<'de>, about: &mut About) -> Step {
        if let Some(version) = &element.spec_version {
            self.supported(version)?;
        }
        if let Some(created) = &element.created {
            about.made_text(created);
        }
        if let Some("hasConcludedLicense" | "hasDeclaredLicense") = element.relation.as_deref() {
            return self.relate(element);
        }
        match element.kind() {
            "Tool" => {
                if let Some(name) = &element.name {
                    about.by(name.as_ref());
                }
                Ok(())
            }
            "Organization" | "Person" | "Agent" | "SoftwareAgent" => self.keep(element.id, element.name),
            _ if element.is_licence() => {
                let text = element.expression.or(element.name).or_else(|| element.id.clone());
                self.keep(element.id, text)
            }
            _ => Ok(()),
        }
    }

    /// Keeps the text that an element stands for.
    fn keep(&mut self, id: Option<Cow<'de, str>>, text: Option<Cow<'de, str>>) -> Step {
        let (Some(id), Some(text)) = (id, text) else { return Ok(()) };
        if silent(&id) {
            return Ok(());
        }
        if let Cow::Owned(copy) = &text {
            self.copied += copy.len();
            let most = self.bounds.escapes;
            if self.copied > most {
                return Err(json::refuse_beyond_limit(format_args!(
                    "names and licences with escapes take more than {most} bytes{}",
                    raise("escapes")
                )));
            }
        }
        self.texts.insert(self.keys.hash_one(id.as_ref()), text);
        Ok(())
    }

    fn relate(&mut self, element: Element<'de>) -> Step {
        if element.further {
            return Err(json::refuse_beyond_limit(format!(
                "a relationship to licences has more than {} targets{}",
                self.bounds.licences,
                raise("licences")
            )));
        }
        let Some(from) = element.from else { return Ok(()) };
        let from = self.keys.hash_one(from.as_ref());
        for to in element.to {
            self.licences.push((from, self.keys.hash_one(to.as_ref())));
            let listed = on_the_list(&to);
            self.keep(Some(to), listed)?;
        }
        Ok(())
    }

    fn count(&mut self, element: Element<'de>, tally: &mut SbomTally) -> Step {
        if !element.is_package() {
            return Ok(());
        }
        let id = element.id.unwrap_or_default();
        let name = element.name.ok_or_else(|| json::refuse("a package has no `name`; give it one"))?;
        let supplier = element.supplier.and_then(|id| self.text(self.keys.hash_one(id.as_ref())));
        let component = Component {
            name,
            group: None,
            version: element.version,
            purl: element.purl,
            supplier,
            licences: self.licences_of(self.keys.hash_one(id.as_ref())),
        };
        self.products.package(&id, component, element.digests, tally);
        Ok(())
    }

    fn text(&self, id: u64) -> Option<Cow<'de, str>> {
        self.texts.get(&id).filter(|text| !matches!(text.trim(), "" | "NOASSERTION" | "NONE")).cloned()
    }

    /// The licences that were concluded, and those that were declared.
    fn licences_of(&self, package: u64) -> SmallVec<[Cow<'de, str>; 2]> {
        let first = self.licences.partition_point(|(known, ..)| *known < package);
        let own = self.licences.iter().skip(first).take_while(|(known, ..)| *known == package);
        own.filter_map(|(_, id)| self.text(*id)).collect()
    }
}

/// The name of a licence that is referred to by its place on the SPDX licence list.
fn on_the_list<'de>(id: &Cow<'de, str>) -> Option<Cow<'de, str>> {
    let name = |id: &str| LICENCE_LIST.iter().find_map(|list| id.strip_prefix(list)).map(str::len);
    let tail = name(id)?;
    Some(match id {
        Cow::Borrowed(id) => Cow::Borrowed(id.get(id.len() - tail..)?),
        Cow::Owned(id) => Cow::Owned(id.get(id.len() - tail..)?.to_owned()),
    })
}

/// The elements that the standard has for "no licence" and "no assertion".
fn silent(id: &str) -> bool {
    let word = id.rsplit(['_', '/', '#']).next().unwrap_or(id);
    matches!(word, "NoAssertion" | "NoAssertionLicense" | "None" | "NoneLicense" | "NoAssertionElement" | "NoneElement")
}
