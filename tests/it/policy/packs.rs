//! Compliance packs: data with control ids, which guard the components that name the regulation.

use countersign::policy::packs::{self, Pack};
use countersign::policy::{self, Policy};
use rstest::rstest;

use super::{source, told};
use crate::support::run::World;

const HEAD: &str = "version: 1
layer: organisation
environments: { staging: { approval: automatic }, production: { approval: formal } }
components:
  payments: { paths: ['p/**'], regulations: [SOX] }
  wiki: { paths: ['w/**'] }
roles: { release-manager: { members: ['user:erin', 'user:mo'] } }
";

fn read(rest: &str) -> Result<Policy, String> {
    policy::read(vec![source("policy.yml", &format!("{HEAD}{rest}\n"))]).map_err(|complaints| told(&complaints))
}

#[test]
fn every_pack_has_a_version_and_control_ids_and_says_what_it_is_made_from() {
    for name in packs::names() {
        let Pack { version, title, regulations, keep, checklists, .. } = packs::pack(name).unwrap();
        assert!(version >= 1 && !title.is_empty() && !regulations.is_empty(), "{name}");
        assert!(keep.ends_with('y'), "{name}");
        assert!(!checklists.is_empty());
        for list in checklists {
            assert!(list.gate.starts_with(&format!("{name}.")), "{}", list.gate);
            assert!(!list.verified_by.is_empty() && list.items.len() >= 4);
            for item in list.items {
                assert!(item.control.contains(|c: char| c.is_ascii_digit()), "{}", item.control);
                assert!(item.says.len() > 20 && item.says.len() < 200 && !item.says.ends_with('.'), "{}", item.says);
            }
        }
    }
}

#[test]
fn g5_a_sox_component_gains_its_items_without_its_repository_naming_them() {
    let repository = "version: 1\nlayer: repository\nenvironments: {production: {approval: formal}}\ngates: {}\ncomponents: {ledger: {paths: ['l/**'], regulations: [sox]}}\n";
    let policy = policy::read(vec![
        source("org.yml", &format!("{HEAD}packs: [sox, hipaa]\ngates: {{g: {{junit: a.xml, require: 'true'}}}}\n")),
        source("repo.yml", repository),
    ])
    .unwrap_or_else(|complaints| panic!("{}", told(&complaints)));
    let gate = policy.gates.iter().find(|gate| gate.name == "sox.change-control").unwrap();
    assert_eq!((gate.layer.as_str(), gate.keep.as_deref()), ("pack sox 1", Some("7y")));
    assert_eq!(gate.components, ["payments", "ledger"]);
    assert_eq!(gate.environments, ["production"]);
    assert_eq!(gate.verified_by.as_deref(), Some("release-manager"));
    assert!(gate.items.iter().all(|item| item.starts_with("SOX ITGC")));
    assert!(!policy.gates.iter().any(|gate| gate.name.starts_with("hipaa")), "no component is under it");
}

#[test]
fn a_pack_is_extended_by_a_gate_of_the_same_name() {
    let policy = read("packs: [sox]\ngates: {sox.change-control: {checklist: [The controller was told], verified_by: release-manager}}").unwrap();
    let layers: Vec<_> = policy.gates.iter().map(|gate| (gate.layer.as_str(), gate.items.len())).collect();
    assert_eq!(layers, [("organisation", 1), ("pack sox 1", 5)]);
}

#[rstest]
#[case("packs: [soxx]\ngates: {}", "there is no pack `soxx`; did you mean `sox`?")]
#[case("packs: ['sox@2']\ngates: {}", "has version 1 of `sox`, not 2")]
#[case(
    "packs: [pci-dss]\ncomponents: {shop: {paths: ['s/**'], regulations: [pci_dss]}}\nroles: {x: {members: ['user:y']}}\ngates: {}",
    "nobody verifies `pci-dss.change-control` of the pack `pci-dss`: define a role `security` or `release-manager`"
)]
fn a_pack_that_cannot_be_used_is_told(#[case] rest: &str, #[case] says: &str) {
    let head = "version: 1\nenvironments: {production: {approval: formal}}\n";
    let told = policy::read(vec![source("policy.yml", &format!("{head}{rest}\n"))]).map(|_| ()).unwrap_err();
    let told = super::told(&told);
    assert!(told.contains(says), "{told}");
}

#[test]
fn the_gate_step_shows_a_packs_items_on_its_components_alone() {
    let gates = "packs: ['sox@1']\ngates: { lint: { sarif: '*.sarif', require: 'findings.error == 0' } }\n";
    let world = World::with_policy(&format!("{HEAD}{gates}"));
    world.write("a.sarif", r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Lint"}},"results":[]}]}"#);
    let (code, decision) = world.gate(&["--environment", "production", "--component", "payments"]);
    assert_eq!(code, 10);
    let gate = decision["gates"].as_array().unwrap().iter().find(|gate| gate["name"] == "sox.change-control").unwrap();
    assert_eq!(gate["layer"], "pack sox 1");
    assert!(gate["explanation"].as_str().unwrap().contains("SOX ITGC CM-1"), "{gate}");
    assert_eq!(world.gate(&["--environment", "production", "--component", "wiki"]).0, 0);
    assert_eq!(world.gate(&["--environment", "staging", "--component", "payments"]).0, 0);
}
