//! Tells a format by its content, never by its name.

use super::json::{self, Node, Scalar};
use super::xml::{Event, Xml};
use crate::model::bounds::Bounds;
use crate::model::kind::{Format, Kind};
use crate::model::report::Fault;

/// How many bytes of a text are looked at for the mark of its format.
pub const HEAD: usize = 64 * 1024;
/// How many keys of an object are remembered until its format is certain.
pub const KEYS: usize = 64;
/// How many bytes are looked at for the first event of `go test -json`, before which the go command may say what it
/// fetches and builds.
pub const BEFORE_EVENTS: usize = 1 << 20;
/// How many objects, a line each, are looked at there.
pub const OBJECTS: usize = 100;

/// The format of some content, or `None` when it is none that is read. The
/// content is only looked at as far as it takes to be sure.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Option<Format> {
    recognise_within(bytes, &Bounds::LEFT_OUT)
}

/// The same within bounds that a policy sets.
#[must_use]
pub fn recognise_within(bytes: &[u8], bounds: &Bounds) -> Option<Format> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if super::gatling::binary_version(text).is_some() {
        return Some(Format::Gatling);
    }
    match text.iter().find(|byte| !byte.is_ascii_whitespace())? {
        // A Markdown list may begin with a comment or other HTML.
        b'<' => xml(text, bounds).ok().flatten().or_else(|| plain(text)),
        b'{' => json_object(text, bounds).ok().flatten().or_else(|| plain(text)),
        b'[' => json_array(text, bounds).ok().flatten().or_else(|| plain(text)),
        _ => plain(text).or_else(|| go_test_within(text, bounds)),
    }
}

/// What is wrong with some content before the mark by which its format would have
/// been recognised, if it begins as the formats do that a kind of gate reads.
#[must_use]
pub fn damage(bytes: &[u8], bounds: &Bounds, kind: Kind) -> Option<Fault> {
    let read = |formats: &[Format]| formats.iter().any(|format| format.kind() == kind);
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match text.trim_ascii_start() {
        [b'<', b'?' | b'!' | b'_' | b'a'..=b'z' | b'A'..=b'Z', ..] if read(&XML) => xml(bytes, bounds).err(),
        [b'{', rest @ ..] if read(&JSON) && matches!(rest.trim_ascii_start(), [b'"' | b'}', ..] | []) => {
            json_object(bytes, bounds).err()
        }
        [b'[', rest @ ..] if read(&JSON) && matches!(rest.trim_ascii_start(), [b'{' | b'[' | b']', ..] | []) => {
            json_array(bytes, bounds).err()
        }
        _ => None,
    }
}

/// A format of each kind that is written in XML.
const XML: [Format; 4] = [Format::Junit, Format::Jacoco, Format::JmeterXml, Format::CyclonedxXml];
/// A format of each kind that is written in JSON.
const JSON: [Format; 6] =
    [Format::GoTest, Format::Sarif, Format::K6, Format::CyclonedxJson, Format::SigstoreBundle, Format::Checklist];

