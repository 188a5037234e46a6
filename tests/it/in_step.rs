//! What is written down about the command is what the command does: the reference and the
//! schemas are printed by it, and the README, the action and the component
//! name only what is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use countersign::model::catalogue;
use countersign::model::kind::Kind;
use countersign::policy::{self, Source};
use countersign::report::json;

use crate::support::run::World;

const KINDS: [Kind; 7] =
    [Kind::Tests, Kind::Findings, Kind::Coverage, Kind::Load, Kind::Sbom, Kind::Signature, Kind::Checklist];

fn at(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The options of `countersign gate`, without their dashes.
fn options() -> BTreeSet<String> {
    let options = options_of("gate");
    assert!(options.contains("policy-ref"), "{options:?}");
    options
}

fn options_of(command: &str) -> BTreeSet<String> {
    let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
    let help = World::new().run(&words).out;
    let options: BTreeSet<String> = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--")?.split_whitespace().next().map(str::to_owned))
        .collect();
    assert!(!options.is_empty(), "{help}");
    options
}

/// The options of the commands that work on the record.
fn record_options() -> BTreeSet<String> {
    let commands = [
        ["grant", "key"],
        ["grant", "new"],
        ["grant", "verify"],
        ["grant", "use"],
        ["grant", "report"],
        ["grant", "fact"],
        ["log", "append"],
        ["log", "verify"],
        ["log", "show"],
        ["log", "export"],
        ["log", "prove"],
        ["log", "checkpoint"],
        ["log", "recover"],
        ["log", "serve"],
        ["log", "cosign"],
        ["log", "publish"],
        ["log key", "rotate"],
        ["log key", "history"],
        ["log retention", "show"],
        ["log retention", "order"],
        ["log retention", "sign"],
        ["log retention", "hold"],
        ["db", "migrate"],
        ["db", "status"],
        ["db", "backup"],
        ["db", "restore"],
        ["db", "move"],
        ["db", "list"],
        ["db", "timers"],
        ["db outbox", "list"],
        ["db outbox", "show"],
        ["db outbox", "retry"],
        ["db outbox", "send"],
    ];
    let mut options: BTreeSet<String> = ["name".to_owned()].into();
    for command in commands {
        let command: Vec<&str> = command.iter().flat_map(|words| words.split(' ')).chain(["--help"]).collect();
        let help = World::new().run(&command).out;
        let words = help.lines().filter_map(|line| line.trim_start().strip_prefix("--")?.split_whitespace().next());
        options.extend(words.map(str::to_owned));
    }
    assert!(options.contains("log-key"));
    options
}

/// The words of a text that are spelled with these characters.
fn words(text: &str, spelled: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |c: char| !spelled(c)).filter(|word| !word.is_empty())
}

#[test]
fn the_reference_and_the_schemas_of_the_policy_and_the_api_are_what_the_command_prints() {
    let printed = [
        ("docs/reference.md", vec!["reference"]),
        ("schemas/policy.schema.json", vec!["schema", "policy"]),
        ("schemas/openapi.json", vec!["schema", "api"]),
    ];
    let update = std::env::var_os("UPDATE").is_some();
    for (path, arguments) in printed {
        let said = World::new().run(&arguments);
        assert_eq!(said.code, 0, "{}", said.err);
        if update {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), &said.out).unwrap();
        }
        let kept = fs::read_to_string(at(path)).unwrap_or_default();
        assert!(
            kept == said.out,
            "{path} is out of step with the code; run `UPDATE=1 cargo test --test it in_step` and commit what changed"
        );
    }
}

#[test]
fn the_schemas_are_what_the_types_come_to_and_what_the_command_prints() {
    let made = [
        ("decision", json::schema()),
        ("facts", json::facts_schema()),
        ("release-decision", json::release_schema()),
        ("inspection", json::inspection_schema()),
    ];
    let update = std::env::var_os("UPDATE").is_some();
    for (document, made) in made {
        let path = format!("schemas/{document}.schema.json");
        let made = made.unwrap();
        if update {
            fs::write(at(&path), &made).unwrap();
        }
        assert!(
            text(&path) == made,
            "{path} is out of step with the types; run `UPDATE=1 cargo test --test it in_step` and commit what changed"
        );
        // What was just written is in the command once it's built anew.
        let printed = World::new().run(&["schema", document]).out;
        assert!(update || printed == made, "`schema {document}` does not print {path}");
    }
}

