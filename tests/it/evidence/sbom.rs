//! What the tests of every bill of materials share, the counts over the corpus, and
//! the comparison with a baseline.

use countersign::evidence::sbom::{Component, SbomTally};
use countersign::evidence::{Tally, recognise};
use countersign::model::kind::Kind;
use countersign::model::measures::{Measure, Measures};
use countersign::model::notable::{Notable, Weight};
use countersign::model::report::{About, Fault};
use rstest::rstest;

use crate::support::corpus;

/// Reads a document into a tally, by whatever format it is recognised as.
pub fn into(mut tally: Tally, bytes: &[u8]) -> Result<(Tally, About), Fault> {
    let mut about = About::default();
    let format = recognise(bytes).expect("the document is recognised");
    tally.read(format, bytes, &mut about)?;
    Ok((tally, about))
}

/// What a document measures alone, and what it says of itself.
pub fn read(bytes: impl AsRef<[u8]>) -> Result<(Measures, About), Fault> {
    let (tally, about) = into(Tally::new(Kind::Sbom, None).unwrap(), bytes.as_ref())?;
    Ok((tally.measures(), about))
}

/// What a document of the corpus measures; `None` where the corpus is absent.
pub fn read_corpus(path: &str) -> Option<(Measures, About)> {
    let file = corpus(path)?;
    Some(read(std::fs::read(file).unwrap()).unwrap_or_else(|fault| panic!("{path}: {fault}")))
}

/// A count under `sbom.`; panics where it is unknown.
pub fn number(measures: &Measures, name: &str) -> u64 {
    match measures.get(&format!("sbom.{name}")) {
        Some(Measure::Number(number)) => format!("{number}").parse().expect("a count is whole"),
        other => panic!("sbom.{name} is {other:?}"),
    }
}

/// Components, and of them those without licence, supplier and version.
pub fn counts(measures: &Measures) -> [u64; 4] {
    ["components", "without_licence", "without_supplier", "without_version"].map(|name| number(measures, name))
}

/// Names under `sbom.`; panics where they are unknown.
pub fn names(measures: &Measures, name: &str) -> Vec<String> {
    match measures.get(&format!("sbom.{name}")) {
        Some(Measure::Names(names)) => names.clone(),
        other => panic!("sbom.{name} is {other:?}"),
    }
}

#[test]
fn every_document_of_the_corpus_counts_as_an_independent_program_counts_it() {
    let mut read = 0;
    for line in include_str!("sbom-counts.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let path = fields.next().unwrap();
        let expected: Vec<u64> = fields.map(|field| field.parse().unwrap()).collect();
        let Some((measures, _)) = read_corpus(path) else { return };
        assert_eq!(counts(&measures).to_vec(), expected, "{path}");
        read += 1;
    }
    assert_eq!(read, 79);
}

/// Before and after, as CycloneDX: `(purl or name, version, licence, supplier)`.
fn document(components: &[(&str, &str, &str, &str)]) -> String {
    let entries: Vec<_> = components
        .iter()
        .map(|(id, version, licence, supplier)| {
            let identity = match id.strip_prefix("pkg:") {
                Some(_) => format!(r#""name": "{}", "purl": "{id}@{version}""#, id.rsplit('/').next().unwrap()),
                None => format!(r#""name": "{id}""#),
            };
            format!(
                r#"{{"type": "library", {identity}, "version": "{version}", "publisher": "{supplier}",
                    "licenses": [{{"license": {{"id": "{licence}"}}}}]}}"#
            )
        })
        .collect();
    format!(r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{}]}}"#, entries.join(","))
}

fn compared(before: &str, after: &str) -> (Measures, Vec<Notable>) {
    let (before, _) = into(Tally::for_baseline(Kind::Sbom).unwrap(), before.as_bytes()).unwrap();
    let (after, _) = into(Tally::new(Kind::Sbom, Some(before)).unwrap(), after.as_bytes()).unwrap();
    let (measures, notables) = after.finish();
    (measures, notables.into_sorted())
}

