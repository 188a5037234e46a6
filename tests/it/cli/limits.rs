//! The limits of what is read: stated, settable where an honest report may be that large, and named where they are met.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use countersign::model::bounds::Bounds;
use rstest::rstest;

use crate::support::run::{World, gate};

fn times(count: usize, each: impl Fn(usize) -> String, between: &str) -> String {
    (0..count).map(each).collect::<Vec<_>>().join(between)
}

fn sarif(run: &str) -> String {
    format!(r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"t"{run}"#)
}

fn log(driver: &str) -> String {
    sarif(&format!(r#"{driver}}}}},"results":[]}}]}}"#))
}

fn failing(count: usize) -> String {
    let case = |number| format!(r#"<testcase name="t{number}"><failure/></testcase>"#);
    format!(r#"<testsuite name="s">{}</testsuite>"#, times(count, case, ""))
}

fn deep(levels: usize) -> String {
    // Around it stand four values, and one is within.
    let (open, close) = (r#"{"a":"#.repeat(levels - 5), "}".repeat(levels - 5));
    log(&format!(r#","properties":{open}[]{close}"#))
}

fn elements(levels: usize) -> String {
    format!(
        r#"<testsuite name="s"><testcase name="t"/>{}{}</testsuite>"#,
        "<a>".repeat(levels - 1),
        "</a>".repeat(levels - 1)
    )
}

fn go(open: usize) -> String {
    let run = |number| format!("{{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T{number}\"}}\n");
    let pass = |number| format!("{{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"T{number}\"}}\n");
    // The package itself is one more.
    let (runs, passes) = (times(open - 1, run, ""), times(open - 1, pass, ""));
    format!("{runs}{passes}{{\"Action\":\"pass\",\"Package\":\"p\"}}\n")
}

fn rules(count: usize) -> String {
    log(&format!(r#","rules":[{}]"#, times(count, |number| format!(r#"{{"id":"R{number}"}}"#), ",")))
}

fn keys(count: usize) -> String {
    // The first keys of an object are watched in another way, and cost nothing.
    log(&format!(",{}", times(count + 23, |number| format!(r#""k{number}":0"#), ",")))
}

fn snyk(count: usize) -> String {
    let one = |number| format!(r#"{{"id":"V{number}","name":"n","version":"1","severity":"low"}}"#);
    format!(
        r#"{{"ok":false,"packageManager":"npm","uniqueCount":{count},"vulnerabilities":[{}]}}"#,
        times(count, one, ",")
    )
}

fn osv(count: usize) -> String {
    let (one, id) = (|number| format!(r#"{{"id":"V{number}"}}"#), |number| format!(r#""V{number}""#));
    format!(
        r#"{{"results":[{{"source":{{"path":"l"}},"packages":[{{"package":{{"name":"n","version":"1"}},"vulnerabilities":[{}],"groups":[{{"ids":[{}]}}]}}]}}]}}"#,
        times(count, one, ","),
        times(count, id, ",")
    )
}

fn bill(licences: usize) -> String {
    let one = |number| format!(r#"{{"license":{{"name":"L{number}"}}}}"#);
    format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{{"type":"library","name":"c","licenses":[{}]}}]}}"#,
        times(licences, one, ",")
    )
}

fn graph(document: &str) -> String {
    format!(
        r#"{{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{{"type":"software_Package","spdxId":"p","name":"p"}},{document}]}}"#
    )
}

fn related(licences: usize) -> String {
    let one = |number| format!(r#""https://spdx.org/licenses/L{number}""#);
    graph(&format!(
        r#"{{"type":"Relationship","spdxId":"r","relationshipType":"hasDeclaredLicense","from":"p","to":[{}]}}"#,
        times(licences, one, ",")
    ))
}

fn escaped(bytes: usize) -> String {
    graph(&format!(r#"{{"type":"Organization","spdxId":"o","name":"\n{}"}}"#, "x".repeat(bytes - 1)))
}

#[rstest]
#[case::depth("depth", "sarif: r, require: 'findings.total == 0'", deep)]
#[case::depth_of_xml("depth", "junit: r, require: 'tests.total == 1'", elements)]
#[case::text("text", "sarif: r, require: 'findings.total == 0'", |size| log(&format!(r#","version":"{}""#, "x".repeat(size))))]
#[case::text_of_a_tag("text", "junit: r, require: 'tests.total == 1'",
    |size| format!(r#"<testsuite><testcase name="{}"/></testsuite>"#, "x".repeat(size - 16)))]
#[case::text_of_a_row("text", "coverage: r, require: 'coverage.lines == 1'",
    |size| format!("TN:\nSF:{}\nDA:1,1\nend_of_record\n", "x".repeat(size - 3)))]
#[case::keys("keys", "sarif: r, require: 'findings.total == 0'", keys)]
#[case::names("names", "junit: r, require: 'size(tests.failing) > 0'", failing)]
#[case::tests("tests", "junit: r, require: 'tests.failed == 0'", go)]
#[case::rules("rules", "sarif: r, require: 'findings.total == 0'", rules)]
#[case::vulnerabilities("vulnerabilities", "scan: r, require: 'vulnerabilities.low > 0'", snyk)]
#[case::advisories("advisories", "scan: r, require: 'vulnerabilities.total > 0'", osv)]
#[case::licences("licences", "sbom: r, require: 'sbom.components == 1'", bill)]
#[case::licences_of_a_relationship("licences", "sbom: r, require: 'sbom.components == 1'", related)]
#[case::escapes("escapes", "sbom: r, require: 'sbom.components == 1'", escaped)]
fn a_limit_holds_what_is_beyond_it_and_names_the_key_that_raises_it(
    #[case] key: &str,
    #[case] asks: &str,
    #[case] report: fn(usize) -> String,
) {
    let bound = Bounds::ALL.iter().find(|bound| bound.key == key).unwrap();
    let with = |limits: &str, size: usize| {
        let environments = "environments: { production: { approval: automatic } }";
        let world = World::with_policy(&format!("version: 1\n{environments}\ngates: {{ g: {{ {asks} }} }}\n{limits}"));
        world.write("r", report(size));
        let (code, decision) = world.gate(&[]);
        (code, gate(&decision, "g")["explanation"].as_str().unwrap().to_owned())
    };
    let stated = |to: usize| format!("limits: {{ {key}: {to} }}\n");
    let (code, said) = with(&stated(bound.least), bound.least + 1);
    assert!(code == 3 && said.contains(&format!("set `limits.{key}` in the policy higher")), "{code}: {said}");
    for limits in [stated(bound.least + 1), String::new()] {
        let (code, said) = with(&limits, bound.least + 1);
        assert_eq!(code, 0, "{limits}: {said}");
    }
    let (code, said) = with(&stated(bound.least), bound.least);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn values_may_stand_as_deep_as_the_policy_says_and_what_is_cut_off_there_is_refused() {
    let world = |depth: usize, report: &str| {
        let environments = "environments: { production: { approval: automatic } }";
        let world = World::with_policy(&format!(
            "version: 1\n{environments}\ngates: {{ g: {{ sarif: r, require: 'findings.total == 0' }} }}\nlimits: {{ depth: {depth} }}\n"
        ));
        world.write("r", report);
        let (code, decision) = world.gate(&[]);
        (code, gate(&decision, "g")["reason"].as_str().unwrap().to_owned())
    };
    for levels in [511, 512, 513, 1_024, 1_025, 4_096] {
        assert_eq!(world(4_096, &deep(levels)).0, 0, "{levels}");
    }
    assert_eq!(world(4_096, &deep(4_097)), (3, "beyond_limit".to_owned()));
    assert_eq!(world(2_000, &deep(2_001)), (3, "beyond_limit".to_owned()));
    let whole = deep(3_000);
    for end in [whole.len() / 2 - 1, whole.len() - 2_000, whole.len() - 1] {
        assert_eq!(world(4_096, &whole[..end]), (3, "malformed".to_owned()), "{end}");
    }
    assert_eq!(world(4_096, &whole.replacen("}}", "}]", 1)), (3, "malformed".to_owned()));
}

#[test]
fn a_limit_that_there_is_not_or_that_is_out_of_bounds_is_a_mistake() {
    let check = |limits: &str| {
        let world = World::new();
        let gates = "{ scan: { sarif: r, require: 'findings.error == 0' } }";
        let environments = "{ production: { approval: automatic } }";
        world.write(
            "p.yml",
            format!("version: 1\nenvironments: {environments}\ngates: {gates}\nlimits: {{ {limits} }}\n"),
        );
        let said = world.run(&["policy", "check", "p.yml"]);
        (said.code, said.err)
    };
    let (code, said) = check("nmaes: 50");
    assert!(code == 2 && said.contains("p.yml:4:") && said.contains("did you mean `names`?"), "{said}");
    for bound in Bounds::ALL {
        for to in [bound.least, bound.left_out, bound.most] {
            assert_eq!(check(&format!("{}: {to}", bound.key)).0, 0, "{}: {to}", bound.key);
        }
        for to in [bound.least - 1, bound.most + 1] {
            let (code, said) = check(&format!("{}: {to}", bound.key));
            assert!(code == 2 && said.contains("p.yml:4:"), "{}: {to}: {said}", bound.key);
        }
    }
}

/// Numbers that bound nothing of what a file may hold: what is shown, how it is worked out, what is assumed.
const NO_LIMITS: [&str; 37] = [
    "evidence/json/keys.rs FEW",
    "evidence/json/scan.rs EACH",
    "evidence/json/scan.rs ROOM",
    "evidence/xml/scan.rs WINDOW",
    "evidence/xml/scan.rs ONES",
    "evidence/xml/scan.rs HIGH",
    "evidence/checklist/markdown.rs CODE",
    "evidence/baseline.rs LIST",
    "evidence/jmeter.rs LAST_INSTANT_MS",
    "evidence/sbom.rs TEXTS",
    "evidence/sbom.rs LENGTH",
    "evidence/signature/mod.rs TOLD",
    "evidence/signature/bundle.rs OBJECT_WEIGHT",
    "evidence/signature/bundle.rs ARRAY_WEIGHT",
    "evidence/signature/bundle.rs TEXT_WEIGHT",
    "evidence/spdx.rs DIGESTS",
    "evidence/spdx3.rs DIGESTS",
    "workspace/open.rs MAPPED_FROM",
    "workspace/open.rs DIGESTED_ASIDE_FROM",
    "workspace/decode.rs IN_MEMORY",
    "workspace/mapping.rs SLOTS",
    "workspace/mapping.rs PAGE",
    "policy/rigor.rs WINDOW",
    "policy/experiment.rs SAMPLE",
    "policy/matching.rs TRIED",
    "policy/route.rs MOST",
    "policy/satisfiable.rs PLENTY",
    "policy/satisfiable.rs TRIED",
    "policy/unheeded.rs COMPARED",
    "policy/diagnostics.rs SHOWN",
    "policy/calendar/open.rs SETTLED",
    "policy/calendar/due.rs HORIZON",
    "policy/calendar/line.rs DAY",
    "policy/calendar/line.rs DATES",
    "policy/diagnostics.rs QUOTED",
    "policy/calendar/hours.rs DAY",
    "policy/calendar/meetings.rs OFTENEST",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { sources(&path, found) } else { found.push(path) }
    }
}

/// Every constant that counts something stands in the reference's table, which is made from it, or is known to be no limit.
#[test]
fn every_limit_is_stated() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table = fs::read_to_string(root.join("cli/manual_limits.rs")).unwrap();
    let mut files = Vec::new();
    for storey in ["evidence", "workspace", "policy"] {
        sources(&root.join(storey), &mut files);
    }
    let (mut missing, mut unused) = (Vec::new(), BTreeSet::from(NO_LIMITS));
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let shown = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let places: Vec<&str> = shown.trim_end_matches(".rs").split('/').collect();
        for line in text.lines() {
            let line = line.trim_start();
            let line = line.strip_prefix("pub(super) ").or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
            let Some((name, rest)) = line.strip_prefix("const ").and_then(|line| line.split_once(": ")) else {
                continue;
            };
            if !["usize =", "u64 =", "u32 =", "u16 =", "i64 ="].iter().any(|kind| rest.starts_with(kind)) {
                continue;
            }
            let key = format!("{shown} {name}");
            let stated = places.iter().any(|place| table.contains(&format!("{place}::{name}")));
            if !stated && !unused.remove(key.as_str()) {
                missing.push(key);
            }
        }
    }
    assert!(missing.is_empty(), "state them in src/cli/manual_limits.rs: {missing:?}");
    assert!(unused.is_empty(), "these are gone: {unused:?}");
    let reference = fs::read_to_string(root.join("../docs/reference.md")).unwrap();
    for bound in Bounds::ALL {
        assert!(reference.contains(&format!("| `limits.{}` | {} |", bound.key, bound.of)), "{}", bound.key);
    }
}
