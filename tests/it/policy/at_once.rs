//! What all sections prove together is said beside mistakes elsewhere, as far as what it looks at can be read.

use countersign::policy::{self, diagnostics::Complaints};
use rstest::rstest;

use super::{source, told};
use crate::support::run::World;

/// Nobody can approve: two of `owner` are asked for, and one holds it.
const HEAD: &str = "version: 1\nenvironments: {p: {approval: formal}}\n";
const GATES: &str = "gates: {g: {junit: a.xml, require: 'true'}}\n";
const ROLES: &str = "roles: {owner: {members: ['user:ana']}, spare: {members: []}}\n";
const ROUTES: &str = "routes: {normal: {approvals: {owner: 2}}}\n";

const UNSATISFIABLE: &str = "can be approved by `normal`";
const NOBODY: &str = "nobody holds `spare`";

fn complaints(sources: &[&str]) -> Vec<Complaints> {
    let sources = sources.iter().enumerate().map(|(at, text)| source(&format!("{at}.yml"), text)).collect();
    policy::read(sources).err().unwrap_or_default()
}

#[rstest]
#[case::an_expression("gates: {g: {junit: a.xml, require: 'tests.faild == 0'}}\n", "did you mean `tests.failed`")]
#[case::a_key_of_a_gate("gates: {g: {junit: a.xml, requires: 'true'}}\n", "did you mean `require`?")]
#[case::a_glob("gates: {g: {junit: '../a.xml', require: 'true'}}\n", "error[bad-glob]")]
#[case::a_gate_of_nothing("gates: {g: {require: 'true'}}\n", "error[bad-gate]")]
fn a_mistake_in_a_gate_hides_nothing_of_who_approves(#[case] gates: &str, #[case] mistake: &str) {
    let found = complaints(&[&format!("{HEAD}{gates}{ROLES}{ROUTES}")]);
    let told = told(&found);
    for says in [mistake, UNSATISFIABLE, NOBODY] {
        assert!(told.contains(says), "{says}: {told}");
    }
    assert!(found.iter().all(|file| !file.unfinished), "nothing is left to be said: {told}");
}

#[rstest]
#[case::of_the_routes("routes: {normal: {approvals: {owner: 2}, hour: any}}\n", ROLES, true)]
#[case::of_the_roles(ROUTES, "roles: {owner: {members: ['user:ana'], fallbak: spare}, spare: {members: []}}\n", false)]
fn a_mistake_in_what_is_looked_at_lets_only_what_looks_at_it_be_silent(
    #[case] routes: &str,
    #[case] roles: &str,
    #[case] nobody: bool,
) {
    let found = complaints(&[&format!("{HEAD}{GATES}{roles}{routes}")]);
    let told = told(&found);
    assert!(!told.contains(UNSATISFIABLE), "{told}");
    assert_eq!(told.contains(NOBODY), nobody, "{told}");
    assert!(found.iter().all(|file| file.unfinished), "{told}");
}

#[rstest]
#[case::a_section_that_is_misspelled("rols: {x: {members: ['user:a']}}\n")]
#[case::a_section_twice("gates: {h: {junit: b.xml, require: 'true'}}\n")]
#[case::what_all_hangs_on("delegate: [7]\n")]
fn a_mistake_that_may_be_anywhere_silences_all_of_it(#[case] more: &str) {
    let found = complaints(&[&format!("{HEAD}{GATES}{ROLES}{ROUTES}{more}")]);
    let told = told(&found);
    assert!(!told.is_empty() && !told.contains(UNSATISFIABLE) && !told.contains(NOBODY), "{told}");
    assert!(found.iter().all(|file| file.unfinished), "{told}");
}

#[test]
fn a_mistake_of_one_layer_hides_nothing_of_another() {
    let outer = "version: 1\nlayer: organisation\nenvironments: {p: {approval: formal}}\ngates: {g: {junit: a.xml, require: 'tests.faild == 0'}}\n";
    let inner = format!(
        "version: 1\nlayer: repository\nenvironments: {{p: {{approval: formal}}}}\n{ROLES}{ROUTES}gates: {{h: {{junit: a.xml, require: 'true'}}}}\n"
    );
    let found = complaints(&[outer, &inner]);
    let told = told(&found);
    for says in ["did you mean `tests.failed`", UNSATISFIABLE, NOBODY] {
        assert!(told.contains(says), "{says}: {told}");
    }
    // Whether gates of one name exclude each other is seen once both can be read.
    assert!(found.iter().all(|file| file.unfinished), "{told}");
}

#[test]
fn the_command_promises_more_only_where_there_may_be_more() {
    let world = World::new();
    let gates = GATES.replace("'true'", "'tests.faild == 0'");
    world.write("p.yml", format!("{HEAD}{gates}{ROLES}{ROUTES}"));
    let said = world.run(&["policy", "check", "p.yml"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("the policy has 2 mistakes\n"), "{}", said.err);
    world.write("roster.yml", "groups: {}\n");
    let said = world.run(&["policy", "check", "p.yml", "--roster", "roster.yml"]);
    assert!(said.err.contains("; more is checked once these are mended"), "people are not tried yet: {}", said.err);
    world.write("p.yml", format!("{HEAD}{}", gates.replace("}}", ", trusted_root: none.json}}")));
    let said = world.run(&["policy", "check", "p.yml"]);
    assert!(said.err.contains("; more is checked once"), "files that gates name are not looked for yet: {}", said.err);
}

#[test]
fn a_key_that_is_misspelled_is_complained_about_once() {
    let complaints = complaints(&[&format!("{HEAD}gates: {{g: {{junit: a.xml, requires: 'true'}}}}\n")]);
    assert_eq!(complaints.iter().map(|file| file.list.len()).sum::<usize>(), 1, "{}", told(&complaints));
}