fn differences(measures: &Measures) -> [u64; 3] {
    ["new.components", "new.versions", "removed.components"].map(|name| number(measures, name))
}

#[test]
fn a_baseline_tells_new_components_new_versions_and_removed_ones() {
    let before = document(&[
        ("pkg:npm/ms", "2.1.2", "MIT", "Vercel"),
        ("pkg:npm/left-pad", "1.3.0", "MIT", "azer"),
        ("pkg:npm/once", "1.4.0", "ISC", "isaacs"),
        ("plain", "1", "MIT", "azer"),
    ]);
    let after = document(&[
        ("pkg:npm/ms", "2.1.3", "MIT", "Vercel"),
        ("pkg:npm/once", "1.4.0", "ISC", "isaacs"),
        ("pkg:npm/wrappy", "1.0.2", "GPL-3.0-only", "Mallory"),
        ("pkg:npm/wrappy", "1.0.1", "MIT", "azer"),
        ("plain", "1", "MIT", "azer"),
    ]);
    let (measures, notables) = compared(&before, &after);

    assert_eq!(differences(&measures), [1, 1, 1]);
    assert_eq!(names(&measures, "new.names"), ["wrappy"]);
    assert_eq!(names(&measures, "new.licences"), ["GPL-3.0-only"]);
    assert_eq!(names(&measures, "new.suppliers"), ["Mallory"]);
    let said: Vec<_> = notables.iter().map(|n| (n.weight, n.new, n.title.as_str(), n.message.as_str())).collect();
    assert_eq!(
        said,
        [
            (Weight::Note, true, "wrappy", "new component, version 1.0.2, licence GPL-3.0-only, supplier Mallory"),
            (Weight::Note, true, "Mallory", "new supplier, first of `wrappy`"),
            (Weight::Warning, true, "GPL-3.0-only", "new licence, first on `wrappy`"),
        ]
        .into_iter()
        .rev()
        .collect::<Vec<_>>()
    );
}

#[test]
fn the_same_document_against_itself_differs_in_nothing() {
    let document = document(&[("pkg:npm/ms", "2.1.2", "MIT", "Vercel"), ("plain", "1", "ISC", "azer")]);
    let (measures, notables) = compared(&document, &document);
    assert_eq!(differences(&measures), [0, 0, 0]);
    assert!(names(&measures, "new.licences").is_empty());
    assert!(notables.is_empty());
}

#[test]
fn qualifiers_of_a_package_url_are_no_difference_but_another_registry_is() {
    let one = |purl: &str| {
        format!(
            r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{{"name": "a", "version": "1", "purl": "{purl}"}}]}}"#
        )
    };
    let before = one("pkg:deb/debian/a@1?arch=amd64&distro=debian-11");
    let (measures, _) = compared(&before, &one("pkg:deb/debian/a@1?distro=debian-12"));
    assert_eq!(differences(&measures), [0, 0, 0]);
    let (measures, _) = compared(&before, &one("pkg:deb/debian/a@1?repository_url=evil.example"));
    assert_eq!(differences(&measures), [1, 0, 1]);
}

#[test]
fn a_baseline_that_lists_two_versions_covers_both() {
    let before = document(&[("pkg:npm/ms", "1", "MIT", "a"), ("pkg:npm/ms", "2", "MIT", "a")]);
    let (measures, _) = compared(&before, &document(&[("pkg:npm/ms", "2", "MIT", "a")]));
    assert_eq!(differences(&measures), [0, 0, 0]);
    let (measures, _) =
        compared(&before, &document(&[("pkg:npm/ms", "3", "MIT", "a"), ("pkg:npm/ms", "3", "MIT", "a")]));
    assert_eq!(differences(&measures), [0, 1, 0]);
}

