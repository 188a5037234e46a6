//! A name that stands twice in a table says two things, of which whoever made the file could choose the better one.

use rstest::rstest;

use crate::support::run::{World, gate};

#[rstest]
#[case::jtl(
    "load: \"report\", require: \"load.error_rate == 0\"",
    "timeStamp,elapsed,label,success,success\n1700000000000,5,a,false,true\n",
    "the column `success` stands twice"
)]
#[case::jtl_time(
    "load: \"report\", require: \"load.p95_ms < 9\"",
    "timeStamp,elapsed,label,success,elapsed\n1700000000000,500,a,true,5\n",
    "the column `elapsed` stands twice"
)]
#[case::locust(
    "load: \"report\", require: \"load.error_rate == 0\"",
    "Type,Name,Request Count,Failure Count,Failure Count\nGET,/,100,100,0\n,Aggregated,100,100,0\n",
    "the column `Failure Count` stands twice"
)]
#[case::spdx(
    "sbom: \"report\", require: \"!('GPL-3.0-only' in sbom.licences)\"",
    "SPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\n\nPackageName: a\nSPDXID: SPDXRef-a\n\
     PackageLicenseDeclared: GPL-3.0-only\nPackageLicenseDeclared: MIT\n",
    "line 7: `PackageLicenseDeclared` stands twice for one package"
)]
#[case::lcov(
    "coverage: \"report\", require: \"coverage.lines >= 0.9\"",
    "SF:a\nDA:1,1\nLF:100\nLH:10\nLH:95\nend_of_record\n",
    "line 5: expected each total once in a section"
)]
fn t52_a_name_that_stands_twice_in_a_table_opens_nothing(
    #[case] judged: &str,
    #[case] report: &str,
    #[case] says: &str,
) {
    let world = World::with_policy(&format!(
        "version: 1\nenvironments: {{ production: {{ approval: automatic }} }}\ngates:\n  it: {{ {judged} }}\n"
    ));
    world.write("report", report);
    let (code, decision) = world.gate(&[]);
    let it = gate(&decision, "it");
    assert_eq!((code, it["reason"].as_str()), (3, Some("malformed")), "{it}");
    assert!(it["explanation"].as_str().unwrap().contains(says), "{it}");
}