#[test]
fn the_readme_shows_what_its_first_gate_says() {
    let readme = text("README.md");
    let mut commands = readme.lines().filter_map(|line| line.strip_prefix("cargo run --quiet --locked -- "));
    let command = commands.find(|command| command.starts_with("gate ")).unwrap();
    let block = readme.split_once("```text\n").unwrap().1.split_once("```").unwrap().0;
    let arguments: Vec<&str> = command.split(' ').collect();
    let said = World::new().command().args(arguments).current_dir(at("")).output().unwrap();
    assert_eq!(said.status.code(), Some(11));
    let said = String::from_utf8(said.stdout).unwrap();
    for line in block.lines() {
        assert!(said.contains(line.trim_end_matches('…').trim_end()), "{line} is not in\n{said}");
    }
}

#[test]
fn every_policy_in_the_readme_is_good() {
    let readme = text("README.md");
    let blocks: Vec<&str> = readme.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let policies: Vec<_> = blocks.iter().filter(|block| block.contains("version: 1\n")).collect();
    let pieces: Vec<_> = blocks.iter().filter(|block| block.starts_with("gates:\n")).collect();
    assert!(policies.len() >= 2 && pieces.len() >= 3, "{} policies, {} pieces", policies.len(), pieces.len());
    let head = "version: 1\nenvironments: { staging: { approval: automatic }, production: { approval: formal } }\n\
                components: { payments: { paths: [payments/**] } }\n";
    let pieces = pieces.into_iter().map(|piece| format!("{head}{piece}"));
    for policy in policies.into_iter().map(|policy| (*policy).to_owned()).chain(pieces) {
        let world = World::with_policy(&policy);
        let said = world.run(&["policy", "check"]);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{policy}");
    }
}

#[test]
fn every_expression_in_the_reference_is_one() {
    let reference = text("docs/reference.md");
    let table =
        reference.split_once("\n## Expressions\n").unwrap().1.split_once("\n### ").unwrap().0.replace("\\|", "|");
    let rows = table.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let examples: Vec<String> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    let conditions: Vec<_> = examples.iter().filter(|example| example.len() > 1).collect();
    assert!(conditions.len() > 12, "{conditions:?}");
    for condition in conditions {
        let good = ["junit", "sarif", "coverage", "load", "sbom", "checklist"].iter().any(|word| {
            let gate = format!("{word}: x, require: {}", serde_json::to_string(condition).unwrap());
            let environments = "{staging: {approval: automatic}, production: {approval: formal}}";
            let text = format!("version: 1\nenvironments: {environments}\ngates: {{g: {{{gate}}}}}\n");
            let source = Source { path: "policy.yml".to_owned(), text, sha256: String::new(), from: None };
            policy::read(vec![source]).is_ok()
        });
        assert!(good, "`{condition}` is no requirement of any gate");
    }
}

#[test]
fn the_policies_of_this_repository_are_good() {
    for path in ["examples/policy.yml", ".countersign/policy.yml", "src/cli/demo/policy.yml"] {
        let said = World::new().run(&["policy", "check", at(path).to_str().unwrap()]);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{path}");
    }
}

#[test]
fn the_prose_names_only_options_and_measures_that_there_are() {
    let mut options: BTreeSet<String> =
        ["gate", "decide", "due", "report", "facts", "answer", "deployed", "serve", "demo", "policy check", "verify"]
            .into_iter()
            .flat_map(options_of)
            .collect();
    options.extend(record_options());
    let known: BTreeSet<&str> =
        KINDS.iter().flat_map(|kind| catalogue::measures(*kind)).map(|entry| entry.name).collect();
    let first: BTreeSet<&str> = known.iter().filter_map(|name| name.split('.').next()).collect();
    for path in ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/app.md", "docs/gitlab.md"] {
        let whole = text(path);
        // What the command said is not for us to check here.
        let parts = whole.split("```text\n").enumerate();
        let prose: String =
            parts.filter_map(|(at, part)| if at == 0 { Some(part) } else { Some(part.split_once("```")?.1) }).collect();
        // Options of other commands stand in the same blocks as ours.
        let others = [
            "help",
            "quiet",
            "locked",
            "path",
            "rm",
            "user",
            "volume",
            "workdir",
            "network",
            "test",
            "version",
            "all-targets",
            "no-default-features",
            "ignored",
        ];
        for option in words(&prose, |c| c.is_ascii_lowercase() || c == '-').filter_map(|word| word.strip_prefix("--")) {
            let ours = option.trim_matches('-').is_empty() || options.contains(option) || others.contains(&option);
            assert!(ours, "{path} names the option `--{option}`, which no command's `--help` does");
        }
        for name in words(&prose, |c| c.is_ascii_alphanumeric() || c == '_' || c == '.') {
            let name = name.trim_end_matches('.');
            let measure = name.split_once('.').is_some_and(|(head, rest)| first.contains(head) && !rest.is_empty());
            let file =
                ["xml", "json", "yml", "tsv", "md", "sarif"].iter().any(|end| name.ends_with(&format!(".{end}")));
            assert!(!measure || file || known.contains(name), "{path} names the measure `{name}`, which is none");
        }
    }
}