#[test]
fn without_a_baseline_every_difference_stays_unknown() {
    let unread = SbomTally::against(SbomTally::for_baseline());
    for mut tally in [SbomTally::new(), unread] {
        tally.component(&Component { name: "a".into(), ..Component::default() });
        tally.document();
        let measures = tally.measures();
        assert_eq!(number(&measures, "components"), 1);
        let new = measures.iter().filter(|(name, _)| name.contains(".new.") || name.contains("removed")).count();
        assert_eq!(new, 0, "{measures:?}");
    }
}

#[test]
fn nothing_is_known_before_a_document_was_read_to_its_end() {
    let mut tally = SbomTally::new();
    tally.component(&Component { name: "a".into(), ..Component::default() });
    assert!(tally.measures().is_empty());
}

#[test]
fn a_list_of_names_that_is_too_long_is_unknown_and_never_cut() {
    let licences = |count: usize| {
        let mut tally = SbomTally::new();
        for number in 0..count {
            let licences = [format!("LicenseRef-{number}").into()].into_iter().collect();
            tally.component(&Component { name: "a".into(), licences, ..Component::default() });
        }
        tally.document();
        tally.measures().get("sbom.licences").cloned()
    };
    assert!(matches!(licences(10_000), Some(Measure::Names(names)) if names.len() == 10_000));
    assert_eq!(licences(10_001), None);

    let mut tally = SbomTally::new();
    let long = "x".repeat(2 << 20);
    tally.component(&Component { name: "a".into(), supplier: Some(long.into()), ..Component::default() });
    tally.document();
    assert_eq!(tally.measures().get("sbom.suppliers"), None);
    assert_eq!(number(&tally.measures(), "without_supplier"), 0);
}

#[test]
fn a_component_that_leaves_something_open_is_shown_the_licence_first() {
    let mut tally = SbomTally::new();
    tally.component(&Component { name: "half".into(), version: Some("NOASSERTION".into()), ..Component::default() });
    tally.component(&Component {
        name: "core".into(),
        group: Some("@angular".into()),
        version: Some("1".into()),
        licences: [std::borrow::Cow::Borrowed("MIT")].into_iter().collect(),
        ..Component::default()
    });
    tally.document();
    let said: Vec<_> = tally.finish().1.into_sorted().into_iter().map(|n| (n.title, n.message)).collect();
    assert_eq!(
        said,
        [
            ("half".to_owned(), "states no licence, no version, no supplier".to_owned()),
            ("@angular/core".to_owned(), "states no supplier".to_owned()),
        ]
    );
}

#[rstest]
#[case("MIT", "MIT")]
#[case("(MIT)", "MIT")]
#[case("MIT OR Apache-2.0", "Apache-2.0 OR MIT")]
#[case("(Apache-2.0 or MIT)", "Apache-2.0 OR MIT")]
#[case("MIT AND (MIT AND Zlib)", "MIT AND Zlib")]
#[case("(MIT OR Zlib) AND ISC", "(MIT OR Zlib) AND ISC")]
#[case("ISC AND (Zlib OR MIT)", "(MIT OR Zlib) AND ISC")]
#[case("MIT OR (ISC AND Zlib)", "ISC AND Zlib OR MIT")]
#[case("MIT OR ISC OR Zlib", "ISC OR MIT OR Zlib")]
#[case("GPL-2.0", "GPL-2.0-only")]
#[case("GPL-2.0+", "GPL-2.0-or-later")]
#[case("GPL-2.0-or-later", "GPL-2.0-or-later")]
#[case("LGPL-2.1-only", "LGPL-2.1-only")]
#[case("GPL-2.0+ WITH Classpath-exception-2.0", "GPL-2.0-or-later WITH Classpath-exception-2.0")]
#[case("Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception")]
#[case("Apache-1.0+", "Apache-1.0+")]
#[case("LicenseRef-acme AND MIT", "LicenseRef-acme AND MIT")]
#[case::no_expression("Apache License, Version 2.0", "Apache License, Version 2.0")]
#[case::nothing_is_guessed("MIT/Apache-2.0", "MIT/Apache-2.0")]
#[case::not_on_the_list("BSD", "BSD")]
#[case::half("MIT OR", "MIT OR")]
#[case::unclosed("(MIT", "(MIT")]
fn every_spelling_of_one_licence_expression_becomes_the_same(#[case] written: &str, #[case] expected: &str) {
    let mut tally = SbomTally::new();
    let licences = [std::borrow::Cow::Borrowed(written)].into_iter().collect();
    tally.component(&Component { name: "a".into(), licences, ..Component::default() });
    tally.document();
    let licences = names(&tally.measures(), "licences");
    assert!(licences.contains(&expected.into()), "{licences:?}");
    assert!(written == expected || !licences.contains(&written.into()), "{licences:?}");
}

