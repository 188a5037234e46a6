//! cyclonedx

/// Reads one report.
pub fn read_json(_bytes: &[u8], _tally: &mut super::sbom::SbomTally, _about: &mut crate::model::report::About) -> Result<(), crate::model::report::Fault> {
    Err(crate::model::report::Fault::malformed(crate::model::report::Place::Whole, "this format is to be written"))
}

/// Reads one report.
pub fn read_xml(_bytes: &[u8], _tally: &mut super::sbom::SbomTally, _about: &mut crate::model::report::About) -> Result<(), crate::model::report::Fault> {
    Err(crate::model::report::Fault::malformed(crate::model::report::Place::Whole, "this format is to be written"))
}
