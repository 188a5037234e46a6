//! SPDX 2, JSON and tag-value.

use countersign::evidence::recognise;
use countersign::model::kind::Format;
use countersign::model::report::{About, Fault, Place};
use countersign::model::verdict::Reason;
use rstest::rstest;

use super::sbom::{counts, names, number, read, read_corpus};
use crate::support::corpus;

fn json(body: &str) -> String {
    format!(r#"{{"spdxVersion": "SPDX-2.3", {body}}}"#)
}

fn refused(document: &str) -> Fault {
    read(document).expect_err("the document is refused")
}

// 193 packages by `jq '.packages | length'`, of which one is described.
#[test]
fn what_npm_writes_is_read_with_its_product_apart() {
    let Some((measures, about)) = read_corpus("spdx/generated__npm-11-sbom__spdx.json") else { return };
    assert_eq!(number(&measures, "components"), 192);
    assert_eq!(
        names(&measures, "licences"),
        ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC0-1.0", "ISC", "MIT"]
    );
    assert_eq!(about.tool.as_deref(), Some("npm/cli-11.19.1"));
    assert_eq!(about.made_at.unwrap().to_rfc3339(), "2026-11-22T11:38:28.677+00:00");
}

// Five packages by `jq '.packages | length'`, of which the scanned folder is described.
#[test]
fn what_trivy_writes_is_read_with_the_scanned_folder_apart() {
    let Some((measures, _)) = read_corpus("trivy/trivy__integration__testdata__julia-spdx.json.golden") else { return };
    assert_eq!(number(&measures, "components"), 4);
}

// The same document in three notations of the SPDX project's own tests; the counts are in `sbom-counts.tsv`.
#[test]
fn tag_value_says_the_same_as_json_in_utf_8_and_utf_16() {
    let Some((json, told)) = read_corpus("spdx/tools-python__tests__spdx__data__SPDXJSONExample-v2.3.spdx.json") else {
        return;
    };
    let Some((tags, about)) = read_corpus("spdx/tools-python__tests__spdx__data__SPDXTagExample-v2.2.spdx") else {
        return;
    };
    assert_eq!(counts(&tags), counts(&json));
    assert_eq!(names(&tags, "licences"), names(&json, "licences"));
    assert_eq!(about, told);
    assert_eq!(about.artifacts, ["11b6d3ee554eedf79299905a98f9b9a04e498210b59f15094c916c91d150efcd"]);

    let file = corpus("spdx/tools-python__tests__spdx__data__SPDXTagExample-UTF-16.spdx").unwrap();
    let bytes = std::fs::read(file).unwrap();
    let (text, ..) = encoding_rs::UTF_16LE.decode(&bytes);
    assert_eq!(counts(&read(text.as_bytes()).unwrap().0), counts(&tags));
}

#[rstest]
#[case("spdx/tools-python__tests__spdx__data__SPDXLite.spdx", Some(Format::SpdxTagValue))]
#[case("spdx/spdx-examples__software__example6__spdx2.2__example6-lib.spdx", Some(Format::SpdxTagValue))]
#[case("spdx/guac__internal__testing__testdata__exampledata__oci-spdx.json", Some(Format::SpdxJson))]
#[case("spdx/spdx-examples__ai__example02__spdx3.0__sbom.spdx3.json", Some(Format::Spdx3))]
#[case::yaml_is_not_read("spdx/tools-python__tests__spdx__data__SPDXYAMLExample-v2.2.spdx.yaml", None)]
#[case::xml_is_not_read("spdx/tools-python__tests__spdx__data__SPDXXMLExample-v2.2.spdx.xml", None)]
#[case::rdf_is_not_read("spdx/tools-python__tests__spdx__data__SPDXRdfExample-v2.3.spdx.rdf.xml", None)]
fn each_notation_is_recognised_for_what_it_is(#[case] path: &str, #[case] expected: Option<Format>) {
    let Some(file) = corpus(path) else { return };
    assert_eq!(recognise(&std::fs::read(file).unwrap()), expected);
}

#[rstest]
#[case("spdx/guac__internal__testing__testdata__exampledata__invalid-spdx.json", "expected a text, found a number")]
#[case("spdx/guac__internal__testing__testdata__exampledata__small-spdx.json", "expected a text, found an object")]
#[case("malformed/spdx__truncated.json", "cut off")]
#[case("malformed/spdx__nul-in-middle.json", "control character")]
fn a_broken_document_is_malformed_and_names_the_line(#[case] path: &str, #[case] message: &str) {
    let Some(file) = corpus(path) else { return };
    let fault = read(std::fs::read(file).unwrap()).unwrap_err();
    assert_eq!(fault.reason, Reason::Malformed);
    assert!(matches!(fault.place, Place::Line(..)) && fault.message.contains(message), "{fault}");
}

#[rstest]
#[case::told_before(r#""documentDescribes": ["SPDXRef-p"], "packages": [{"SPDXID": "SPDXRef-p", "name": "p"}, {"SPDXID": "SPDXRef-a", "name": "a"}]"#, 1)]
#[case::told_after(
    r#""packages": [{"SPDXID": "SPDXRef-p", "name": "p"}, {"SPDXID": "SPDXRef-a", "name": "a"}],
       "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-p"}]"#,
    1
)]
#[case::told_the_other_way_round(
    r#""packages": [{"SPDXID": "SPDXRef-p", "name": "p"}, {"SPDXID": "SPDXRef-a", "name": "a"}],
       "relationships": [{"spdxElementId": "SPDXRef-p", "relationshipType": "DESCRIBED_BY", "relatedSpdxElement": "SPDXRef-DOCUMENT"}]"#,
    1
)]
#[case::told_of_another_element(
    r#""packages": [{"SPDXID": "SPDXRef-p", "name": "p"}, {"SPDXID": "SPDXRef-a", "name": "a"}],
       "relationships": [{"spdxElementId": "SPDXRef-a", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-p"}]"#,
    2
)]
#[case::a_list_of_several(r#""documentDescribes": ["SPDXRef-p", "SPDXRef-a"], "packages": [{"SPDXID": "SPDXRef-p", "name": "p"}, {"SPDXID": "SPDXRef-a", "name": "a"}]"#, 2)]
#[case::only_the_product(
    r#""documentDescribes": ["SPDXRef-p"], "packages": [{"SPDXID": "SPDXRef-p", "name": "p"}]"#,
    0
)]
fn the_one_package_that_is_described_is_the_product(#[case] body: &str, #[case] components: u64) {
    assert_eq!(number(&read(json(body)).unwrap().0, "components"), components);
}