fn xml(bytes: &[u8], bounds: &Bounds) -> Result<Option<Format>, Fault> {
    let mut xml = Xml::within(bytes, bounds);
    let Event::Open(root) = xml.next()? else { return Ok(None) };
    Ok(match root.name() {
        "testsuites" | "testsuite" => Some(Format::Junit),
        "TestRun" => Some(Format::Trx),
        // The name of the root is anybody's; what stands in it is JaCoCo's own.
        "report" => {
            let first = std::iter::repeat_with(|| xml.next()).find(|event| !matches!(event, Ok(Event::Text(_))));
            match first.transpose()? {
                Some(Event::Open(child)) => {
                    ["sessioninfo", "group", "package", "counter"].contains(&child.name()).then_some(Format::Jacoco)
                }
                _ => None,
            }
        }
        "testResults" => Some(Format::JmeterXml),
        "bom" => Some(Format::CyclonedxXml),
        "coverage" => {
            // Clover and SonarQube's generic coverage have a root of the same name, without rates.
            let mut stated = false;
            root.attributes(&xml, |name, _| {
                stated |= ["line-rate", "lines-valid"].contains(&name);
                Ok(())
            })?;
            stated.then_some(Format::Cobertura)
        }
        _ => None,
    })
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
        } else if self.has("@graph") || self.says("@context", "spdx.org/rdf/3") {
            Some(Format::Spdx3)
        } else if self.says("mediaType", "sigstore.bundle")
            || self.has("verificationMaterial")
            || self.has("payloadType")
            || self.has("attestations")
        {
            Some(Format::SigstoreBundle)
        } else if self.has(RESULTS_OF_PACKAGES) {
            Some(Format::OsvScanner)
        } else if self.has("matches") {
            Some(Format::Grype)
        } else if self.has("SchemaVersion")
            || self.has("ArtifactName")
            || self.has("ClusterName")
            || (self.has("Target") && self.has("Vulnerabilities"))
        {
            Some(Format::Trivy)
        } else if self.has("packageManager") || self.has("dependencyCount") || self.has("uniqueCount") {
            Some(Format::Snyk)
        } else if self.has("scan") || (self.has("vulnerabilities") && self.says("version", ".")) {
            Some(Format::GitlabReport)
        } else if self.has("Action") && (self.has("Package") || self.has("Time") || self.has("ImportPath")) {
            Some(Format::GoTest)
        } else if self.has("root_group") || self.has("metrics:k6") || self.is_versioned_k6() {
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

    /// The form of k6 that tells of its run in these parts.
    fn is_versioned_k6(&self) -> bool {
        self.has("config") && self.has("metadata") && self.has("results")
    }

    /// The format that the keys mean when there are no more.
    fn likely(&self) -> Option<Format> {
        if self.has("experimental_config") || self.is_empty_osv_scanner() {
            Some(Format::OsvScanner)
        } else if self.has("ok") && (self.has("vulnerabilities") || self.has("error")) {
            Some(Format::Snyk)
        } else {
            None
        }
    }

    fn look(&mut self, node: &mut Node<'_, '_>) -> json::Step {
        node.object(|key, value| {
            match key {
                "results" => return self.look_into_results(value),
                "metrics" => return self.look_into_metrics(value),
                "sbom" => return self.look_into_sbom(value),
                // Most formats are certain by a key alone, whose value may be the whole report.
                _ => self.note(key, None)?,
            }
            match value.scalar()? {
                Scalar::Text(text) => self.note(key, Some(crate::model::notable::shortened(&text, 200))),
                _ => Ok(()),
            }
        })
    }

    /// Many tools have metrics; k6 always has its iterations or the data it received.
    fn look_into_metrics(&mut self, value: &mut Node<'_, '_>) -> json::Step {
        let mut of_k6 = false;
        value.object(|name, _| {
            of_k6 |= ["iterations", "http_reqs", "data_received"].contains(&name);
            Ok(())
        })?;
        self.note(if of_k6 { "metrics:k6" } else { "metrics" }, None)
    }

    /// OSV-Scanner and others share the key `results`: what its elements hold tells them apart.
    fn look_into_results(&mut self, value: &mut Node<'_, '_>) -> json::Step {
        self.note("results", None)?;
        let mut empty = true;
        value.either(
            |_, _| Ok(()),
            |element| {
                empty = false;
                element.object(|key, _| if key == "packages" { self.note(RESULTS_OF_PACKAGES, None) } else { Ok(()) })
            },
        )?;
        if empty { self.note(NO_RESULTS, None) } else { Ok(()) }
    }

    /// Without results, OSV-Scanner is told by what it does not have: other tools that
    /// found nothing write an empty `results` too, beside keys of their own.
    fn is_empty_osv_scanner(&self) -> bool {
        const KEYS: &[&str] = &["results", NO_RESULTS, "experimental_config", "image_metadata", "license_summary"];
        self.has(NO_RESULTS) && self.seen.iter().all(|(name, _)| KEYS.contains(&name.as_str()))
    }

    /// GitHub's dependency graph answers with an SPDX document under a key of its own.
    fn look_into_sbom(&mut self, value: &mut Node<'_, '_>) -> json::Step {
        let mut spdx = false;
        value.either(
            |key, _| {
                spdx |= key == "spdxVersion";
                Ok(())
            },
            |_| Ok(()),
        )?;
        self.note(if spdx { "spdxVersion" } else { "sbom" }, None)
    }

    /// Notes a key; an error ends the look when there is no doubt left.
    fn note(&mut self, key: &str, text: Option<String>) -> json::Step {
        if self.seen.len() < KEYS {
            self.seen.push((crate::model::notable::shortened(key, 60), text));
        }
        if self.certain().is_some() { Err(json::refuse("known")) } else { Ok(()) }
    }
}

