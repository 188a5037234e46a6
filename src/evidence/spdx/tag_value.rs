//! SPDX 2 as tag-value: a line `Tag: value` each, where a value in
//! `<text>…</text>` may run over several lines, and lines that begin with `#` are comments.
//!
//! The tools that write it end every line. A last line without its end is taken for a part
//! of one, because a part of a licence is often a licence too.

use std::borrow::Cow;

use super::super::rows;
use super::super::sbom::{Products, SbomTally};
use super::{Draft, relate, supported};
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, Place};

/// Reads one tag-value document.
pub fn read_tag_value(bytes: &[u8], tally: &mut SbomTally, about: &mut About) -> Result<(), Fault> {
    let text = simdutf8::compat::from_utf8(bytes).map_err(|error| {
        let at = Place::Byte(error.valid_up_to() as u64);
        Fault::malformed(
            at,
            "expected UTF-8, found other bytes; write the file as UTF-8, or as UTF-16 with a byte-order mark",
        )
    })?;
    let mut products = Products::default();
    let mut version = false;
    each(text, |line, tag, value| {
        match tag {
            "SPDXVersion" => {
                version = true;
                supported(value).map_err(|message| Fault::malformed(Place::Line(line, 0), message))?;
            }
            "Created" => about.made_text(value),
            "Creator" => {
                if let Some(tool) = value.strip_prefix("Tool:") {
                    about.by(tool.trim());
                }
            }
            "Relationship" => {
                let mut words = value.split_whitespace();
                if let (Some(from), Some(kind), Some(to)) = (words.next(), words.next(), words.next()) {
                    relate(from, kind, to, &mut products);
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    rows::ended(bytes)?;
    if !version {
        return Err(Fault::malformed(Place::Whole, "the document has no `SPDXVersion`; write it as SPDX 2.2 or 2.3"));
    }
    packages(text, &mut products, tally)?;
    products.finish(tally, about)
}

fn packages(text: &str, products: &mut Products, tally: &mut SbomTally) -> Result<(), Fault> {
    let mut open: Option<(u64, Draft<'_>)> = None;
    let mut close = |open: Option<(u64, Draft<'_>)>| match open {
        Some((line, draft)) => {
            draft.finish(products, tally).map_err(|message| Fault::malformed(Place::Line(line, 0), message))
        }
        None => Ok(()),
    };
    each(text, |line, tag, value| {
        match tag {
            "PackageName" => {
                let draft = Draft { name: Some(Cow::Borrowed(value)), ..Draft::default() };
                close(open.replace((line, draft)))?;
            }
            // These begin another element, to which an `SPDXID` then belongs.
            "FileName" | "SnippetSPDXID" | "LicenseID" => close(open.take())?,
            _ => {
                if let Some((_, draft)) = &mut open {
                    field(draft, tag, value).map_err(|message| Fault::malformed(Place::Line(line, 0), message))?;
                }
            }
        }
        Ok(())
    })?;
    close(open)
}

fn field<'a>(draft: &mut Draft<'a>, tag: &str, value: &'a str) -> Result<(), String> {
    let once = match tag {
        "SPDXID" => &mut draft.id,
        "PackageVersion" => &mut draft.version,
        "PackageSupplier" => &mut draft.supplier,
        "PackageLicenseConcluded" => &mut draft.concluded,
        "PackageLicenseDeclared" => &mut draft.declared,
        "PackageChecksum" => {
            if let Some((algorithm, digest)) = value.split_once(':') {
                draft.digest(algorithm.trim(), digest);
            }
            return Ok(());
        }
        "ExternalRef" => {
            let mut words = value.split_whitespace();
            let (kind, locator) = (words.nth(1), words.next());
            if kind == Some("purl") {
                draft.purl = draft.purl.take().or(locator.map(Cow::Borrowed));
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    match once.replace(Cow::Borrowed(value)) {
        None => Ok(()),
        Some(_) => Err(format!("`{tag}` stands twice for one package; keep one of them")),
    }
}

/// Calls back for every tag with its line, counted from 1, and its value.
fn each<'a>(text: &'a str, mut tell: impl FnMut(u64, &'a str, &'a str) -> Result<(), Fault>) -> Result<(), Fault> {
    let mut rest = text;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = after;
            continue;
        }
        let Some((tag, value)) = trimmed.split_once(':') else {
            return Err(Fault::malformed(
                Place::Line(number, 0),
                format!("expected `Tag: value`, found `{}`", shortened(trimmed, 60)),
            ));
        };
        if !value.trim_start().starts_with("<text>") {
            tell(number, tag.trim_end(), value.trim())?;
            rest = after;
            continue;
        }
        let body = rest.split_once("<text>").map_or("", |(_, body)| body);
        let Some((value, after)) = body.split_once("</text>") else {
            return Err(Fault::malformed(Place::Line(number, 0), "a `<text>` is never closed by `</text>`"));
        };
        tell(number, tag.trim_end(), value.trim())?;
        number += memchr::memchr_iter(b'\n', value.as_bytes()).count() as u64;
        rest = after.split_once('\n').map_or("", |(_, next)| next);
    }
    Ok(())
}
