//! gatling

/// Reads one report.
pub fn read(_bytes: &[u8], _tally: &mut super::load::LoadTally, _about: &mut crate::model::report::About) -> Result<(), crate::model::report::Fault> {
    Err(crate::model::report::Fault::malformed(crate::model::report::Place::Whole, "this format is to be written"))
}
