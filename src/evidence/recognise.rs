//! Tells a format by its content, never by its name.

use super::json::{self, Node, Scalar};
use super::xml::{Event, Xml};
use crate::model::kind::Format;

/// How many bytes of a text are looked at for the mark of its format.
const HEAD: usize = 64 * 1024;

/// The format of some content, or `None` when it is none that is read. The
/// content is only looked at as far as it takes to be sure.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Option<Format> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match text.iter().find(|byte| !byte.is_ascii_whitespace())? {
        b'<' => xml(text),
        b'{' => json_object(text).or_else(|| plain(text)),
        b'[' => json_array(text).or_else(|| plain(text)),
        _ => plain(text),
    }
}

fn xml(bytes: &[u8]) -> Option<Format> {
    let mut xml = Xml::new(bytes);
    let Ok(Event::Open(root)) = xml.next() else { return None };
    match root.name() {
        "testsuites" | "testsuite" => Some(Format::Junit),
        "TestRun" => Some(Format::Trx),
        "report" => Some(Format::Jacoco),
        "testResults" => Some(Format::JmeterXml),
        "bom" => Some(Format::CyclonedxXml),
        "coverage" => {
            let clover = matches!(root.attribute(&xml, "clover"), Ok(Some(_)))
                || matches!(root.attribute(&xml, "generated"), Ok(Some(_)));
            (!clover).then_some(Format::Cobertura)
        }
        _ => None,
    }
}

/// Noted when an element of `results` lists packages.
const RESULTS_OF_PACKAGES: &str = "results: packages";
/// Noted when `results` is empty.
const NO_RESULTS: &str = "results: none";

/// The keys of an object as far as they were looked at: the name, and the text
/// that stands there if it is one.
#[derive(Default)]
struct Marks {
    seen: Vec<(String, Option<String>)>,
}

impl Marks {
    fn has(&self, key: &str) -> bool {
        self.seen.iter().any(|(name, _)| name == key)
    }

    fn says(&self, key: &str, part: &str) -> bool {
        self.seen.iter().any(|(name, text)| name == key && text.as_ref().is_some_and(|text| text.contains(part)))
    }

    /// The format that the keys seen so far leave no doubt about.
    fn certain(&self) -> Option<Format> {
        let schema = |part| self.says("$schema", part);
        if self.has("runs") || schema("sarif") {
            Some(Format::Sarif)
        } else if self.says("bomFormat", "CycloneDX") || schema("cyclonedx") {
            Some(Format::CyclonedxJson)
        } else if self.has("spdxVersion") {
            Some(Format::SpdxJson)
        } else if self.has("@graph") || (self.has("@context") && self.has("@graph")) || self.says("@context", "spdx.org/rdf/3") {
            Some(Format::Spdx3)
        } else if self.says("mediaType", "sigstore.bundle") || self.has("verificationMaterial") || self.has("payloadType") {
            Some(Format::SigstoreBundle)
        } else if self.has(RESULTS_OF_PACKAGES) {
            Some(Format::OsvScanner)
        } else if self.has("matches") {
            Some(Format::Grype)
        } else if self.has("SchemaVersion") || self.has("ArtifactName") || self.has("ClusterName") || (self.has("Target") && self.has("Vulnerabilities")) {
            Some(Format::Trivy)
        } else if self.has("packageManager") || self.has("dependencyCount") || self.has("uniqueCount") {
            Some(Format::Snyk)
        } else if self.has("scan") || (self.has("vulnerabilities") && self.says("version", ".")) {
            Some(Format::GitlabReport)
        } else if self.has("Action") && (self.has("Package") || self.has("Time") || self.has("ImportPath")) {
            Some(Format::GoTest)
        } else if self.has("root_group") || (self.has("metrics") && (self.has("state") || self.has("options") || self.has("version"))) {
            Some(Format::K6)
        } else if self.has("numberOfRequests") || (self.has("stats") && self.has("contents")) {
            Some(Format::Gatling)
        } else if self.has("num_requests") || self.has("num_none_requests") {
            Some(Format::Locust)
        } else if self.has("checklist") {
            Some(Format::Checklist)
        } else {
            None
        }
    }

    /// The format that the keys mean when there are no more.
    fn likely(&self) -> Option<Format> {
        if self.has("experimental_config") || self.is_empty_osv_scanner() {
            Some(Format::OsvScanner)
        } else if self.has("ok") && (self.has("vulnerabilities") || self.has("error")) {
            Some(Format::Snyk)
        } else if self.has("metrics") {
            Some(Format::K6)
        } else if self.has("items") {
            Some(Format::Checklist)
        } else {
            None
        }
    }

