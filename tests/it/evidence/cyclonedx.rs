//! CycloneDX, JSON and XML.

use countersign::evidence::{Tally, recognise};
use countersign::model::kind::{Format, Kind};
use countersign::model::report::{About, Fault, Place};
use countersign::model::verdict::Reason;
use rstest::rstest;

use super::sbom::{counts, into, names, number, read, read_corpus};
use crate::support::corpus;

fn json(body: &str) -> String {
    format!(r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", {body}}}"#)
}

fn xml(version: &str, body: &str) -> String {
    format!(r#"<bom xmlns="http://cyclonedx.org/schema/bom/{version}" version="1">{body}</bom>"#)
}

fn refused(document: &str) -> Fault {
    read(document).expect_err("the document is refused")
}

// Names, versions and digests as they stand in the files.
#[test]
fn a_syft_document_names_its_tool_its_time_and_the_digest_of_the_image() {
    let Some((_, about)) =
        read_corpus("cyclonedx/guac__internal__testing__testdata__exampledata__distroless-cyclonedx.json")
    else {
        return;
    };
    assert_eq!(about.tool.as_deref(), Some("syft 0.58.0"));
    assert_eq!(about.made_at.unwrap().to_rfc3339(), "2022-10-08T14:01:23+00:00");
    assert_eq!(about.artifacts, ["6ad5b696af3ca05a048bd29bf0f623040462638cb0b29c8d702cbb2805687388"]);
}

#[test]
fn a_maven_document_states_its_licences_and_suppliers() {
    let path = "cyclonedx/guac__internal__testing__testdata__exampledata__small-legal-cyclonedx.json";
    let Some((measures, about)) = read_corpus(path) else { return };
    assert_eq!(
        names(&measures, "licences"),
        ["(GPL-2.0-only OR MIT) AND Apache-2.0", "Apache-2.0", "Custom license", "GPL-2.0-only", "MIT"]
    );
    assert_eq!(names(&measures, "suppliers"), ["Eclipse Foundation", "JBoss by Red Hat", "SmallRye"]);
    assert_eq!(about.tool.as_deref(), Some("CycloneDX Maven plugin 2.7.1"));
}

// Component counts by `jq '.components | length'`.
#[rstest]
#[case("trivy/trivy__integration__testdata__conda-cyclonedx.json.golden", 2)]
#[case("grype/grype__grype__presenter__cyclonedx__testdata__snapshot__TestCycloneDxPresenterDir.golden", 2)]
fn what_scanners_write_as_cyclonedx_is_read(#[case] path: &str, #[case] components: u64) {
    let Some((measures, _)) = read_corpus(path) else { return };
    assert_eq!(number(&measures, "components"), components);
}

#[test]
fn every_valid_example_of_the_specification_is_read_or_has_nothing_to_judge() {
    let Some(folder) = corpus("cyclonedx") else { return };
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if !name.contains("__valid-") {
            continue;
        }
        seen += 1;
        let bytes = std::fs::read(file.path()).unwrap();
        let xml = bytes.trim_ascii_start().starts_with(b"<");
        let expected = if xml { Format::CyclonedxXml } else { Format::CyclonedxJson };
        assert_eq!(recognise(&bytes), Some(expected), "{name}");
        // Those whose list is empty and which name no product, or which have none.
        let empty = ["metadata-", "attestation"].iter().any(|subject| name.contains(subject));
        match read(&bytes) {
            Ok(_) => assert!(!empty, "{name}"),
            Err(fault) => assert!(empty && fault.reason == Reason::EmptyReport, "{name}: {fault}"),
        }
    }
    assert_eq!(seen, 28);
}

#[rstest]
#[case("cyclonedx/bom-examples__VEX__CISA-Use-Cases__Case-8__bom-1.json")]
#[case("cyclonedx/guac__internal__testing__testdata__exampledata__cyclonedx-vex-affected.json")]
#[case("cyclonedx/guac__internal__testing__testdata__exampledata__cyclonedx-vex.xml")]
#[case("cyclonedx/specification__tools__src__test__resources__1.4__invalid-service-data-1.4.xml")]
fn a_document_without_components_has_nothing_to_judge(#[case] path: &str) {
    let Some(file) = corpus(path) else { return };
    assert_eq!(read(std::fs::read(file).unwrap()).unwrap_err().reason, Reason::EmptyReport);
}

#[rstest]
#[case("malformed/cyclonedx__truncated.json")]
#[case("malformed/cyclonedx__nul-in-middle.json")]
fn a_broken_document_is_malformed_and_never_empty(#[case] path: &str) {
    let Some(file) = corpus(path) else { return };
    let fault = read(std::fs::read(file).unwrap()).unwrap_err();
    assert_eq!(fault.reason, Reason::Malformed);
    assert!(matches!(fault.place, Place::Line(..)), "{fault}");
}

#[test]
fn nested_components_count_and_the_product_services_and_tools_do_not() {
    let body = r#""metadata": {
            "tools": {"components": [{"name": "gen", "version": "2"}], "services": [{"name": "s"}]},
            "component": {"name": "product", "components": [{"name": "part of the product"}]}
        },
        "components": [{"name": "a", "components": [{"name": "b", "components": [{"name": "c"}]}],
            "pedigree": {"ancestors": [{"name": "old a"}]}}],
        "services": [{"name": "api"}],
        "formulation": [{"components": [{"name": "compiler"}]}]"#;
    let (measures, about) = read(json(body)).unwrap();
    assert_eq!(number(&measures, "components"), 4);
    assert_eq!(about.tool.as_deref(), Some("gen 2"));

    let body = "<metadata><tools><components><component><name>gen</name><version>2</version></component></components></tools>
          <component><name>product</name><components><component><name>part</name></component></components></component></metadata>
        <components><component><name>a</name><components><component><name>b</name></component></components>
          <pedigree><ancestors><component><name>old a</name></component></ancestors></pedigree></component></components>
        <services><service><name>api</name></service></services>";
    let (measures, about) = read(xml("1.6", body)).unwrap();
    assert_eq!(number(&measures, "components"), 3);
    assert_eq!(about.tool.as_deref(), Some("gen 2"));
}

