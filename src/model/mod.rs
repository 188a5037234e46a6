//! Storey 1: the nouns of a release gate, and nothing that acts on them.
//!
//! Here live the words that every other storey shares: verdicts and the stable
//! reasons for them, measures, what a report says of itself, findings worth
//! showing, the facts of a release ([`facts`]) and the two decision documents:
//! the gate step's ([`decision`]) and the release's ([`release_decision`], with
//! its reasons in [`ground`]); how an installation is protected ([`posture`]) and
//! what was found of that ([`inspection`]); what others tell of a deployment
//! ([`deployment_report`]), and what a job that asks is answered ([`answer`]). No rule, no parser and no I/O lives here.
//!
//! Invariant: a value that is not known is absent. No type here has a default
//! that would let a release go on.

pub mod answer;
pub mod audit;
pub mod bounds;
pub mod catalogue;
pub mod decision;
pub mod deployment_report;
pub mod due;
pub mod facts;
pub mod grant;
pub mod ground;
pub mod inspection;
pub mod kind;
pub mod licence;
pub mod lookalike;
pub mod measures;
pub mod message;
pub mod notable;
pub mod pattern;
pub mod period;
pub mod posture;
pub mod release_decision;
pub mod report;
pub mod schema;
pub mod stated;
pub mod verdict;
pub mod verifier_key;
pub mod wording;
pub mod yaml;
