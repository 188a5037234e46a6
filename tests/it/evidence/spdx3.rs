//! SPDX 3.0 as JSON-LD.

use countersign::model::verdict::Reason;
use rstest::rstest;

use super::sbom::{counts, names, number, read, read_corpus};

fn graph(elements: &str) -> String {
    format!(r#"{{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": [{elements}]}}"#)
}

const PACKAGE: &str = r#"{"type": "software_Package", "spdxId": "urn:a", "name": "a", "software_packageVersion": "1",
    "suppliedBy": "urn:acme", "software_packageUrl": "pkg:npm/a@1"}"#;
const LICENCE: &str =
    r#"{"type": "simplelicensing_LicenseExpression", "spdxId": "urn:mit", "simplelicensing_licenseExpression": "MIT"}"#;
const AGENT: &str = r#"{"type": "Organization", "spdxId": "urn:acme", "name": "Acme"}"#;

fn relation(kind: &str, to: &str) -> String {
    format!(r#"{{"type": "Relationship", "relationshipType": "{kind}", "from": "urn:a", "to": ["{to}"]}}"#)
}

// The same bill of materials stands in the corpus as SPDX 2.3, whose counts are in `sbom-counts.tsv`; so does this one's.
#[test]
fn a_document_says_the_same_as_its_counterpart_in_spdx_2() {
    let Some((three, about)) =
        read_corpus("spdx/spdx-examples__software__example14__content__examplemaven-0.0.1.spdx3.json")
    else {
        return;
    };
    let Some((two, told)) =
        read_corpus("spdx/spdx-examples__software__example14__content__examplemaven-0.0.1.spdx.json")
    else {
        return;
    };
    assert_eq!(counts(&three), counts(&two));
    assert_eq!(names(&three, "licences"), names(&two, "licences"));
    assert_eq!((&about.tool, about.made_at), (&told.tool, told.made_at));
}

#[test]
fn packages_of_the_ai_and_dataset_profiles_are_packages() {
    let Some((measures, about)) = read_corpus("spdx/spdx-examples__ai__example02__spdx3.0__sbom.spdx3.json") else {
        return;
    };
    assert_eq!(number(&measures, "components"), 1);
    assert_eq!(about.made_at.unwrap().to_rfc3339(), "2024-06-24T05:30:00+00:00");
}

#[test]
fn the_order_of_elements_makes_no_difference() {
    let concluded = relation("hasConcludedLicense", "urn:mit");
    let orders = [[PACKAGE, LICENCE, AGENT, &concluded], [&concluded, AGENT, LICENCE, PACKAGE]];
    for order in orders {
        let (measures, _) = read(graph(&order.join(","))).unwrap();
        assert_eq!(counts(&measures), [1, 0, 0, 0]);
        assert_eq!(names(&measures, "licences"), ["MIT"]);
        assert_eq!(names(&measures, "suppliers"), ["Acme"]);
    }
}

#[rstest]
#[case::declared(&[("hasDeclaredLicense", "urn:mit")], &["MIT"])]
#[case::both(&[("hasDeclaredLicense", "urn:mit"), ("hasConcludedLicense", "https://spdx.org/licenses/ISC")], &["ISC", "MIT"])]
#[case::no_assertion_gives_way(
    &[("hasConcludedLicense", "expandedlicensing_NoAssertionLicense"), ("hasDeclaredLicense", "urn:mit")],
    &["MIT"]
)]
#[case::none(&[("hasConcludedLicense", "https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoneLicense")], &[])]
#[case::another_relation(&[("contains", "urn:mit")], &[])]
#[case::a_target_that_is_not_there(&[("hasConcludedLicense", "urn:other")], &[])]
fn licences_come_by_relationships(#[case] relations: &[(&str, &str)], #[case] expected: &[&str]) {
    let relations: Vec<_> = relations.iter().map(|(kind, to)| relation(kind, to)).collect();
    let (measures, _) = read(graph(&format!("{PACKAGE},{},{LICENCE}", relations.join(",")))).unwrap();
    assert_eq!(names(&measures, "licences"), expected);
    assert_eq!(number(&measures, "without_licence"), u64::from(expected.is_empty()));
}

#[test]
fn a_relationship_with_more_licences_than_are_kept_is_refused() {
    let to = |count: usize| {
        let many = vec![r#""urn:mit""#; count].join(",");
        let relation = relation("hasDeclaredLicense", "urn:mit").replace(r#""urn:mit""#, &many);
        read(graph(&format!("{PACKAGE},{relation},{LICENCE}")))
    };
    assert!(to(1_000).is_ok());
    let said = to(1_001).unwrap_err().message;
    assert!(said.contains("more than 1000 targets; set `limits.licences` in the policy higher"), "{said}");
}

#[test]
fn the_one_root_package_is_the_product_with_its_digest() {
    let digest = "b".repeat(64);
    let product = format!(
        r#"{{"type": "software_Package", "spdxId": "urn:p", "name": "p",
            "verifiedUsing": [{{"type": "Hash", "algorithm": "sha256", "hashValue": "{digest}"}}]}}"#
    );
    let root = r#"{"type": "software_Sbom", "spdxId": "urn:s", "rootElement": ["urn:p"]}"#;
    let (measures, about) = read(graph(&format!("{product},{PACKAGE},{root}"))).unwrap();
    assert_eq!(number(&measures, "components"), 1);
    assert_eq!(about.artifacts, [digest]);

    let roots = r#"{"type": "software_Sbom", "spdxId": "urn:s", "rootElement": ["urn:p", "urn:a"]}"#;
    let (measures, about) = read(graph(&format!("{product},{PACKAGE},{roots}"))).unwrap();
    assert_eq!(number(&measures, "components"), 2);
    assert!(about.artifacts.is_empty());
}

#[rstest]
#[case(graph(r#"{"type": "CreationInfo", "specVersion": "4.0.0"}"#), Reason::Malformed, "version `4.0.0` is not read")]
#[case(r#"{"@context": "https://spdx.org/rdf/3.1/spdx-context.jsonld", "@graph": []}"#.to_owned(), Reason::Malformed, "version `3.1`")]
#[case(r#"{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}"#.to_owned(), Reason::Malformed, "no `@graph`")]
#[case(r#"{"@graph": []}"#.to_owned(), Reason::Malformed, "says that this is SPDX 3.0")]
#[case(graph(r#"{"type": "software_Package", "spdxId": "urn:a"}"#), Reason::Malformed, "a package has no `name`")]
#[case(graph(r#"{"type": "software_Package", "name": 5}"#), Reason::Malformed, "expected a text, found a number")]
#[case(graph(LICENCE), Reason::EmptyReport, "lists no package")]
fn what_cannot_be_judged_is_refused_with_a_reason(
    #[case] document: String,
    #[case] reason: Reason,
    #[case] message: &str,
) {
    let fault = read(document).unwrap_err();
    assert_eq!(fault.reason, reason);
    assert!(fault.message.contains(message), "{fault}");
}

#[test]
fn texts_with_escapes_are_kept_up_to_a_limit() {
    let agents = |bytes: usize| {
        let name = format!("\\n{}", "x".repeat(500_000));
        let list: Vec<_> = (0..bytes / 500_000)
            .map(|number| format!(r#"{{"type": "Organization", "spdxId": "urn:{number}", "name": "{name}"}}"#))
            .collect();
        read(graph(&format!("{PACKAGE},{}", list.join(","))))
    };
    assert!(agents(3_000_000).is_ok());
    assert_eq!(agents(6_000_000).unwrap_err().reason, Reason::BeyondLimit);
}