#[test]
fn a_product_without_any_component_counts_none_and_a_list_about_nothing_is_empty() {
    let (measures, _) = read(json(r#""metadata": {"component": {"name": "p"}}, "components": []"#)).unwrap();
    assert_eq!(counts(&measures), [0; 4]);
    assert_eq!(refused(&json(r#""components": []"#)).reason, Reason::EmptyReport);
    assert_eq!(refused(&xml("1.6", "<components/>")).reason, Reason::EmptyReport);
}

#[test]
fn an_empty_list_is_empty_beside_a_full_one_too() {
    let (tally, _) =
        into(Tally::new(Kind::Sbom, None).unwrap(), json(r#""components": [{"name": "a"}]"#).as_bytes()).unwrap();
    let fault = into(tally, json(r#""components": []"#).as_bytes()).err().unwrap();
    assert_eq!(fault.reason, Reason::EmptyReport);
}

#[rstest]
#[case::supplier(r#""supplier": {"name": "s"}, "manufacturer": {"name": "m"}, "publisher": "p", "author": "a""#, "s")]
#[case::manufacturer(r#""manufacturer": {"name": "m"}, "publisher": "p", "authors": [{"name": "a"}]"#, "m")]
#[case::publisher(r#""author": "a", "publisher": "p", "supplier": {"url": ["https://s.example"]}"#, "p")]
#[case::author(r#""authors": [{"email": "x@example.com"}, {"name": "a"}]"#, "a")]
fn the_first_field_that_names_a_supplier_counts(#[case] fields: &str, #[case] expected: &str) {
    let (measures, _) = read(json(&format!(r#""components": [{{"name": "c", {fields}}}]"#))).unwrap();
    assert_eq!(names(&measures, "suppliers"), [expected]);
}

#[rstest]
#[case::id(r#"[{"license": {"id": "MIT"}}]"#, &["MIT"])]
#[case::name(r#"[{"license": {"name": "Acme Licence"}}]"#, &["Acme Licence"])]
#[case::identifier_before_name(r#"[{"license": {"name": "The MIT", "id": "MIT"}}]"#, &["MIT"])]
#[case::expression(r#"[{"expression": "MIT or (Apache-2.0)"}]"#, &["Apache-2.0", "Apache-2.0 OR MIT", "MIT"])]
#[case::several(r#"[{"license": {"id": "MIT"}}, {"license": {"id": "ISC"}}]"#, &["ISC", "MIT"])]
#[case::declared_and_concluded(
    r#"[{"license": {"id": "MIT", "acknowledgement": "declared"}}, {"expression": "ISC", "acknowledgement": "concluded"}]"#,
    &["ISC", "MIT"]
)]
#[case::says_nothing(r#"[{"license": {"name": "NOASSERTION"}}, {"license": {"name": " "}}]"#, &[])]
#[case::only_a_text(r#"[{"license": {"text": {"content": "…"}}}]"#, &[])]
fn licences_are_identifiers_names_or_expressions(#[case] licences: &str, #[case] expected: &[&str]) {
    let (measures, _) = read(json(&format!(r#""components": [{{"name": "c", "licenses": {licences}}}]"#))).unwrap();
    assert_eq!(names(&measures, "licences"), expected);
    assert_eq!(number(&measures, "without_licence"), u64::from(expected.is_empty()));
}

#[test]
fn xml_says_the_same_as_json() {
    let body = r#"<metadata><timestamp>2026-01-02T03:04:05Z</timestamp><component type="container"><name>image</name>
            <hashes><hash alg="SHA-256">AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA</hash></hashes></component></metadata>
        <components><component><supplier><name>Acme &amp; Co</name></supplier><name>c</name><purl>pkg:npm/c@1.0</purl>
            <licenses><license acknowledgement="declared"><id>MIT</id></license>
            <expression-detailed expression="ISC AND Zlib" acknowledgement="concluded"/></licenses></component></components>"#;
    let (measures, about) = read(xml("1.7", body)).unwrap();
    assert_eq!(counts(&measures), [1, 0, 0, 0]);
    assert_eq!(names(&measures, "suppliers"), ["Acme & Co"]);
    assert_eq!(names(&measures, "licences"), ["ISC", "ISC AND Zlib", "MIT", "Zlib"]);
    assert_eq!(about.artifacts, ["a".repeat(64)]);
    assert_eq!(about.made_at.unwrap().timestamp(), 1_767_323_045);
}

#[test]
fn the_digest_in_the_products_package_url_is_the_artifact() {
    let digest = "a".repeat(64);
    let body = format!(
        r#""metadata": {{"component": {{"name": "p", "purl": "pkg:oci/p@sha256%3A{digest}?repository_url=r.example"}}}}, "components": []"#
    );
    assert_eq!(read(json(&body)).unwrap().1.artifacts, [digest]);
}

#[rstest]
#[case(
    r#"{"bomFormat": "CycloneDX", "specVersion": "2.0", "components": []}"#,
    "version `2.0` is not read; write the document as version 1.4, 1.5, 1.6 or 1.7"
)]
#[case(r#"{"bomFormat": "CycloneDX", "specVersion": "1.1", "components": []}"#, "version `1.1`")]
#[case(r#"{"bomFormat": "CycloneDX", "components": []}"#, "no `specVersion`")]
#[case(r#"{"bomFormat": "CycloneDX", "specVersion": 1.5, "components": []}"#, "expected a text, found a number")]
#[case(r#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": {}}"#, "expected an array")]
#[case(
    r#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"version": "1"}]}"#,
    "a component has no `name`"
)]
#[case(
    r#"{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"name": "a", "name": "b"}]}"#,
    "stands twice"
)]
#[case(r#"<bom xmlns="http://cyclonedx.org/schema/bom/1.1"><components/></bom>"#, "version `1.1`")]
#[case("<bom><components/></bom>", "expected a namespace")]
#[case(
    r#"<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><components><component/></components></bom>"#,
    "a component has no `name`"
)]
#[case(r#"<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><components><component><name>a</name>"#, "cut short")]
#[case(r#"<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><components/></bom><bom/>"#, "second element")]
fn what_is_not_cyclonedx_is_refused_with_a_reason(#[case] document: &str, #[case] message: &str) {
    let fault = refused(document);
    assert_eq!(fault.reason, Reason::Malformed);
    assert!(fault.message.contains(message), "{fault}");
}

#[test]
fn t51_components_nested_without_end_are_refused_and_do_not_overflow() {
    let deep = |levels: usize| {
        xml(
            "1.6",
            &("<components><component><name>a</name>".repeat(levels) + &"</component></components>".repeat(levels)),
        )
    };
    assert_eq!(number(&read(deep(60)).unwrap().0, "components"), 60);
    assert_eq!(refused(&deep(61)).reason, Reason::BeyondLimit);
    assert_eq!(refused(&deep(100_000)).reason, Reason::BeyondLimit);
    assert_eq!(refused(&json(&r#""components": [{"name": "a", "#.repeat(100_000))).reason, Reason::BeyondLimit);
}

#[test]
fn t51_a_document_type_with_entities_is_refused() {
    let document = format!(r#"<!DOCTYPE bom [<!ENTITY a "aaaa">]>{}"#, xml("1.6", "<components/>"));
    // With such a beginning it is not even recognised; the reader refuses it too.
    assert_eq!(recognise(document.as_bytes()), None);
    let mut tally = countersign::evidence::sbom::SbomTally::new();
    let fault = countersign::evidence::cyclonedx::read_xml(document.as_bytes(), &mut tally, &mut About::default());
    assert_eq!(fault.unwrap_err().reason, Reason::Malformed);
}

#[test]
fn t51_a_text_that_is_too_long_is_refused_and_never_cut() {
    let long = "x".repeat((1 << 20) + 1);
    let with = |name: &str| xml("1.6", &format!("<components><component><name>{name}</name></component></components>"));
    assert_eq!(refused(&with(&long)).reason, Reason::BeyondLimit);
    assert!(read(with(&long[..1 << 19])).is_ok());
    assert_eq!(refused(&json(&format!(r#""components": [{{"name": "{long}"}}]"#))).reason, Reason::BeyondLimit);
}

#[test]
fn a_component_with_a_thousand_licences_is_read_and_with_more_is_refused() {
    let with = |count: usize| {
        let list = vec![r#"{"license": {"id": "MIT"}}"#; count].join(",");
        read(json(&format!(r#""components": [{{"name": "a", "licenses": [{list}]}}]"#)))
    };
    assert!(with(1000).is_ok());
    assert_eq!(with(1001).unwrap_err().reason, Reason::BeyondLimit);
}

#[test]
fn t51_a_root_of_another_name_is_not_quoted_whole() {
    let document = format!("<{0}></{0}>", "x".repeat(1_000_000));
    let mut tally = Tally::new(Kind::Sbom, None).unwrap();
    let fault = tally.read(Format::CyclonedxXml, document.as_bytes(), &mut About::default()).unwrap_err();
    assert!(fault.message.starts_with("expected a `bom` element, found `xxx"), "{}", fault.message.len());
    assert!(fault.message.len() < 200, "{} bytes", fault.message.len());
}