#[rstest]
#[case("MIT", &[])]
#[case("mit", &["MIT"])]
#[case("GPL-3.0-only AND MIT", &["GPL-3.0-only", "MIT"])]
#[case("MIT OR GPL-3.0-only", &["GPL-3.0-only", "GPL-3.0-only OR MIT", "MIT"])]
#[case("gpl-3.0-only", &["GPL-3.0-only"])]
#[case("mit Or (ISC and gpl-3.0)", &["GPL-3.0-only", "GPL-3.0-only AND ISC OR MIT", "ISC", "MIT"])]
#[case(
    "GPL-3.0-only with classpath-exception-2.0",
    &["Classpath-exception-2.0", "GPL-3.0-only", "GPL-3.0-only WITH Classpath-exception-2.0"]
)]
#[case(
    "(GPL-2.0+ WITH Bison-exception-2.2) AND MIT",
    &[
        "Bison-exception-2.2", "GPL-2.0-or-later", "GPL-2.0-or-later WITH Bison-exception-2.2",
        "GPL-2.0-or-later WITH Bison-exception-2.2 AND MIT", "MIT",
    ]
)]
#[case("GPL-2.0-with-classpath-exception", &["GPL-2.0-only"])]
#[case("Apache-1.0+", &["Apache-1.0"])]
#[case("LicenseRef-acme AND MIT", &["LicenseRef-acme", "MIT"])]
#[case::one_is_not_on_the_list("GPL-3.0 AND Custom", &["GPL-3.0-only"])]
#[case::an_unknown_exception("GPL-3.0-only WITH Our-exception", &["GPL-3.0-only"])]
#[case::slash("MIT/gpl-3.0+", &["GPL-3.0-or-later", "MIT"])]
#[case::half("MIT OR", &["MIT"])]
#[case::unclosed("(GPL-3.0-only", &["GPL-3.0-only"])]
#[case::a_name("Apache License, Version 2.0", &[])]
#[case::a_name_with_a_word_of_the_list("The MIT License", &["MIT"])]
#[case::a_word_of_the_language("fair use of json", &[])]
fn every_identifier_within_an_expression_is_named_beside_it(#[case] written: &str, #[case] expected: &[&str]) {
    let mut tally = SbomTally::new();
    let licences = [std::borrow::Cow::Borrowed(written)].into_iter().collect();
    tally.component(&Component { name: "a".into(), licences, ..Component::default() });
    tally.document();
    let mut licences = names(&tally.measures(), "licences");
    if !expected.contains(&written) {
        licences.retain(|name| name != written);
    }
    assert_eq!(licences, expected);
}

#[test]
fn a_long_nested_expression_takes_no_long_time() {
    let nested = format!("{}MIT{}", "MIT AND (ISC OR ".repeat(60_000), ")".repeat(60_000));
    let mut tally = SbomTally::new();
    let licences = [std::borrow::Cow::Borrowed(nested.as_str())].into_iter().collect();
    let begun = std::time::Instant::now();
    tally.component(&Component { name: "a".into(), licences, ..Component::default() });
    tally.document();
    assert_eq!(names(&tally.measures(), "licences"), ["ISC", "MIT", nested.as_str()]);
    assert!(begun.elapsed().as_secs() < 5);
}
