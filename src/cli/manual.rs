//! The whole reference as one page of Markdown, made from what the code judges
//! by: options, exit codes, the grammar of a policy, measures, reasons, codes and
//! formats. `docs/reference.md` is what this prints.

use std::fmt::Write as _;

use clap::CommandFactory as _;

use super::reference::KINDS;
use super::{Arguments, answer, decide, deployed, facts, gate};
use crate::model::catalogue;
use crate::model::ground::Ground;
use crate::model::inspection::{Flaw, Gravity};
use crate::model::kind::Format;
use crate::model::verdict::Reason;
use crate::policy::diagnostics::{Code, Weight};
use crate::policy::grammar::POLICY;
use crate::policy::layers::JUDGED;
use crate::policy::shape::{Field, Shape};

const OPENING: &str = "\
# Reference

<!-- Printed by `countersign reference`; `UPDATE=1 cargo test --test it in_step` writes it anew. -->

What the [README](../README.md) tells by example stands here in full: [options](#options-of-countersign-gate),
[exit codes](#exit-codes), [the policy](#the-policy), [by example](#by-example), [expressions](#expressions), [facts](#facts),
[layers](#layers), [compliance packs](#compliance-packs), [measures](#measures), [what a report is about](#what-a-report-is-about), [reasons](#reasons), [codes of `policy check`](#codes-of-policy-check),
[formats](#formats), [limits](#limits) and [the commands of the record](#the-commands-of-the-record).
";

const FORMS: &str = "
### Lengths of time, globs and names

- A length of time is a number with its unit: `ms`, `s`, `min` or `m`, `h`, `d` of 24 hours, `w`; parts may follow one
  another, as in `1h30min`. Where business time is meant, `bh` and `bd` are open hours and days. Records are kept for `d`,
  `w`, `mo` or `y`.
- A glob is a path below an artifact folder, with `/` between its parts: `*` stops at `/`, `**` does not, `?` is one
  character, and `{a,b}` is one of several. It cannot lead out of the folder.
- A name that the policy chooses has up to 100 letters, digits, `-`, `_` and `.`, and begins with a letter or digit.
- `yes`, `no`, `on` and `off` are texts: YAML 1.2 has only `true` and `false`.
";

const EXPRESSIONS: &str = "
## Expressions

`require` and `first_release` of a gate are conditions in CEL over [measures](#measures). They are checked when the policy
is loaded; a name that is not known, or a comparison of things that cannot be compared, is a mistake at its place.

| form | example |
| --- | --- |
| comparison | `tests.failed == 0`, `coverage.lines >= 0.80`, `load.p95_ms < 1.10 * baseline.p95_ms` |
| and, or, not | `tests.total >= 200 && (tests.failed == 0 \\|\\| environment == 'staging')`, `!(findings.high > 3)` |
| one or the other | `environment == 'production' ? tests.skipped == 0 : true` |
| arithmetic | `+`, `-`, `*`, `/` on numbers and lengths of time: `tests.skipped <= 0.05 * tests.total` |
| length of time | `tests.time < duration('30m')` |
| membership | `'GPL-3.0-only' in sbom.licences`, `size(checklist.open) == 0` |
| texts | `environment.startsWith('prod')`, `environment.endsWith('-eu')`, `environment.contains('canary')` |
| least, greatest | `math.least(load.p50_ms, load.mean_ms) < 100`, `math.greatest(load.p99_ms, load.max_ms) < 2000` |
| every, any | `sbom.new.licences.all(name, name in ['MIT', 'Apache-2.0'])`, `tests.failing.exists(name, name.startsWith('payment'))` |

Numbers need no decimal point: `0` and `0.0` are the same. `environment` is the name of the environment that is judged.
A measure that no report states is unknown, and so is what is computed from it; a condition that comes out unknown does
not open the gate.

### What there is of CEL

The operators are `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `&&`, `||`, `!`, `?:`, `+`, `-`, `*`, `/`, and brackets; the functions
`size`, `duration`, `startsWith`, `endsWith`, `contains`, `math.least` and `math.greatest`; the macros `all` and `exists`.
`int`, `uint` and `double` change nothing, because there is one kind of number. Lists are written in place, of texts or of
numbers. What is not there is a mistake when the policy is loaded:

| not there | such as | instead |
| --- | --- | --- |
| remainder | `tests.total % 2 == 0` | divide, and compare |
| `has` | `has(tests.failed)` | nothing: what has no value is unknown, and never opens a gate |
| the macros `map`, `filter` and `exists_one` | `size(tests.failing.filter(name, name.startsWith('a'))) == 0` | `all` and `exists` |
| a macro within another | `tests.failing.all(a, tests.failing.exists(b, a == b))` | `in` |
| regular expressions | `environment.matches('^prod')` | `startsWith`, `endsWith`, `contains` |
| entries by their position | `tests.failing[0] == 'a'` | `in` |
| instants | `timestamp('2026-11-23T09:00:00Z') > now` | `max_age` of the gate, `calendar` |
| putting texts together, and other functions of texts | `environment + '-eu' == 'a-eu'`, `environment.lowerAscii() == 'a'` | compare each |
| conversions to texts, types | `string(tests.failed) == '0'`, `type(tests.failed) == int` | compare numbers |
| `null`, bytes, maps, messages | `tests.failed == null`, `environment == b'a'`, `{'a': 1} == {'a': 1}` | nothing |
";

const MEASURES: &str = "
## Measures

`baseline.` before a name without its first word is what the last release measured: `baseline.p95_ms`. Measures of the
vulnerabilities of a baseline keep theirs: `baseline.vulnerabilities.high`. What is *new* needs a baseline to be known.
";

const STATEMENTS: &str = r#"
## What a report is about

A report that names a commit or an artifact has to name the one that is released, in every part that names one: SARIF's
`versionControlProvenance` of every run, JUnit's properties (`git.commit.id`, `vcs.revision`, `GITHUB_SHA` and the like), the
digests in Trivy, Grype and bills of materials. Commits may be abbreviated to seven digits. `same` asks that it names one, and
`max_age` that it says when it was made. Of a time without a zone the earliest reading counts, 14 hours before UTC; where some
suites or runs of a report say when they ended and others do not, its age is not known.

What a report does not say, a statement beside it can, under the report's own name with `.about.json` behind it: an in-toto
statement, of at most 64 KiB, whose subject has the report's SHA-256.

```json
{
  "_type": "https://in-toto.io/Statement/v1",
  "subject": [{ "name": "summary.json", "digest": { "sha256": "<of the report>" } }],
  "predicateType": "urn:countersign:report:1",
  "predicate": { "artifact": "sha256:<of the artifact>", "commit": "<hexadecimal>", "made_at": "2026-11-23T08:00:00Z" }
}
```

`artifact` may be a list; one of the three is enough. It is the pipeline's claim, as the report is. It adds to what the report
says and overrides nothing: of two instants the older counts, of two commits both are asked, and artifacts have to agree. A
statement that cannot be read, or is about another file, makes the report one that cannot be understood. k6's `handleSummary` may
add `artifact`, `commit` and `made_at` at the top of its summary instead; YAML and JSON checklists have the same three keys.

Test reports of tools that try again: gotestsum's `--rerun-fails` and Gradle's retry plug-in without merging write a test that
failed and then passed as two cases, one of them failed, which looks as two parameters of one test do; it counts as failed. Let
them merge the runs (Gradle: `mergeReruns`) or write flaky cases as Surefire does (`flakyFailure`), and the case is flaky.
"#;

pub(super) fn run() -> u8 {
    answer(&page())
}

fn page() -> String {
    let mut out = OPENING.to_owned();
    options(&mut out);
    let _ = writeln!(out, "\n## Exit codes\n\n| code | meaning |\n| --- | --- |");
    for (code, meaning) in gate::EXIT_CODES {
        let _ = writeln!(out, "| {code} | {meaning} |");
    }
    options_of(&mut out, "decide", &decide::EXIT_CODES);
    options_of(&mut out, "due", &super::due::EXIT_CODES);
    options_of(&mut out, "facts", &facts::EXIT_CODES);
    #[cfg(feature = "app")]
    options_of(&mut out, "answer", &super::answer::EXIT_CODES);
    options_of(&mut out, "deployed", &deployed::EXIT_CODES);
    #[cfg(feature = "app")]
    options_of(&mut out, "serve", &super::serve::EXIT_CODES);
    #[cfg(feature = "app")]
    options_of(&mut out, "demo", &super::demo::EXIT_CODES);
    #[cfg(feature = "app")]
    options_of(&mut out, "doctor", &super::doctor::EXIT_CODES);
    #[cfg(feature = "app")]
    options_of(&mut out, "report", &super::report::EXIT_CODES);
    let judged: Vec<_> = JUDGED.iter().map(|section| format!("`{section}`")).collect();
    let _ = writeln!(
        out,
        "\n## The policy\n\nThe gate step judges by {}. The other sections are judged by `countersign decide`; the gate \
         checks them and judges by none. `path.<name>` is a name that the policy chooses, `path[]` an entry of a list.",
        judged.join(", ")
    );
    keys(&mut out, "", &POLICY);
    out.push_str(FORMS);
    out.push_str(super::manual_examples::EXAMPLES);
    out.push_str(EXPRESSIONS);
    super::manual_rules::write(&mut out);
    measures(&mut out);
    out.push_str(STATEMENTS);
    reasons(&mut out);
    formats(&mut out);
    super::manual_limits::write(&mut out);
    super::manual_record::write(&mut out);
    out
}

/// The options of `countersign gate`, each with its variable.
fn options(out: &mut String) {
    let _ = writeln!(out, "\n## Options of `countersign gate`\n\n| option | variable | meaning |\n| --- | --- | --- |");
    let command = Arguments::command();
    let gate = command.find_subcommand("gate");
    for option in gate.into_iter().flat_map(clap::Command::get_arguments).filter(|option| !option.is_hide_set()) {
        let Some(long) = option.get_long().filter(|long| *long != "help") else { continue };
        let value = option.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
        let variable = format!("COUNTERSIGN_{}", long.to_ascii_uppercase().replace('-', "_"));
        let help = option.get_long_help().or(option.get_help()).map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(out, "| {} | `{variable}` | {} |", code(&format!("--{long} {value}")), cell(&help));
    }
    let _ = writeln!(
        out,
        "\nWhere an option repeats, its variable has one value a line. An option outranks its variable, and an empty \
         variable counts as not set."
    );
}

/// The command with all that is laid out only when it is asked for.
pub(super) fn whole() -> clap::Command {
    let mut command = Arguments::command();
    command.build();
    command
}

/// The options of a command, and its exit codes.
fn options_of(out: &mut String, name: &str, exit_codes: &[(u8, &str)]) {
    let _ = writeln!(out, "\n## Options of `countersign {name}`\n\n| option | meaning |\n| --- | --- |");
    let command = whole();
    let found = command.find_subcommand(name);
    for option in found.into_iter().flat_map(clap::Command::get_arguments) {
        if option.get_long().is_some_and(|long| long != "help") {
            argument(out, option);
        }
    }
    let _ = writeln!(out, "\n| exit code | meaning |\n| --- | --- |");
    for (code, meaning) in exit_codes {
        let _ = writeln!(out, "| {code} | {meaning} |");
    }
}

/// A row that tells an argument: its form, and what it means.
pub(super) fn argument(out: &mut String, argument: &clap::Arg) {
    let value = argument.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
    let form = match argument.get_long() {
        Some(long) if argument.get_action().takes_values() => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None => value.to_owned(),
    };
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(out, "| {} | {} |", code(&form), cell(&help));
}

/// A table of the keys at one place, and then of those below it.
fn keys(out: &mut String, place: &str, shape: &Shape) {
    if let Shape::Map(fields) = shape {
        if !place.is_empty() {
            let _ = writeln!(out, "\n### `{place}`");
        }
        let _ = writeln!(out, "\n| key | value | meaning |\n| --- | --- | --- |");
        for field in *fields {
            let needed = if field.needed { " (needed)" } else { "" };
            let value = cell(&value(field.shape));
            let _ = writeln!(out, "| `{}`{needed} | {value} | {} |", field.name, cell(field.meaning));
        }
        for Field { name, shape, .. } in *fields {
            let dot = if place.is_empty() { "" } else { "." };
            keys(out, &format!("{place}{dot}{name}"), shape);
        }
        return;
    }
    match shape {
        Shape::Named(inner) => keys(out, &format!("{place}.<name>"), inner),
        Shape::List(inner) => keys(out, &format!("{place}[]"), inner),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| keys(out, place, shape)),
        _ => {}
    }
}

/// A form, where what a map holds has a table of its own.
fn value(shape: &Shape) -> String {
    match shape {
        Shape::Map(_) => "a map".to_owned(),
        Shape::Named(inner) => format!("a map from names to {}", many(inner)),
        Shape::List(inner) => format!("a list of {}", many(inner)),
        Shape::Number(least, most) if least.to_bits() == most.to_bits() => format!("`{least}`"),
        Shape::Number(least, most) => format!("a number from {least} to {most}"),
        Shape::Either(shapes) => shapes.iter().map(value).collect::<Vec<_>>().join(", or "),
        _ => shape.title(),
    }
}

fn many(shape: &Shape) -> String {
    match shape {
        Shape::Map(_) => "maps".to_owned(),
        _ => format!("values, each {}", value(shape)),
    }
}

fn measures(out: &mut String) {
    out.push_str(MEASURES);
    for (_, kind, words) in KINDS {
        let words: Vec<_> = words.split(", ").map(|word| format!("`{word}`")).collect();
        let _ =
            writeln!(out, "\n### Gates with {}\n\n| measure | type | meaning |\n| --- | --- | --- |", words.join(", "));
        for entry in catalogue::measures(kind) {
            let new = if entry.needs_baseline { "; needs a baseline" } else { "" };
            let _ = writeln!(out, "| `{}` | {} | {}{new} |", entry.name, entry.kind.title(), cell(entry.meaning));
        }
    }
}

fn reasons(out: &mut String) {
    let _ = writeln!(
        out,
        "\n## Reasons\n\nA reason keeps its meaning between versions; new ones may come.\n\n\
         | reason | verdict | meaning | what to do next |\n| --- | --- | --- | --- |"
    );
    for reason in Reason::ALL {
        let (code, verdict) = (reason.code(), reason.verdict().word());
        let next = reason.next().unwrap_or("nothing");
        let _ = writeln!(out, "| `{code}` | {verdict} | {} | {} |", cell(reason.meaning()), cell(next));
    }
    let _ = writeln!(
        out,
        "\n## Codes of a release's decision\n\nA code keeps its meaning between versions; new ones may come.\n\n\
         | code | meaning |\n| --- | --- |"
    );
    for ground in Ground::ALL {
        let _ = writeln!(out, "| `{}` | {} |", ground.code(), cell(ground.meaning()));
    }
    let _ = writeln!(
        out,
        "\n## Codes of `doctor`\n\nWhat is `open` lets a release slip past, what is `weak` takes a safeguard away or holds what could go, \
         and what is `unknown` could not be read.\n\n| code | gravity | meaning |\n| --- | --- | --- |"
    );
    for flaw in Flaw::ALL {
        let gravity = match flaw.gravity() {
            Gravity::Open => "open",
            Gravity::Weak => "weak",
            Gravity::Unknown => "unknown",
        };
        let _ = writeln!(out, "| `{}` | {gravity} | {} |", flaw.code(), cell(flaw.meaning()));
    }
    let _ = writeln!(out, "\n## Codes of `policy check`\n\n| code | weight | meaning |\n| --- | --- | --- |");
    for diagnostic in Code::ALL {
        let weight = if diagnostic.weight() == Weight::Error { "error" } else { "warning" };
        let _ = writeln!(out, "| `{}` | {weight} | {} |", diagnostic.word(), cell(diagnostic.meaning()));
    }
}

fn formats(out: &mut String) {
    let _ = writeln!(
        out,
        "\n## Formats\n\nThe word stands in the decision, at `evidence[].format`.\n\n\
         | word | format | gates |\n| --- | --- | --- |"
    );
    for format in Format::ALL {
        let words = KINDS.iter().find(|(_, kind, _)| *kind == format.kind()).map_or("", |(_, _, words)| words);
        let _ = writeln!(out, "| `{}` | {} | {words} |", format.word(), format.title());
    }
}

pub(super) fn code(text: &str) -> String {
    format!("`{}`", cell(text.trim_end()))
}

/// A text as one cell of a table.
pub(super) fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
