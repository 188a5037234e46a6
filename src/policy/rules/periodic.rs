//! What falls due whenever a period ends.

use crate::model::due::ReportKind;
use crate::model::period::Every;
use crate::model::stated::Stated;

/// Who is asked about the gates and the items of checklists.
#[derive(Clone, Debug)]
pub struct SurveyRule {
    /// How often.
    pub every: Every,
    /// Roles, or `approvers` for whoever approved something in the period.
    pub ask: Vec<String>,
    /// Where it stands.
    pub stated: Stated,
}

/// What those who audit receive.
#[derive(Clone, Debug)]
pub struct ReportsRule {
    /// How often.
    pub every: Every,
    /// The roles that are told.
    pub to: Vec<String>,
    /// Which reports, each once.
    pub kinds: Vec<ReportKind>,
    /// Where it stands.
    pub stated: Stated,
}
