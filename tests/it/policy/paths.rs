//! Globs over a repository's files and references: one that can match nothing is refused, with the one that was meant.

use countersign::policy;
use rstest::rstest;

use super::{source, told};

fn complaints(paths: &str, only: &str) -> String {
    let text = format!(
        "version: 1
environments: {{p: {{approval: {{when: \"change.only('{only}')\", then: automatic, else: formal}}}}}}
components: {{wiki: {{paths: ['{paths}']}}, all: {{paths: ['**/*.md', 'docs/**']}}}}
gates: {{g: {{junit: a.xml, require: 'tests.failed == 0'}}}}
"
    );
    match policy::read(vec![source("policy.yml", &text)]) {
        Ok(policy) => told(&policy.warnings),
        Err(list) => told(&list),
    }
}

#[rstest]
#[case::as_in_codeowners("/tools/wiki/**", "write `tools/wiki/**`")]
#[case::here("./tools/wiki/**", "write `tools/wiki/**`")]
#[case::a_folder("tools/wiki/", "write `tools/wiki/**`")]
#[case::both("/tools/wiki/", "write `tools/wiki/**`")]
#[case::twice("tools//wiki/**", "write `tools/wiki/**`")]
#[case::inside("tools/./wiki/**", "write `tools/wiki/**`")]
#[case::out("../wiki/**", "leads out of the repository")]
#[case::backslashes("tools\\\\wiki\\\\**", "holds a backslash")]
#[case::without("!tools/wiki/**", "would take files away")]
#[case::nothing("", "an empty glob matches no file")]
#[case::spaces(" tools/wiki/**", "begins or ends with a space")]
fn a_glob_that_matches_no_file_is_refused_with_the_one_that_was_meant(#[case] glob: &str, #[case] says: &str) {
    // In an expression a backslash is written twice.
    let all = complaints(&glob.replace("\\\\", "\\"), "docs/**");
    assert!(all.contains("error[bad-glob]") && all.contains(says) && all.contains("policy.yml:3:29"), "{all}");
    let all = complaints("tools/wiki/**", &glob.replace('\\', "\\\\"));
    assert!(all.contains("error[bad-expression]") && all.contains(says) && all.contains("policy.yml:2:"), "{all}");
}

#[test]
fn the_name_of_a_folder_alone_is_one_file() {
    let says =
        "`tools/wiki` is one file of that name, and nothing in a folder; if it is a folder, write `tools/wiki/**`";
    for all in [complaints("tools/wiki", "docs/**"), complaints("tools/wiki/**", "tools/wiki")] {
        assert!(all.contains("warning[overlooked]") && all.contains(says), "{all}");
    }
    for good in ["Makefile", "tools/wiki/Dockerfile", "a/b.txt", ".github/**", "*", "docs/**", "a/[*]b", "{a,b}/**"] {
        let all = complaints(good, "docs/**");
        assert!(!all.contains("of that name") && !all.contains("bad-glob"), "{good}: {all}");
    }
}

#[rstest]
#[case("branches", "/main")]
#[case("branches", "release/")]
#[case("branches", "a..b")]
#[case("tags", "v 1")]
#[case("tags", "v\\*")]
fn a_branch_or_tag_that_there_cannot_be_is_refused(#[case] key: &str, #[case] glob: &str) {
    let text = format!(
        "version: 1
environments: {{p: {{approval: automatic, {key}: ['{glob}', 'ok/*']}}}}
gates: {{g: {{junit: a.xml, require: 'tests.failed == 0'}}}}
"
    );
    let all = policy::read(vec![source("policy.yml", &text)]).map(|_| ()).map_err(|list| told(&list)).unwrap_err();
    assert!(all.contains(&format!("no branch and no tag is called as in `{glob}`")), "{all}");
}