// The form of `GET /repos/{owner}/{repo}/dependency-graph/sbom`.
#[test]
fn what_githubs_dependency_graph_answers_is_read() {
    let document = json(
        r#""SPDXID": "SPDXRef-DOCUMENT", "creationInfo": {"created": "2026-01-02T03:04:05Z", "creators": ["Tool: GitHub.com-Dependency-Graph"]},
           "packages": [{"SPDXID": "SPDXRef-p", "name": "com.github.o/r"}, {"SPDXID": "SPDXRef-a", "name": "a", "licenseConcluded": "MIT"}],
           "relationships": [{"relationshipType": "DESCRIBES", "spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "SPDXRef-p"}]"#,
    );
    let (measures, about) = read(format!(r#"{{"sbom": {document}}}"#)).unwrap();
    assert_eq!(counts(&measures), [1, 0, 1, 1]);
    assert_eq!(about.tool.as_deref(), Some("GitHub.com-Dependency-Graph"));
    assert_eq!(recognise(br#"{"sbom": {"other": 1}}"#), None);
    assert_eq!(recognise(br#"{"sbom": "spdxVersion"}"#), None);
}

#[rstest]
#[case::both(r#""licenseConcluded": "MIT", "licenseDeclared": "ISC""#, &["ISC", "MIT"])]
#[case::the_same(r#""licenseConcluded": "MIT", "licenseDeclared": "MIT""#, &["MIT"])]
#[case::declared_where_nothing_is_concluded(r#""licenseConcluded": "NOASSERTION", "licenseDeclared": "ISC""#, &["ISC"])]
#[case::declared_alone(r#""licenseDeclared": "(MIT AND ISC)""#, &["ISC", "ISC AND MIT", "MIT"])]
#[case::nothing(r#""licenseConcluded": "NONE", "licenseDeclared": "NOASSERTION""#, &[])]
fn the_concluded_licence_counts_and_the_declared_too(#[case] fields: &str, #[case] expected: &[&str]) {
    let (measures, _) = read(json(&format!(r#""packages": [{{"name": "a", {fields}}}]"#))).unwrap();
    assert_eq!(names(&measures, "licences"), expected);
    assert_eq!(number(&measures, "without_licence"), u64::from(expected.is_empty()));
}

#[rstest]
#[case("Organization: Acme", &["Acme"])]
#[case("Organization: Acme (info@acme.example)", &["Acme"])]
#[case("Organization: Acme (UK) Ltd", &["Acme (UK) Ltd"])]
#[case("Organization: Acme (UK)", &["Acme (UK)"])]
#[case("Person: Jane Doe ()", &["Jane Doe"])]
#[case("NOASSERTION", &[])]
#[case("Organization:", &[])]
fn a_supplier_is_told_by_its_bare_name(#[case] supplier: &str, #[case] expected: &[&str]) {
    let (measures, _) = read(json(&format!(r#""packages": [{{"name": "a", "supplier": "{supplier}"}}]"#))).unwrap();
    assert_eq!(names(&measures, "suppliers"), expected);
}

#[test]
fn a_version_that_only_the_package_url_holds_is_stated() {
    let purl = |url: &str| {
        let refs = format!(
            r#"[{{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "{url}"}}]"#
        );
        let (measures, _) = read(json(&format!(r#""packages": [{{"name": "a", "externalRefs": {refs}}}]"#))).unwrap();
        number(&measures, "without_version")
    };
    assert_eq!(purl("pkg:npm/a@1.0"), 0);
    assert_eq!(purl("pkg:npm/a"), 1);
    assert_eq!(purl("not a package url@1.0"), 1);
}

const TAGS: &str = "# a comment
SPDXVersion: SPDX-2.3\r
Creator: Person: Jane
Creator: Tool: gen-1.0
Created: 2026-01-02T03:04:05Z
DocumentComment: <text>several lines
PackageName: not a package
SPDXVersion: SPDX-9</text>
Relationship: SPDXRef-p DESCRIBED_BY SPDXRef-DOCUMENT

PackageName: product
SPDXID: SPDXRef-p
PackageChecksum: SHA256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
PackageName: <text>lib</text>
SPDXID: SPDXRef-lib
PackageSupplier: Organization: Acme
PackageLicenseConcluded: NOASSERTION
PackageLicenseDeclared: MIT
ExternalRef: PACKAGE-MANAGER purl pkg:npm/lib@1.0
FileName: ./a.c
SPDXID: SPDXRef-p
PackageVersion: belongs to no package
";

#[test]
fn tag_value_is_read_line_by_line_with_texts_over_several() {
    let (measures, about) = read(TAGS).unwrap();
    assert_eq!(counts(&measures), [1, 0, 0, 0]);
    assert_eq!(names(&measures, "suppliers"), ["Acme"]);
    assert_eq!(names(&measures, "licences"), ["MIT"]);
    assert_eq!(about.tool.as_deref(), Some("gen-1.0"));
    assert_eq!(about.artifacts, ["a".repeat(64)]);
}

#[rstest]
#[case(
    r#"{"spdxVersion": "SPDX-3.1", "packages": []}"#,
    Place::Line(1, 26),
    "version `SPDX-3.1` is not read; write the document as SPDX-2.2 or SPDX-2.3"
)]
#[case(
    r#"{"spdxVersion": "SPDX-2.3", "packages": [{"SPDXID": "SPDXRef-a"}]}"#,
    Place::Line(1, 65),
    "a package has no name"
)]
#[case("SPDXVersion: SPDX-1.0\n", Place::Line(1, 0), "version `SPDX-1.0`")]
#[case("SPDXVersion: SPDX-2.3\nthis is no tag\n", Place::Line(2, 0), "expected `Tag: value`, found `this is no tag`")]
#[case("SPDXVersion: SPDX-2.3\nPackageComment: <text>never\nends", Place::Line(2, 0), "never closed by `</text>`")]
fn what_is_not_spdx_is_refused_with_a_place(#[case] document: &str, #[case] place: Place, #[case] message: &str) {
    let fault = refused(document);
    assert_eq!(fault.reason, Reason::Malformed);
    assert!(fault.message.contains(message), "{fault}");
    if let Place::Line(line, 0) = place {
        assert_eq!(fault.place, Place::Line(line, 0), "{fault}");
    } else {
        assert!(matches!(fault.place, Place::Line(1, _)), "{fault}");
    }
}

#[test]
fn a_document_without_packages_has_nothing_to_judge() {
    assert_eq!(refused(&json(r#""files": []"#)).reason, Reason::EmptyReport);
    assert_eq!(refused("SPDXVersion: SPDX-2.3\nFileName: a\n").reason, Reason::EmptyReport);
}

#[test]
fn t51_bytes_that_are_no_text_are_refused_at_their_place() {
    let mut bytes = b"SPDXVersion: SPDX-2.3\nPackageName: ".to_vec();
    bytes.extend([0xC3, 0x28]);
    let mut tally = countersign::evidence::sbom::SbomTally::new();
    let fault = countersign::evidence::spdx::read_tag_value(&bytes, &mut tally, &mut About::default()).unwrap_err();
    assert_eq!((fault.reason, fault.place), (Reason::Malformed, Place::Byte(35)));
}
