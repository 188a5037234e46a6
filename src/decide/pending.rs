//! Stand-ins for what other parts bring.
use chrono::{DateTime, Duration, Utc};

use super::path::Triage;
use super::scene::Scene;
use crate::policy::calendar::{Calendar, Hours};
use crate::policy::expression::Expression;
use crate::policy::length::Length;
use crate::policy::rules::Component;

pub fn adds_for(_: &Scene<'_>, _: Option<&Triage>, _: Option<&Component>, _: &Expression) -> bool {
    true
}
pub fn relaxes(_: &Scene<'_>, _: Option<&Triage>, _: &Expression) -> bool {
    false
}
pub fn due(_: &Calendar, from: DateTime<Utc>, length: Length) -> DateTime<Utc> {
    from + match length {
        Length::Seconds(seconds) => Duration::seconds(seconds),
        Length::BusinessHours(hours) => Duration::hours(hours.into()),
        Length::BusinessDays(days) => Duration::days(days.into()),
    }
}
pub fn after(_: &Hours, from: DateTime<Utc>, length: Length, _: &[chrono::NaiveDate]) -> DateTime<Utc> {
    due(&Calendar::default(), from, length)
}
pub fn is_open(_: &Hours, _: DateTime<Utc>, _: &[chrono::NaiveDate]) -> bool {
    false
}
pub fn told(at: DateTime<Utc>, zone: chrono_tz::Tz) -> String {
    at.with_timezone(&zone).format("%a %-d %b %Y %H:%M").to_string() + " " + zone.name()
}
