//! How grave a finding is: the levels of SARIF and the severities of CVSS.

use super::super::json;
use crate::model::notable::shortened;

/// How a producer ranks a finding. The words are SARIF's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A serious problem.
    Error,
    /// A problem.
    Warning,
    /// A minor problem, or an opportunity to improve.
    Note,
    /// Not ranked, or not a problem by itself.
    None,
}

/// The qualitative severity scale of CVSS 3.1, section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// 0.1 to 3.9, and what scanners call negligible or informational.
    Low,
    /// 4.0 to 6.9.
    Medium,
    /// 7.0 to 8.9.
    High,
    /// 9.0 to 10.0.
    Critical,
}

impl Severity {
    /// The band of a CVSS score. 0.0 says "none", which is no severity.
    #[must_use]
    pub fn of_score(score: f64) -> Option<Self> {
        match score {
            score if score >= 9.0 => Some(Self::Critical),
            score if score >= 7.0 => Some(Self::High),
            score if score >= 4.0 => Some(Self::Medium),
            score if score > 0.0 => Some(Self::Low),
            _ => None,
        }
    }

    /// The severity that a scanner states, `None` where it leaves it open. A word
    /// that is neither might stand for the gravest, and is refused.
    pub fn stated(word: &str) -> Result<Option<Self>, json::Error> {
        const OPEN: &[&str] = &["", "unknown", "undefined", "unspecified", "unassigned", "none"];
        match Self::of_word(word) {
            None if !OPEN.iter().any(|open| open.eq_ignore_ascii_case(word.trim())) => {
                let word = shortened(word, 60);
                Err(json::refuse(format_args!(
                    "the severity is `{word}`, where `critical`, `high`, `medium`, `low` or `unknown` was expected"
                )))
            }
            severity => Ok(severity),
        }
    }

    /// The severity that a word stands for, in any case of letters; `None` where it
    /// stands for none.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        const WORDS: &[(&str, Severity)] = &[
            ("critical", Severity::Critical),
            ("high", Severity::High),
            ("important", Severity::High),
            ("medium", Severity::Medium),
            ("moderate", Severity::Medium),
            ("low", Severity::Low),
            ("negligible", Severity::Low),
            ("info", Severity::Low),
            ("informational", Severity::Low),
        ];
        WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word.trim())).map(|(_, severity)| *severity)
    }

    /// A rank among findings where no score is stated: the foot of the band, times ten.
    #[must_use]
    pub fn rank(self) -> u32 {
        match self {
            Self::Low => 1,
            Self::Medium => 40,
            Self::High => 70,
            Self::Critical => 90,
        }
    }
}

impl Level {
    /// The level of a finding by a scanner that has severities only, as the catalogue of measures states it.
    #[must_use]
    pub fn of_severity(severity: Option<Severity>) -> Self {
        match severity {
            Some(Severity::Critical | Severity::High) => Self::Error,
            Some(Severity::Medium) => Self::Warning,
            Some(Severity::Low) => Self::Note,
            None => Self::None,
        }
    }
}
