//! The README's own line on licences, over every way to state the licence that it forbids.

use rstest::rstest;

use crate::support::run::{World, gate};

const POLICY: &str = r#"
version: 1
environments: { production: { approval: automatic } }
gates:
  components: { sbom: "*.json", require: "!('GPL-3.0-only' in sbom.licences)" }
"#;

fn cyclonedx(licences: &str) -> String {
    format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{{"component":{{"type":"application","name":"shop"}}}},
            "components":[{{"type":"library","name":"a","version":"1","licenses":{licences}}}]}}"#
    )
}

fn spdx(fields: &str) -> String {
    format!(
        r#"{{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[{{"SPDXID":"SPDXRef-a","name":"a",{fields}}}]}}"#
    )
}

#[rstest]
#[case::and(&cyclonedx(r#"[{"expression":"GPL-3.0-only AND MIT"}]"#))]
#[case::with(&cyclonedx(r#"[{"expression":"GPL-3.0-only WITH Classpath-exception-2.0"}]"#))]
#[case::or(&cyclonedx(r#"[{"expression":"MIT OR GPL-3.0-only"}]"#))]
#[case::lower_case(&cyclonedx(r#"[{"license":{"id":"gpl-3.0-only"}}]"#))]
#[case::deprecated(&cyclonedx(r#"[{"license":{"id":"GPL-3.0"}}]"#))]
#[case::deprecated_with(&cyclonedx(r#"[{"license":{"id":"GPL-3.0-with-GCC-exception"}}]"#))]
#[case::declared_beside_concluded(&cyclonedx(
    r#"[{"license":{"id":"GPL-3.0-only","acknowledgement":"declared"}},{"license":{"id":"MIT","acknowledgement":"concluded"}}]"#
))]
#[case::no_expression(&cyclonedx(r#"[{"expression":"GPL-3.0-only AND Ours"}]"#))]
#[case::spdx_and(&spdx(r#""licenseDeclared":"GPL-3.0-only AND MIT""#))]
#[case::spdx_declared_beside_concluded(&spdx(r#""licenseConcluded":"MIT","licenseDeclared":"GPL-3.0-only""#))]
#[case::spdx_concluded_beside_declared(&spdx(r#""licenseConcluded":"GPL-3.0-only","licenseDeclared":"MIT""#))]
fn a_forbidden_licence_is_found_however_it_is_stated(#[case] document: &str) {
    let world = World::with_policy(POLICY);
    world.write("a.json", document);
    let (code, decision) = world.gate(&[]);
    assert_eq!((code, &gate(&decision, "components")["reason"]), (11, &"requirement_not_met".into()), "{decision:#}");
}

#[rstest]
#[case(&cyclonedx(r#"[{"expression":"LGPL-3.0-only AND MIT"}]"#))]
#[case(&cyclonedx(r#"[{"license":{"id":"GPL-3.0-or-later"}}]"#))]
#[case(&spdx(r#""licenseConcluded":"NOASSERTION","licenseDeclared":"MIT""#))]
fn another_licence_is_another(#[case] document: &str) {
    let world = World::with_policy(POLICY);
    world.write("a.json", document);
    assert_eq!(world.gate(&[]).0, 0);
}

#[test]
fn what_was_within_an_expression_before_is_not_new() {
    let world =
        World::with_policy(&POLICY.replace("!('GPL-3.0-only' in sbom.licences)", "size(sbom.new.licences) == 0"));
    world.write("before/a.json", cyclonedx(r#"[{"expression":"GPL-3.0-only AND MIT"}]"#));
    world.write("here/a.json", cyclonedx(r#"[{"license":{"id":"MIT"}}]"#));
    let arguments = ["--artifacts", "here", "--baseline", "before"];
    assert_eq!(world.gate(&arguments).0, 0);
    world.write("here/a.json", cyclonedx(r#"[{"expression":"GPL-3.0-only AND Zlib"}]"#));
    let (code, decision) = world.gate(&arguments);
    assert_eq!(code, 11);
    let new = &gate(&decision, "components")["measures"]["sbom.new.licences"];
    assert_eq!(*new, serde_json::json!(["GPL-3.0-only AND Zlib", "Zlib"]), "{decision:#}");
}
