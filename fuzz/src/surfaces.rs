//! What must hold on every surface, whatever a decision says.

use chrono::DateTime;
use countersign::model::decision::{
    Decision, Evidence, GateDecision, NotEvaluated, Outcome, PolicySource, Protection, VERSION,
};
use countersign::model::kind::{Format, Kind};
use countersign::model::measures::{Measure, Measures};
use countersign::model::notable::{Notable, Weight};
use countersign::model::verdict::Reason;
use countersign::report::text::Style;
use countersign::report::{github, gitlab, json, markdown, neutral, text};

const DELIMITER: &str = "ghadelimiter_5f0c1b7e9a2d";
const REASONS: [Reason; 6] = [
    Reason::RequirementNotMet,
    Reason::Malformed,
    Reason::NoEvidence,
    Reason::WaiverInForce,
    Reason::RequirementMet,
    Reason::OtherEnvironment,
];
const WEIGHTS: [Weight; 3] = [Weight::Error, Weight::Warning, Weight::Note];

pub fn are_neutral(bytes: &[u8]) {
    let decision = decision(bytes);
    let width = usize::from(bytes.first().copied().unwrap_or_default());

    let page = text::render(&decision, Style { width, ..Style::default() });
    all_seen(&page);
    for line in page.lines() {
        assert!(!line.trim_start().starts_with("::"), "a command on a line of text: {line}");
    }
    let ascii = text::render(&decision, Style { width, colour: true, ascii: true });
    for (at, _) in ascii.match_indices('\u{1b}') {
        let sequence = ascii[at + 1..].split_once('m').map_or("", |(sequence, _)| sequence);
        assert!(
            sequence.strip_prefix('[').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b';')),
            "a sequence that is no colour: {sequence:?}"
        );
    }

    annotations(&github::annotations(&decision, Some("/work/repo")));
    let outputs = github::outputs(&decision, DELIMITER);
    let holds = decision.gates.iter().any(|gate| gate.name.contains(DELIMITER));
    match outputs {
        Ok(outputs) => four_values(&outputs),
        Err(_) => assert!(holds || format!("{decision:?}").contains(DELIMITER), "outputs are refused"),
    }

    for limit in [markdown::LIMIT, width * 40] {
        let page = markdown::render(&decision, limit);
        assert!(page.len() <= limit, "{} bytes of Markdown", page.len());
        all_seen(&page);
        for line in page.lines().filter(|line| !line.is_empty()) {
            assert!(line.starts_with('<'), "a line of Markdown begins with text: {line}");
        }
        assert!(page.matches("<!--").count() <= 1, "a marker that is not ours");
        for tag in ["<script", "<img", "<a "] {
            assert!(!page.contains(tag), "{tag} in {page}");
        }
    }

    dotenv(&gitlab::dotenv(&decision));
    let quality = gitlab::code_quality(&decision, Some("/work/repo")).expect("a document");
    for document in [json::compact(&decision), json::pretty(&decision), Ok(quality)] {
        let document = document.expect("a document");
        all_seen(&document);
        serde_json::from_str::<serde_json::Value>(&document).expect("JSON");
    }
    let compact: serde_json::Value =
        serde_json::from_str(&json::compact(&decision).expect("a document")).expect("JSON");
    assert_eq!(compact["summary"], decision.summary.as_str());
    for limit in [20_000, 2_000 + width * 100] {
        // Where not even the frame around the gates fits, there is no document.
        if let Ok(cut) = json::within(&decision, limit) {
            assert!(cut.len() <= limit, "{} bytes of JSON", cut.len());
            serde_json::from_str::<serde_json::Value>(&cut).expect("JSON");
        }
    }
}

fn all_seen(page: &str) {
    let unseen = page.chars().find(|character| *character != '\n' && neutral::hidden(*character));
    assert_eq!(unseen, None, "a character is not seen in {page:?}");
    assert!(!page.contains("##"), "a runner looks for a command in {page:?}");
}

fn annotations(page: &str) {
    all_seen(page);
    for line in page.lines() {
        let (command, _) = line.strip_prefix("::").and_then(|line| line.split_once("::")).expect("a command of ours");
        let (level, properties) = command.split_once(' ').expect("properties");
        assert!(["error", "warning", "notice"].contains(&level), "{line}");
        for property in properties.split(',') {
            let (name, value) = property.split_once('=').expect("a property");
            assert!(["file", "line", "title"].contains(&name) && !value.contains(':'), "{line}");
        }
    }
}

/// Reads as a runner does: `name<<delimiter`, lines, `delimiter`.
fn four_values(text: &str) {
    let mut names = Vec::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
        let (name, delimiter) = line.split_once("<<").expect("the form of several lines");
        names.push(name);
        assert!(lines.by_ref().any(|line| line == delimiter), "`{name}` never ends");
    }
    assert_eq!(names, ["decision", "id", "blocked", "held", "json"]);
}

fn dotenv(text: &str) {
    assert!(text.len() <= 5_000, "{} bytes", text.len());
    for line in text.lines() {
        let (key, value) = line.split_once('=').expect("a variable");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%,".contains(&byte);
        assert!(key.starts_with("COUNTERSIGN_") && value.bytes().all(plain), "{line}");
    }
    assert_eq!(text.lines().count(), 10);
}

/// Bytes that say how the decision is made, then texts with NUL between them.
fn decision(bytes: &[u8]) -> Decision {
    let (shape, texts) = bytes.split_at(bytes.len().min(4));
    let byte = |at: usize| usize::from(shape.get(at).copied().unwrap_or_default());
    let texts: Vec<String> =
        texts.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    let mut texts = texts.iter().cycle().cloned();
    let mut said = move || texts.next().unwrap_or_default();
    let gates = (0..byte(1) % 5)
        .map(|at| {
            let reason = REASONS[(byte(2) + at) % REASONS.len()];
            let mut measures = Measures::new();
            measures.number("findings.total", f64::from(u8::try_from(byte(3)).unwrap_or_default()));
            measures.state("findings.rules", Measure::Names(vec![said()]));
            GateDecision {
                name: said(),
                has_namesake: reason.verdict().opens(),
                layer: said(),
                kind: Kind::Findings,
                verdict: reason.verdict(),
                reason,
                explanation: said(),
                next: reason.next(),
                requirement: Some(said()),
                verified_by: Some(said()),
                keep: Some(said()),
                measures,
                baseline: Measures::new(),
                evidence: vec![Evidence {
                    path: said(),
                    sha256: None,
                    format: Some(Format::Sarif),
                    tool: Some(said()),
                    bytes: 7,
                }],
                evidence_count: 9,
                notables: (0..byte(3) % 4)
                    .map(|notable| Notable {
                        weight: WEIGHTS[notable % 3],
                        new: notable % 2 == 0,
                        rank: 0,
                        title: said(),
                        message: said(),
                        path: Some(said()),
                        line: Some(3),
                    })
                    .collect(),
                notable_count: 5,
            }
        })
        .collect::<Vec<_>>();
    let opens = gates.iter().all(|gate| gate.verdict.opens());
    Decision {
        version: VERSION,
        id: "ab".repeat(32),
        decision: if opens { Outcome::Proceed } else { Outcome::Hold },
        summary: said(),
        environment: said(),
        components: vec![said()],
        now: DateTime::UNIX_EPOCH,
        commit: Some(said()),
        policy: vec![PolicySource { path: said(), sha256: "9f".repeat(32), from: Some(said()) }],
        policy_from: if byte(0) % 2 == 0 { Protection::Protected } else { Protection::Unprotected },
        gates,
        not_evaluated: vec![NotEvaluated { what: said(), because: said() }],
    }
}