fn json_object(bytes: &[u8], bounds: &Bounds) -> Result<Option<Format>, Fault> {
    let mut marks = Marks::default();
    let mut objects = 0;
    // A run of objects, one a line, is told by its first.
    let ended = json::walk_each(bytes, bounds, |node| {
        objects += 1;
        if objects > 1 {
            return Err(json::refuse("known"));
        }
        marks.look(node)
    });
    match marks.certain().or_else(|| marks.likely()) {
        None if objects <= 1 => ended.map(|()| None),
        known => Ok(known),
    }
}

fn json_array(bytes: &[u8], bounds: &Bounds) -> Result<Option<Format>, Fault> {
    let mut marks = Marks::default();
    let mut whole = false;
    let ended = json::walk_within(bytes, bounds, |node| {
        node.array(|element| {
            marks.look(element)?;
            whole = true;
            Err(json::refuse("known"))
        })
    });
    match marks.certain().or_else(|| marks.likely()) {
        None if !whole => ended.map(|()| None),
        known => Ok(known),
    }
}

/// `go test -json` passes on what the go command says, such as `go: downloading …`, and before Go 1.24 why a package
/// could not be built. Where that comes first, a later line tells what the text is.
fn go_test_within(bytes: &[u8], bounds: &Bounds) -> Option<Format> {
    let head = bytes.get(..bytes.len().min(BEFORE_EVENTS)).unwrap_or_default();
    let objects = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| line.starts_with(b"{"));
    let mut told = objects.take(OBJECTS).map(|line| json_object(line, bounds).ok().flatten());
    told.any(|format| format == Some(Format::GoTest)).then_some(Format::GoTest)
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
    } else if LOCUST_OTHERS.contains(&first) || first.starts_with("Timestamp,User Count,Type,Name,") {
        // told to be Locust's, so that its reader can say which of its files is wanted
        Some(Format::Locust)
    } else if first.starts_with("RUN\t") || first.starts_with("RUN ") || first.contains("\tRUN\t") {
        Some(Format::Gatling)
    } else if first.starts_with("SPDXVersion:") || lines.clone().take(200).any(|line| line.starts_with("SPDXVersion:"))
    {
        Some(Format::SpdxTagValue)
    } else if first.starts_with("TN:") || first.starts_with("SF:") {
        Some(Format::Lcov)
    } else {
        checklist(head)
    }
}

/// A YAML checklist has its key at the left margin; a Markdown one has a task. Where
/// a text has both, it is YAML if the key stands before any other content.
fn checklist(head: &str) -> Option<Format> {
    let key = |line: &str| line.strip_prefix("checklist").is_some_and(|rest| rest.trim_start().starts_with(':'));
    let content = |line: &&str| !line.trim().is_empty() && !line.starts_with(['#', '%']) && *line != "---";
    if head.lines().find(content).is_some_and(key) {
        Some(Format::Checklist)
    } else if head.lines().any(task) {
        Some(Format::TaskList)
    } else if head.lines().any(key) {
        Some(Format::Checklist)
    } else {
        None
    }
}

/// The headers of what Locust writes beside its statistics.
const LOCUST_OTHERS: [&str; 3] = [
    "Method,Name,Error,Occurrences",
    "Method,Name,Error,Occurrences,First Seen,Last Seen",
    "Count,Message,Traceback,Nodes",
];

/// A JTL without its header begins with a time in milliseconds and an elapsed time.
fn jtl_row(line: &str) -> bool {
    let mut fields = line.split([',', ';', '\t', '|']);
    let digits = |field: Option<&str>, length: usize| {
        field.is_some_and(|field| field.len() >= length && field.bytes().all(|byte| byte.is_ascii_digit()))
    };
    digits(fields.next(), 13) && digits(fields.next(), 1) && fields.count() >= 3
}

/// A list item whose content begins with a box: `- [ ]`, `* [x]`, `1. [X]`, GitLab's `- [~]`.
fn task(line: &str) -> bool {
    let line = line.trim_start();
    let Some(rest) = line.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(['-', '*', '+', '.', ')'])
    else {
        return false;
    };
    let Some(inner) = rest.trim_start().strip_prefix('[') else { return false };
    let mut characters = inner.chars();
    rest.starts_with([' ', '\t'])
        && characters.next().is_some_and(|c| matches!(c, 'x' | 'X' | '~') || c.is_whitespace())
        && characters.next() == Some(']')
}
