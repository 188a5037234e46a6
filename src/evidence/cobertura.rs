//! cobertura

/// Reads one report.
pub fn read(_bytes: &[u8], _tally: &mut super::coverage::CoverageTally, _about: &mut crate::model::report::About) -> Result<(), crate::model::report::Fault> {
    Err(crate::model::report::Fault::malformed(crate::model::report::Place::Whole, "this format is to be written"))
}
