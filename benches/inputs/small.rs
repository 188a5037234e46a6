//! The reports that are only made small.

use std::io::{self, Write};

use super::Random;

/// What coverage.py writes: classes of 50 lines, and as many lines as there are entries.
pub fn cobertura(entries: u64, random: &mut Random, out: &mut impl Write) -> io::Result<()> {
    const CLASS: u64 = 50;
    let hits: Vec<u64> = (0..entries).map(|_| if random.in_thousand(850) { random.below(40) + 1 } else { 0 }).collect();
    let covered = hits.iter().filter(|hits| **hits > 0).count() as u64;
    let rate = covered * 10_000 / entries;
    let rate = format!("{}.{:04}", rate / 10_000, rate % 10_000);
    writeln!(
        out,
        r#"<?xml version="1.0" ?>
<coverage version="7.6.1" timestamp="1762077600000" lines-valid="{entries}" lines-covered="{covered}" line-rate="{rate}" branches-covered="0" branches-valid="0" branch-rate="0" complexity="0">
  <sources><source>/srv/src</source></sources>
  <packages>
    <package name="." line-rate="{rate}" branch-rate="0" complexity="0">
      <classes>"#
    )?;
    let mut number = 0;
    for lines in hits.chunks(usize::try_from(CLASS).unwrap_or(1)) {
        let file = format!("{}/{}_{number}.py", random.word(), random.word());
        writeln!(
            out,
            r#"        <class name="{file}" filename="{file}" complexity="0" line-rate="{rate}" branch-rate="0">
          <methods/>
          <lines>"#
        )?;
        for hits in lines {
            number += 1;
            writeln!(out, r#"            <line number="{number}" hits="{hits}"/>"#)?;
        }
        writeln!(out, "          </lines>\n        </class>")?;
    }
    writeln!(out, "      </classes>\n    </package>\n  </packages>\n</coverage>")
}

/// What JMeter writes: a line for each sample, of which 2 in a thousand fail.
pub fn jtl(entries: u64, random: &mut Random, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,grpThreads,allThreads,URL,Latency,IdleTime,Connect"
    )?;
    let mut instant: u64 = 1_762_077_600_000;
    for _ in 0..entries {
        instant += random.below(40);
        let elapsed = 20 + random.below(100) + if random.in_thousand(20) { random.below(900) } else { 0 };
        let (label, thread, bytes) = (random.word(), random.below(50) + 1, random.below(9000) + 300);
        let (code, message, success) =
            if random.in_thousand(2) { (500, "Internal Server Error", false) } else { (200, "OK", true) };
        writeln!(
            out,
            "{instant},{elapsed},{label},{code},{message},Users 1-{thread},text,{success},,{bytes},412,50,50,https://shop.example/{label},{},0,{}",
            elapsed - 3,
            random.below(9)
        )?;
    }
    Ok(())
}

/// What a package manager's plug-in writes: libraries with a licence, a package URL and a digest.
pub fn cyclonedx(entries: u64, random: &mut Random, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        r#"{{
  "bomFormat": "CycloneDX",
  "specVersion": "1.6",
  "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
  "version": 1,
  "metadata": {{
    "timestamp": "2026-11-02T10:00:00Z",
    "component": {{ "type": "application", "name": "checkout", "version": "2.4.0", "bom-ref": "checkout" }}
  }},
  "components": ["#
    )?;
    for number in 0..entries {
        let comma = if number > 0 { "," } else { "" };
        let name = format!("{}-{}-{number}", random.word(), random.word());
        let version = format!("{}.{}.{}", random.below(9), random.below(30), random.below(30));
        let licence = random.one(&["MIT", "Apache-2.0", "MIT OR Apache-2.0", "BSD-3-Clause", "ISC"]);
        let digest = [(); 4].map(|()| format!("{:016x}", random.next())).concat();
        write!(
            out,
            r#"{comma}
    {{
      "type": "library",
      "bom-ref": "pkg:npm/{name}@{version}",
      "supplier": {{ "name": "{}" }},
      "name": "{name}",
      "version": "{version}",
      "hashes": [ {{ "alg": "SHA-256", "content": "{digest}" }} ],
      "licenses": [ {{ "expression": "{licence}" }} ],
      "purl": "pkg:npm/{name}@{version}",
      "externalReferences": [ {{ "type": "vcs", "url": "https://git.example/{name}" }} ]
    }}"#,
            random.class(2)
        )?;
    }
    writeln!(out, "\n  ]\n}}")
}

/// What Trivy writes: known vulnerabilities of packages, most of them with a fix.
pub fn trivy(entries: u64, random: &mut Random, out: &mut impl Write) -> io::Result<()> {
    const SEVERITIES: [&str; 6] = ["CRITICAL", "HIGH", "MEDIUM", "MEDIUM", "LOW", "LOW"];
    write!(
        out,
        r#"{{
  "SchemaVersion": 2,
  "CreatedAt": "2026-11-02T10:00:00Z",
  "ArtifactName": "registry.example/checkout:2.4.0",
  "ArtifactType": "container_image",
  "Results": [
    {{
      "Target": "package-lock.json",
      "Class": "lang-pkgs",
      "Type": "npm",
      "Vulnerabilities": ["#
    )?;
    for number in 0..entries {
        let comma = if number > 0 { "," } else { "" };
        let name = format!("{}-{}", random.word(), random.word());
        let (major, minor) = (random.below(9), random.below(30));
        let fixed = if random.in_thousand(800) {
            format!("\n          \"FixedVersion\": \"{major}.{}.0\",", minor + 1)
        } else {
            String::new()
        };
        write!(
            out,
            r#"{comma}
        {{
          "VulnerabilityID": "CVE-2026-{:05}",
          "PkgID": "{name}@{major}.{minor}.0",
          "PkgName": "{name}",
          "PkgIdentifier": {{ "PURL": "pkg:npm/{name}@{major}.{minor}.0", "UID": "{:016x}" }},
          "InstalledVersion": "{major}.{minor}.0",{fixed}
          "Status": "fixed",
          "SeveritySource": "ghsa",
          "PrimaryURL": "https://vulnerabilities.example/{number}",
          "Title": "{}: {} of untrusted input",
          "Description": "{}",
          "Severity": "{}",
          "CweIDs": [ "CWE-{}" ],
          "CVSS": {{ "ghsa": {{ "V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "V3Score": 7.5 }} }},
          "References": [ "https://git.example/{name}/issues/{number}", "https://git.example/{name}/releases" ],
          "PublishedDate": "2026-06-01T10:00:00Z",
          "LastModifiedDate": "2026-07-01T10:00:00Z"
        }}"#,
            10_000 + number,
            random.next(),
            random.word(),
            random.word(),
            "Input from a remote client is not bounded before it is kept, so that memory runs out. ".repeat(3),
            random.one(&SEVERITIES),
            random.below(900),
        )?;
    }
    writeln!(out, "\n      ]\n    }}\n  ]\n}}")
}
