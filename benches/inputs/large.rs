//! The reports that are made large as well.

use std::io::{self, Write};

use super::Random;

/// What CodeQL writes: 180 rules, and results of about 1,120 bytes. Three in a
/// hundred are suppressed, all of them notes: see `peers::sarif_tools`.
pub fn sarif(entries: u64, before: bool, random: &mut Random, out: &mut impl Write) -> io::Result<()> {
    const RULES: u64 = 180;
    const LEVELS: [&str; 4] = ["error", "warning", "warning", "note"];
    write!(
        out,
        r#"{{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"CodeQL","organization":"GitHub","semanticVersion":"2.19.0","rules":["#
    )?;
    let mut rules = Vec::new();
    for number in 0..RULES {
        let id = format!("java/{}-{}-{number}", random.word(), random.word());
        let level = random.one(&LEVELS);
        let comma = if number > 0 { ", " } else { "" };
        let (whole, tenth, cwe) = (random.below(10), random.below(10), random.below(900));
        let help = "# Overview\\n\\nAvoid this. ".repeat(8);
        write!(
            out,
            r#"{comma}{{"id": "{id}", "name": "Rule{number}", "shortDescription": {{"text": "{} of {} may be unsafe"}}, "fullDescription": {{"text": "{}"}}, "defaultConfiguration": {{"level": "{level}"}}, "help": {{"text": "{help}", "markdown": "{help}"}}, "properties": {{"tags": ["security", "external/cwe/cwe-{cwe:03}"], "precision": "high", "security-severity": "{whole}.{tenth}"}}}}"#,
            random.word(),
            random.word(),
            "Unsanitised input from a remote source reaches a sensitive sink. ".repeat(3),
        )?;
        rules.push((id, level));
    }
    write!(out, r#"]}}}},"results":["#)?;
    for number in 0..entries {
        let index = random.below(RULES);
        let Some((id, level)) = usize::try_from(index).ok().and_then(|index| rules.get(index)) else { continue };
        let (folder, package, class, file) = (random.word(), random.word(), random.class(1), random.below(400) + 1);
        let place = format!(
            r#"{{"uri": "src/main/java/com/example/{folder}/{package}/{class}Service{file}.java", "uriBaseId": "%SRCROOT%", "index": {}}}"#,
            random.below(4000)
        );
        let (line, start, end) = (random.below(1500) + 1, random.below(40) + 1, random.below(49) + 41);
        let hash = random.next();
        let hash = if before && number % 50 == 0 { !hash } else { hash };
        let comma = if number > 0 { "," } else { "" };
        write!(
            out,
            r#"{comma}{{"ruleId": "{id}", "ruleIndex": {index}, "rule": {{"id": "{id}", "index": {index}}}, "level": "{level}", "message": {{"text": "This {} depends on a [user-provided value](1) and \"{}\" is not validated."}}, "locations": [{{"physicalLocation": {{"artifactLocation": {place}, "region": {{"startLine": {line}, "startColumn": {start}, "endLine": {line}, "endColumn": {end}, "snippet": {{"text": "        {}.{}(request.getParameter(\"{}\"));\n"}}}}}}}}], "partialFingerprints": {{"primaryLocationLineHash": "{hash:016x}:1"}}, "relatedLocations": [{{"id": 1, "physicalLocation": {{"artifactLocation": {place}, "region": {{"startLine": {}, "startColumn": 9, "endColumn": 60}}}}, "message": {{"text": "user-provided value"}}}}]"#,
            random.word(),
            random.word(),
            random.word(),
            random.word(),
            random.word(),
            line.saturating_sub(20).max(1),
        )?;
        if random.in_thousand(150) {
            write!(out, r#", "codeFlows": [{{"threadFlows": [{{"locations": ["#)?;
            for step in 0..4 {
                let comma = if step > 0 { ", " } else { "" };
                write!(
                    out,
                    r#"{comma}{{"location": {{"physicalLocation": {{"artifactLocation": {place}, "region": {{"startLine": {line}, "startColumn": 3, "endColumn": 44}}}}, "message": {{"text": "{} : String"}}}}}}"#,
                    random.word()
                )?;
            }
            write!(out, "]}}]}}]")?;
        }
        if *level == "note" && random.in_thousand(120) {
            write!(out, r#", "suppressions": [{{"kind": "inSource", "status": "accepted"}}]"#)?;
        }
        write!(out, "}}")?;
    }
    write!(out, "]}}]}}")
}

/// What Surefire and its kin write: suites of up to 200 cases; of a thousand cases
/// 4 fail, with a stack trace, 16 are skipped and 50 have output.
pub fn junit(entries: u64, random: &mut Random, out: &mut impl Write) -> io::Result<()> {
    const SUITE: u64 = 200;
    let seconds = |cases: u64| format!("{}.{:03}", cases * 31 / 1000, cases * 31 % 1000);
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<testsuites name="all" tests="{entries}" time="{}">"#, seconds(entries))?;
    let mut left = entries;
    while left > 0 {
        let cases = left.min(SUITE);
        left -= cases;
        let package = format!("com.example.{}.{}", random.word(), random.word());
        let class = format!("{package}.{}Test", random.class(2));
        let (mut failed, mut skipped, mut body) = (0, 0, Vec::new());
        for number in 0..cases {
            let (what, whose, how, result) = (random.word(), random.word(), random.word(), random.word());
            let (line, time) = (random.below(900) + 1, random.below(60));
            write!(
                body,
                r#"    <testcase name="{what}_{whose}_{how}_returns_{result}[case {number}: &quot;x&quot; &amp; y]" classname="{class}" file="src/test/java/{}.java" line="{line}" time="0.{time:03}""#,
                class.replace('.', "/")
            )?;
            match random.below(1000) {
                0..4 => {
                    failed += 1;
                    write!(
                        body,
                        ">\n      <failure message=\"expected: &lt;200&gt; but was: &lt;500&gt;\" type=\"org.opentest4j.AssertionFailedError\"><![CDATA[org.opentest4j.AssertionFailedError: expected: <200> but was: <500>"
                    )?;
                    for _ in 0..24 {
                        let (package, class, method, file, line) =
                            (random.word(), random.class(1), random.word(), random.class(1), random.below(999) + 1);
                        write!(body, "\n\tat com.example.{package}.{class}Impl.{method}({file}.java:{line})")?;
                    }
                    writeln!(body, "]]></failure>\n    </testcase>")?;
                }
                4..20 => {
                    skipped += 1;
                    writeln!(body, ">\n      <skipped message=\"flaky on CI\"/>\n    </testcase>")?;
                }
                20..70 => {
                    write!(body, ">\n      <system-out>")?;
                    for _ in 0..8 {
                        let (minute, second) = (random.below(50) + 10, random.below(50) + 10);
                        let (what, whose, id) = (random.word(), random.word(), random.below(99_999));
                        writeln!(body, "2026-11-02T10:{minute}:{second}Z INFO {what} &lt;{whose}&gt; id={id}")?;
                    }
                    writeln!(body, "</system-out>\n    </testcase>")?;
                }
                _ => writeln!(body, "/>")?,
            }
        }
        writeln!(
            out,
            r#"  <testsuite name="{class}" tests="{cases}" failures="{failed}" errors="0" skipped="{skipped}" time="{}" timestamp="2026-11-02T10:00:00" hostname="runner-1">"#,
            seconds(cases)
        )?;
        writeln!(out, r#"    <properties><property name="java.version" value="21"/></properties>"#)?;
        out.write_all(&body)?;
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}
