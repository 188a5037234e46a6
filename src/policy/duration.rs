//! Lengths of time as people write them: `90s`, `15min`, `4h`, `2d`, `1w`, `7y`.

/// Seconds of a length of time that a clock can measure: `ms`, `s`, `min` (or
/// `m`), `h`, `d` of 24 hours, `w`; parts may follow one another (`1h30min`).
/// `None` for anything else, a negative or an absurd length included.
#[must_use]
pub fn seconds(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(letters)?;
        let number: f64 = number.parse().ok()?;
        total += number
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "min" | "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                _ => return None,
            };
        rest = next;
    }
    (total.is_finite() && total < 3.2e11).then_some(total)
}

/// Whether a text is a length of time for keeping records: days, weeks, months or years.
#[must_use]
pub fn is_period(text: &str) -> bool {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).unwrap_or_default();
    number.parse::<u32>().is_ok_and(|number| (1..=10_000).contains(&number)) && matches!(unit, "d" | "w" | "mo" | "y")
}

/// Days of such a length, to compare one with another: a month is a twelfth of a year of 365.25 days. `None` for anything
/// else.
#[must_use]
pub fn period_days(text: &str) -> Option<f64> {
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let number: f64 = number.parse().ok().filter(|_| is_period(text))?;
    let days = match unit {
        "d" => 1.0,
        "w" => 7.0,
        "mo" => 365.25 / 12.0,
        _ => 365.25,
    };
    Some(number * days)
}

/// Whether a text is a length of time in open business hours or days: `4bh`, `5bd`.
#[must_use]
pub fn is_business(text: &str) -> bool {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).unwrap_or_default();
    number.parse::<u32>().is_ok_and(|number| (1..=10_000).contains(&number)) && matches!(unit, "bh" | "bd")
}