/// The headings of a page as links name them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let heading = |line: &str| {
        fenced ^= line.starts_with("```");
        let title = line.trim_start_matches('#').strip_prefix(' ').filter(|_| !fenced && line.starts_with('#'))?;
        let kept = title.to_lowercase().replace(' ', "-");
        Some(kept.chars().filter(|c| c.is_alphanumeric() || ['-', '_'].contains(c)).collect())
    };
    text(page).lines().filter_map(heading).collect()
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let pages = [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/app.md",
        "docs/gitlab.md",
        "docs/deciding.md",
        "docs/record.md",
    ];
    let mut links = 0;
    for page in pages {
        let whole = text(page);
        for link in whole.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") || link.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = std::path::Path::new(page).parent().unwrap();
            let to = if path.is_empty() { page.to_owned() } else { folder.join(path).to_str().unwrap().to_owned() };
            let to = to.replace("docs/../", "");
            assert!(at(&to).exists(), "{page} leads to {link}, and there is no {to}");
            assert!(
                anchor.is_empty() || anchors(&to).contains(anchor),
                "{page} leads to {link}, and {to} has no such heading"
            );
        }
    }
    assert!(links > 20, "{links}");
}

#[test]
fn the_action_and_the_component_hand_on_every_option_that_a_job_does_not_know_itself() {
    // `--now` is for trying, and the repository is what the job says.
    let here: BTreeSet<String> = options().into_iter().filter(|name| name != "now" && name != "repository").collect();
    let action = text("action.yml");
    let (_, rest) = action.split_once("\ninputs:\n").unwrap();
    let inputs = rest.split("\noutputs:\n").next().unwrap();
    let input =
        |line: &str| Some(line.strip_prefix("  ")?.strip_suffix(':')?.to_owned()).filter(|it| !it.starts_with(' '));
    assert_eq!(inputs.lines().filter_map(input).collect::<BTreeSet<_>>(), here);
    assert!(action.contains("- --inputs\n") && !action.contains("COUNTERSIGN_"));

    // A component's job always writes GitLab's reports. Every variable is set or unset
    // in the script, for those of an earlier job stand above what a job states.
    let component = text("templates/gate.yml");
    let (head, script) = component.split_once("\n  script:\n").unwrap();
    let elsewhere = ["format", "output", "require-decision", "wait", "receipt", "log-key"];
    for name in options() {
        let variable = format!("COUNTERSIGN_{}", name.to_ascii_uppercase().replace('-', "_"));
        let handed_on = script.contains(&format!("- export {variable}=\"$[[ inputs.{name} ]]\"\n"));
        let fixed = script.contains(&format!("- export {variable}=gitlab\n"));
        let unset =
            script.lines().any(|line| line.contains("- unset ") && line.split(' ').any(|word| word == variable));
        // The component judges, and asks nobody.
        assert!(
            if here.contains(&name) && !elsewhere.contains(&name.as_str()) { handed_on } else { fixed || unset },
            "{name}"
        );
        assert!(!head.contains(&variable), "{variable} would give way to an earlier job's");
    }
}

#[test]
fn the_readme_tells_every_exit_code_and_every_key_that_makes_a_gate() {
    let readme = text("README.md");
    for code in [0, 10, 11, 3, 2, 4] {
        assert!(readme.contains(&format!("| {code} |")), "the table of exit codes lacks {code}");
    }
    for key in ["junit", "sarif", "scan", "coverage", "load", "sbom", "sigstore", "checklist"] {
        assert!(readme.contains(&format!("| `{key}` |")), "the table of gates lacks `{key}`");
    }
}
