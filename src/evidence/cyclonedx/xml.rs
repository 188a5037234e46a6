//! CycloneDX as XML. The namespace tells the version.

use std::borrow::Cow;

use super::super::sbom::SbomTally;
use super::super::xml::{Element, Event, Xml};
use super::{Draft, Outline, supported, tool_title};
use crate::model::bounds::raise;
use crate::model::notable::shortened;
use crate::model::report::{About, Fault};
use crate::model::verdict::Reason;

/// How deep components may nest. Each level is read by a call within a call; JSON
/// ends at a like depth by itself.
pub const NESTING: usize = 60;

const NAMESPACE: &str = "http://cyclonedx.org/schema/bom/";

/// Reads one XML document.
pub fn read_xml(bytes: &[u8], tally: &mut SbomTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut xml = Xml::within(bytes, &bounds);
    let Event::Open(root) = xml.next()? else {
        return Err(xml.fault("expected a `bom` element, found none"));
    };
    if root.name() != "bom" {
        return Err(xml.fault_in(&root, format!("expected a `bom` element, found `{}`", shortened(root.name(), 60))));
    }
    let mut outline = Outline::over(tally);
    root.attributes(&xml, |_, value| match value.strip_prefix(NAMESPACE) {
        Some(version) => {
            outline.version = true;
            supported(version).map_err(|message| xml.fault_in(&root, message))
        }
        None => Ok(()),
    })?;
    if !outline.version {
        return Err(xml.fault_in(&root, format!("expected a namespace `{NAMESPACE}…` on `bom`, found none")));
    }
    children(&mut xml, |xml, element| {
        match element.name() {
            "metadata" => outline.product |= metadata(xml, tally, about)?,
            "components" => {
                outline.listed = true;
                components(xml, tally, 0)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    // Whatever follows the root is read too, so that a document with a broken end is not taken for whole.
    xml.next()?;
    outline.finish(tally)
}

/// Calls back for every child of the element that was opened last, to its closing.
/// The callback reads a child to its closing and says so, or leaves it to be passed over.
fn children<'a>(
    xml: &mut Xml<'a>,
    mut each: impl FnMut(&mut Xml<'a>, &Element<'a>) -> Result<bool, Fault>,
) -> Result<(), Fault> {
    loop {
        match xml.next()? {
            Event::Open(element) => {
                if !each(xml, &element)? {
                    xml.skip()?;
                }
            }
            Event::Close => return Ok(()),
            Event::Text(_) => {}
            Event::End => return Err(xml.fault("the document ends inside an element; it is cut short")),
        }
    }
}

/// The text of an element. One that is too long is refused as it is in JSON, because
/// a cut one would be another name or licence.
fn text<'a>(xml: &mut Xml<'_>) -> Result<Cow<'a, str>, Fault> {
    let most = xml.bounds().text;
    let text = xml.text(most + 1)?;
    if text.len() + '…'.len_utf8() > most {
        let message = format!("a text of more than {most} bytes, which is where reading ends{}", raise("text"));
        return Err(beyond_limit(xml.fault(message)));
    }
    Ok(Cow::Owned(text.trim().to_owned()))
}

fn metadata(xml: &mut Xml<'_>, tally: &mut SbomTally, about: &mut About) -> Result<bool, Fault> {
    let mut product = false;
    children(xml, |xml, element| {
        match element.name() {
            "timestamp" => about.made_text(&text(xml)?),
            "component" => {
                product = true;
                component(xml, tally, 0)?.describe(about);
            }
            "tools" => tools(xml, about)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(product)
}

/// Up to 1.4 `tool` elements, from 1.5 on `components` among which the tools are.
fn tools(xml: &mut Xml<'_>, about: &mut About) -> Result<(), Fault> {
    children(xml, |xml, element| match element.name() {
        "tool" | "component" => {
            let (mut name, mut version) = (None, None);
            children(xml, |xml, element| {
                match element.name() {
                    "name" => name = Some(text(xml)?),
                    "version" => version = Some(text(xml)?),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            if let Some(name) = name {
                about.by(tool_title(&name, version.as_deref()));
            }
            Ok(true)
        }
        "components" => tools(xml, about).map(|()| true),
        _ => Ok(false),
    })
}

fn components(xml: &mut Xml<'_>, tally: &mut SbomTally, level: usize) -> Result<(), Fault> {
    if level >= NESTING {
        return Err(beyond_limit(xml.fault(format!("components nest deeper than {NESTING}; list them side by side"))));
    }
    children(xml, |xml, element| {
        if element.name() != "component" {
            return Ok(false);
        }
        let draft = component(xml, tally, level)?;
        let entry = draft.finish().map_err(|message| xml.fault_in(element, message))?;
        tally.component(&entry);
        Ok(true)
    })
}

/// Reads a component, and counts those that are nested in it.
fn component(xml: &mut Xml<'_>, tally: &mut SbomTally, level: usize) -> Result<Draft<'static>, Fault> {
    let mut draft = Draft::default();
    children(xml, |xml, element| {
        match element.name() {
            "name" => draft.name = Some(text(xml)?),
            "group" => draft.group = Some(text(xml)?),
            "version" => draft.version = Some(text(xml)?),
            "purl" => draft.purl = Some(text(xml)?),
            "publisher" => draft.publisher = Some(text(xml)?),
            "author" => draft.author = Some(text(xml)?),
            "supplier" => draft.supplier = named(xml)?,
            "manufacturer" => draft.manufacturer = named(xml)?,
            "authors" => children(xml, |xml, _| {
                let name = named(xml)?;
                draft.author = draft.author.take().or(name);
                Ok(true)
            })?,
            "licenses" => children(xml, |xml, element| licence(xml, element, &mut draft))?,
            "hashes" => children(xml, |xml, element| {
                let algorithm = element.attribute(xml, "alg")?.unwrap_or_default();
                draft.digest(&algorithm, &text(xml)?);
                Ok(true)
            })?,
            "components" => components(xml, tally, level + 1)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(draft)
}

/// The name of an organisation or a person.
fn named(xml: &mut Xml<'_>) -> Result<Option<Cow<'static, str>>, Fault> {
    let mut name = None;
    children(xml, |xml, element| {
        let taken = element.name() == "name";
        if taken {
            name = Some(text(xml)?);
        }
        Ok(taken)
    })?;
    Ok(name)
}

/// A `license`, an `expression`, or the `expression-detailed` of 1.7.
fn licence(xml: &mut Xml<'_>, element: &Element<'_>, draft: &mut Draft<'static>) -> Result<bool, Fault> {
    let mut licence = None;
    match element.name() {
        "expression" => licence = Some(text(xml)?),
        "expression-detailed" => {
            licence = element.attribute(xml, "expression")?.map(Cow::Owned);
            xml.skip()?;
        }
        "license" => children(xml, |xml, element| {
            match element.name() {
                "id" => licence = Some(text(xml)?),
                "name" => {
                    let name = text(xml)?;
                    licence.get_or_insert(name);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?,
        _ => return Ok(false),
    }
    draft.licence(licence, xml.bounds().licences).map_err(|message| beyond_limit(xml.fault_in(element, message)))?;
    Ok(true)
}

fn beyond_limit(fault: Fault) -> Fault {
    Fault { reason: Reason::BeyondLimit, ..fault }
}
