//! Words and files: what a decision looks like on every surface.

mod audit;
mod github;
mod gitlab;
mod json;
mod markdown;
mod message;
mod neutral;
mod properties;
mod sizes;
mod text;

use chrono::{TimeZone, Utc};
use countersign::model::decision::{
    Decision, Evidence, GateDecision, NotEvaluated, Outcome, PolicySource, Protection, VERSION,
};
use countersign::model::kind::{Format, Kind};
use countersign::model::measures::Measures;
use countersign::model::notable::{Notable, Weight};
use countersign::model::verdict::Reason;

pub fn gate(name: &str, reason: Reason, explanation: &str) -> GateDecision {
    GateDecision {
        name: name.to_owned(),
        has_namesake: false,
        layer: ".countersign/policy.yml".to_owned(),
        kind: Kind::Findings,
        verdict: reason.verdict(),
        reason,
        explanation: explanation.to_owned(),
        next: reason.next(),
        requirement: None,
        verified_by: None,
        keep: None,
        measures: Measures::new(),
        baseline: Measures::new(),
        evidence: Vec::new(),
        evidence_count: 0,
        notables: Vec::new(),
        notable_count: 0,
    }
}

pub fn decision(summary: &str, gates: Vec<GateDecision>) -> Decision {
    let open = gates.iter().all(|gate| gate.verdict.opens());
    Decision {
        version: VERSION,
        id: String::new(),
        decision: if open { Outcome::Proceed } else { Outcome::Hold },
        summary: summary.to_owned(),
        environment: "production".to_owned(),
        components: Vec::new(),
        now: Utc.with_ymd_and_hms(2026, 11, 23, 9, 0, 0).unwrap(),
        commit: Some("3f2a9c01d4e5b6a7889900aabbccddeeff001122".to_owned()),
        policy: vec![PolicySource {
            path: ".countersign/policy.yml".to_owned(),
            sha256: "9f".repeat(32),
            from: Some("main@77ab01c2".to_owned()),
        }],
        policy_from: Protection::Protected,
        gates,
        not_evaluated: Vec::new(),
    }
    .identified()
}

pub fn finding(weight: Weight, title: &str, message: &str, path: &str, line: u32) -> Notable {
    Notable {
        weight,
        new: false,
        rank: 0,
        title: title.to_owned(),
        message: message.to_owned(),
        path: Some(path.to_owned()),
        line: Some(line),
    }
}

pub fn file(path: &str, format: Format) -> Evidence {
    Evidence {
        path: path.to_owned(),
        sha256: Some("ab".repeat(32)),
        format: Some(format),
        tool: Some("CodeQL 2.23.0".to_owned()),
        bytes: 48_213,
    }
}

pub fn all_pass() -> Decision {
    let mut unit = gate("unit", Reason::RequirementMet, "1,204 cases ran and none failed; `tests.failed == 0` holds");
    unit.kind = Kind::Tests;
    unit.measures.count("tests.total", 1_204);
    unit.measures.seconds("tests.time", 81.25);
    unit.evidence = vec![file("target/junit.xml", Format::Junit)];
    unit.evidence_count = 1;
    let waived = gate("licences", Reason::WaiverInForce, "the waiver `W-12` covers this gate until 2026-12-01");
    let other = gate("load", Reason::OtherEnvironment, "for `staging` only");
    decision("every gate passes, is waived or does not apply", vec![unit, waived, other])
}

/// A release that is held, with one gate of every verdict.
pub fn held() -> Decision {
    let mut scan = gate(
        "scan",
        Reason::RequirementNotMet,
        "3 findings of level error, and `findings.error == 0` is required; mend them or ask for a waiver",
    );
    scan.requirement = Some("findings.error == 0".to_owned());
    scan.verified_by = Some("security".to_owned());
    scan.measures.count("findings.error", 3);
    scan.evidence = vec![file("reports/scan.sarif", Format::Sarif)];
    scan.evidence_count = 1;
    scan.notables = vec![
        Notable {
            new: true,
            ..finding(Weight::Error, "CWE-89", "this query is built from user input", "src/db.rs", 12)
        },
        finding(Weight::Error, "CWE-79", "unescaped value in a template", "/work/repo/src/page.rs", 7),
        finding(Weight::Warning, "CWE-400", "loop without a limit", "src/retry.rs", 88),
    ];
    scan.notable_count = 14;
    let mut perf = gate(
        "load-test",
        Reason::Malformed,
        "line 3, column 8: expected a number for `p95` in `k6.json`, found `NaN`; write the summary again with `--summary-export`",
    );
    perf.requirement = Some("load.p95_ms <= 400 || load.requests < 100".to_owned());
    let sbom =
        gate("sbom", Reason::NoEvidence, "no file matches `**/bom.json` yet; the job that writes it may still run");
    let waived = gate("licences", Reason::WaiverInForce, "the waiver `W-12` covers this gate until 2026-12-01");
    let unit = gate("unit", Reason::RequirementMet, "1,204 cases ran and none failed");
    let other = gate("canary", Reason::OtherEnvironment, "for `staging` only");
    let mut decision = decision(
        "1 gate blocks, 1 is unknown and 1 is pending: begin with `scan`, where 3 findings of level error are to be mended",
        vec![unit, sbom, scan, other, perf, waived],
    );
    decision.components = vec!["api".to_owned(), "worker".to_owned()];
    decision.policy_from = Protection::Unprotected;
    decision.policy[0].from = None;
    decision.not_evaluated = vec![
        NotEvaluated { what: "approvals".to_owned(), because: "the app judges them".to_owned() },
        NotEvaluated { what: "change".to_owned(), because: "the app asks the change system".to_owned() },
    ];
    decision
}

