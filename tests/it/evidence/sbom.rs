//! What the tests of every bill of materials share, and the comparison with a baseline.

use countersign::evidence::{Tally, recognise};
use countersign::model::kind::Kind;
use countersign::model::measures::{Measure, Measures};
use countersign::model::report::{About, Fault};

/// Reads a document into a tally, by whatever format it is recognised as.
pub fn into(mut tally: Tally, bytes: &[u8]) -> Result<(Tally, About), Fault> {
    let mut about = About::default();
    let format = recognise(bytes).expect("the document is recognised");
    tally.read(format, bytes, &mut about)?;
    Ok((tally, about))
}

/// What a document measures alone, and what it says of itself.
pub fn read(bytes: &[u8]) -> Result<(Measures, About), Fault> {
    let (tally, about) = into(Tally::new(Kind::Sbom, None).unwrap(), bytes)?;
    Ok((tally.measures(), about))
}

/// A number under `sbom.`; panics where it is unknown.
pub fn number(measures: &Measures, name: &str) -> f64 {
    match measures.get(&format!("sbom.{name}")) {
        Some(Measure::Number(number)) => *number,
        other => panic!("sbom.{name} is {other:?}"),
    }
}

/// Components, and of them those without licence, supplier and version.
pub fn counts(measures: &Measures) -> [f64; 4] {
    ["components", "without_licence", "without_supplier", "without_version"].map(|name| number(measures, name))
}

/// Names under `sbom.`; panics where they are unknown.
pub fn names(measures: &Measures, name: &str) -> Vec<String> {
    match measures.get(&format!("sbom.{name}")) {
        Some(Measure::Names(names)) => names.clone(),
        other => panic!("sbom.{name} is {other:?}"),
    }
}

#[test]
fn dump() {
    for dir in ["cyclonedx", "spdx"] {
        let mut files: Vec<_> = std::fs::read_dir(crate::support::corpus(dir).unwrap()).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        for f in files {
            let bytes = std::fs::read(&f).unwrap();
            let name = f.file_name().unwrap().to_string_lossy().into_owned();
            let fmt = recognise(&bytes);
            if fmt.is_none() { eprintln!("{name}\tNONE"); continue; }
            match read(&bytes) {
                Ok((m, a)) => eprintln!("{name}\t{:?}\t{:?}\t{:?}\t{:?}\t{a:?}", fmt.unwrap(), counts(&m), m.get("sbom.licences"), m.get("sbom.suppliers")),
                Err(e) => eprintln!("{name}\t{fmt:?}\tERR {e:?}"),
            }
        }
    }
}