    fn look(&mut self, node: &mut Node<'_, '_>) -> json::Step {
        node.object(|key, value| {
            if key == "results" {
                return self.look_into_results(value);
            }
            let text = match value.scalar()? {
                Scalar::Text(text) => Some(crate::model::notable::shortened(&text, 200)),
                _ => None,
            };
            self.note(key, text)
        })
    }

    /// OSV-Scanner and others share the key `results`: what its elements hold tells them apart.
    fn look_into_results(&mut self, value: &mut Node<'_, '_>) -> json::Step {
        self.note("results", None)?;
        if !value.is_array() {
            return Ok(());
        }
        let mut empty = true;
        value.array(|element| {
            empty = false;
            element.object(|key, _| if key == "packages" { self.note(RESULTS_OF_PACKAGES, None) } else { Ok(()) })
        })?;
        if empty { self.note(NO_RESULTS, None) } else { Ok(()) }
    }

    /// Without results, OSV-Scanner is told by what it does not have: other tools that
    /// found nothing write an empty `results` too, beside keys of their own.
    fn is_empty_osv_scanner(&self) -> bool {
        const KEYS: &[&str] = &["results", NO_RESULTS, "experimental_config", "image_metadata", "license_summary"];
        self.has(NO_RESULTS) && self.seen.iter().all(|(name, _)| KEYS.contains(&name.as_str()))
    }

    /// Notes a key; an error ends the look when there is no doubt left.
    fn note(&mut self, key: &str, text: Option<String>) -> json::Step {
        if self.seen.len() < 64 {
            self.seen.push((crate::model::notable::shortened(key, 60), text));
        }
        if self.certain().is_some() { Err(json::refuse("known")) } else { Ok(()) }
    }
}

fn json_object(bytes: &[u8]) -> Option<Format> {
    let mut marks = Marks::default();
    let mut first = true;
    // A run of objects, one a line, is told by its first.
    let ended = json::walk_each(bytes, |node| {
        if !std::mem::take(&mut first) {
            return Err(json::refuse("known"));
        }
        marks.look(node)
    });
    let _ = ended;
    marks.certain().or_else(|| marks.likely())
}

fn json_array(bytes: &[u8]) -> Option<Format> {
    let mut marks = Marks::default();
    let mut empty = true;
    let ended = json::walk(bytes, |node| {
        node.array(|element| {
            empty = false;
            marks.look(element)?;
            Err(json::refuse("known"))
        })
    });
    let _ = ended;
    if empty { None } else { marks.certain().or_else(|| marks.likely()) }
}

fn plain(bytes: &[u8]) -> Option<Format> {
    let head = bytes.get(..bytes.len().min(HEAD)).unwrap_or_default();
    let head = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() + 4 > head.len() => {
            std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()).ok()?
        }
        Err(_) => return None,
    };
    let mut lines = head.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next()?;
    let columns = |wanted: &[&str]| {
        let named: Vec<_> = first.split([',', ';', '\t', '|']).map(|name| name.trim().trim_matches('"')).collect();
        wanted.iter().all(|name| named.contains(name))
    };
    if columns(&["timeStamp", "elapsed"]) || jtl_row(first) {
        Some(Format::JmeterCsv)
    } else if columns(&["Name", "Request Count", "Failure Count"]) || columns(&["Name", "# requests", "# failures"]) {
        Some(Format::Locust)
    } else if first.starts_with("RUN\t") || first.starts_with("RUN ") || first.contains("\tRUN\t") {
        Some(Format::Gatling)
    } else if first.starts_with("SPDXVersion:") || lines.clone().take(200).any(|line| line.starts_with("SPDXVersion:")) {
        Some(Format::SpdxTagValue)
    } else if first.starts_with("TN:") || first.starts_with("SF:") {
        Some(Format::Lcov)
    } else if std::iter::once(first).chain(lines.clone()).any(task) {
        Some(Format::TaskList)
    } else if std::iter::once(first).chain(lines).any(|line| line.starts_with("checklist:") || line.starts_with("items:")) {
        Some(Format::Checklist)
    } else {
        None
    }
}

/// A JTL without its header begins with a time in milliseconds and an elapsed time.
fn jtl_row(line: &str) -> bool {
    let mut fields = line.split(',');
    let digits = |field: Option<&str>, length: usize| {
        field.is_some_and(|field| field.len() >= length && field.bytes().all(|byte| byte.is_ascii_digit()))
    };
    digits(fields.next(), 13) && digits(fields.next(), 1) && fields.count() >= 3
}

fn task(line: &str) -> bool {
    ["- [", "* [", "+ ["].iter().any(|mark| {
        line.strip_prefix(mark).is_some_and(|rest| {
            let mut characters = rest.chars();
            matches!(characters.next(), Some(' ' | 'x' | 'X')) && characters.next() == Some(']')
        })
    })
}