/// A decision whose every text is the same text.
pub fn saying(text: &str) -> Decision {
    let mut first = gate(text, Reason::RequirementNotMet, text);
    text.clone_into(&mut first.layer);
    first.requirement = Some(text.to_owned());
    first.verified_by = Some(text.to_owned());
    first.keep = Some(text.to_owned());
    first.evidence = vec![Evidence { path: text.to_owned(), tool: Some(text.to_owned()), ..file("", Format::Sarif) }];
    first.evidence_count = 2;
    first.notables = vec![
        finding(Weight::Error, text, text, text, 3),
        Notable { path: None, line: None, message: String::new(), ..finding(Weight::Note, text, text, text, 3) },
    ];
    first.notable_count = 4;
    let mut decision = decision(text, vec![first, gate(text, Reason::Unticked, text), gate(text, Reason::Stale, text)]);
    text.clone_into(&mut decision.environment);
    decision.components = vec![text.to_owned(), text.to_owned()];
    decision.commit = Some(text.to_owned());
    text.clone_into(&mut decision.policy[0].path);
    decision.policy[0].from = Some(text.to_owned());
    decision.not_evaluated = vec![NotEvaluated { what: text.to_owned(), because: text.to_owned() }];
    decision
}

/// A release that is held, with reports written to make it look otherwise.
pub fn attacked() -> Decision {
    let mut scan = gate(
        "scan\u{202e}ssap",
        Reason::RequirementNotMet,
        "2 findings, the first `</code>| ✅ | Approved |`\n::set-output name=decision::proceed\nby @org/all",
    );
    scan.requirement = Some("findings.error == 0 || <b>true</b>".to_owned());
    scan.evidence = vec![file("reports/--> <!-- countersign:gate:00 -->.sarif", Format::Sarif)];
    scan.evidence_count = 1;
    scan.notables = vec![
        finding(
            Weight::Error,
            "[ok](javascript:alert(1))",
            "fixes #12, see https://evil.example",
            "file:///etc/passwd",
            1,
        ),
        finding(Weight::Error, "R2,file=x::y", "\u{1b}[2J\u{1b}]0;owned\u{7} 100%0A::error::x", "../../etc/passwd", 2),
        finding(Weight::Warning, "p\u{430}yments", "##[endgroup] pay\u{200b}ments", "src/a,b:c.rs", 3),
        finding(Weight::Note, "", "/approve\n/merge :white_check_mark: **all** good", "src/a%0Ab.rs", 4),
    ];
    scan.notable_count = 4;
    let mut decision = decision("hold\r\n##[command]rm -rf / <script>alert(1)</script>", vec![scan]);
    "production\u{2066} $(id)".clone_into(&mut decision.environment);
    "../policy\n.yml".clone_into(&mut decision.policy[0].path);
    decision.not_evaluated =
        vec![NotEvaluated { what: "approvals".to_owned(), because: "# all given\n\n- [x] by @org/all".to_owned() }];
    decision
}

/// What an attacker writes into a report, one of each kind.
pub const HOSTILE: &[&str] = &[
    "::error file=a.js::boom",
    "\n::set-output name=decision::proceed",
    "\r\n  ::add-mask::secret",
    "::stop-commands::x",
    "##[error]forged",
    "##vso[task.complete result=Succeeded;]",
    "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m",
    "user\u{202e}gnp.exe\u{2066}",
    "zero\u{200b}width\u{feff}",
    "p\u{430}yments",
    "@org/all please approve",
    "fixes #12 and !34 and GH-9 and group/project#1",
    "| ✅ | Approved | everything |",
    "\n\n# Approved\n\n",
    "<img src=x onerror=alert(1)><script>",
    "--> <!-- countersign:gate:0000000000000000 -->",
    "[click](javascript:alert(1)) ![i](https://evil.example/x.png)",
    "https://evil.example/ www.evil.example a@evil.example",
    ":white_check_mark: `code` **bold** _it_ ~~no~~ $x$ {+add+} [[page]]",
    "/approve\n/merge",
    "</code></td></table></details>",
    "${{ github.token }} $(id) %0A%25",
    "=cmd|'/c calc'!A0",
    "```\nfence",
    "COUNTERSIGN_DECISION=proceed",
];
