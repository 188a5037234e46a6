use countersign::evidence::junit;
use countersign::evidence::tests::TestTally;
use countersign::model::report::About;
#[test]
fn survey() {
    let mut files: Vec<_> = std::fs::read_dir("../shared/corpus/junit")
        .or_else(|_| std::fs::read_dir("/work/shared/corpus/junit"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    for d in ["py", "js", "ct", "node"] {
        for e in std::fs::read_dir(format!("/tmp/bench-tests/{d}")).unwrap() {
            let p = e.unwrap().path();
            if p.extension().is_some_and(|e| e == "xml") {
                files.push(p);
            }
        }
    }
    for e in std::fs::read_dir("/tmp/bench-tests").unwrap() {
        let p = e.unwrap().path();
        if p.extension().is_some_and(|e| e == "xml") {
            files.push(p);
        }
    }
    files.sort();
    for f in files {
        let bytes = std::fs::read(&f).unwrap();
        let mut t = TestTally::new();
        let mut a = About::default();
        let r = junit::read(&bytes, &mut t, &mut a);
        let m = t.measures();
        let n = |k| match m.get(k) {
            Some(countersign::model::measures::Measure::Number(x)) => format!("{x}"),
            Some(countersign::model::measures::Measure::Seconds(x)) => format!("{x:.3}"),
            _ => "?".into(),
        };
        let short = f.file_name().unwrap().to_string_lossy().to_string();
        let short = short
            .replace("junit-plugin__src__test__resources__hudson__tasks__junit__", "JP:")
            .replace("test-reporter____tests____fixtures__", "TR:")
            .replace("action-junit-report__test_results__", "AJ:");
        match r {
            Ok(()) => println!(
                "ok   {short}: {} f{} e{} s{} fl{} t{} {:?} {:?}",
                n("tests.total"),
                n("tests.failed"),
                n("tests.errors"),
                n("tests.skipped"),
                n("tests.flaky"),
                n("tests.time"),
                a.tool,
                a.made_at
            ),
            Err(e) => println!("FAULT {short}: {:?} {e}", e.reason),
        }
    }
}
