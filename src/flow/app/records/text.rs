//! Texts of issues: what stands under a heading, who wrote it, and which issues it names. Pure.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

use crate::forge::command::fenced;
use crate::forge::records::Issue;
use crate::model::facts::{Account, Fact, Field};
use crate::policy::calendar;

/// What stands under the heading of a name; absent where there is none. A heading that stands twice says two things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Said(String),
    Missing,
    Twice,
}

/// What stands under the heading of a name in a text of Markdown. What a comment hides nobody has read.
pub(super) fn section(text: &str, name: &str) -> Section {
    let text = without_comments(text);
    let mut found = Section::Missing;
    let mut here = false;
    for (line, is_code) in fenced(&text) {
        let bare = line.trim_start_matches('#');
        let is_heading = !is_code && bare.len() < line.len() && bare.starts_with([' ', '\t']);
        if is_heading {
            here = bare.trim().eq_ignore_ascii_case(name);
            if here {
                match found {
                    Section::Missing => found = Section::Said(String::new()),
                    Section::Said(_) | Section::Twice => return Section::Twice,
                }
            }
            continue;
        }
        if let (true, Section::Said(said)) = (here, &mut found) {
            said.push_str(line.trim_end());
            said.push('\n');
        }
    }
    match found {
        Section::Said(said) => Section::Said(said.trim().to_owned()),
        other => other,
    }
}

fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        // One that does not end hides all that follows.
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

/// A field of an issue of ours: its text, what our App wrote there, who wrote it as it is, and when.
pub(super) fn field(issue: &Issue, name: &str, template: &str) -> Field {
    let unknown = |why: &str| Field {
        text: Fact::Unavailable(why.to_owned().into()),
        template: Fact::Known(template.to_owned()),
        edited_at: Fact::Unavailable(why.to_owned().into()),
        by: None,
    };
    let Some(last) = issue.versions.last() else { return unknown("the issue has no text") };
    let Some(now) = last.text.as_deref().map(|text| section(text, name)) else {
        return unknown("its text was struck from the history");
    };
    let text = match &now {
        Section::Twice => return unknown("its heading stands twice in the issue; leave one"),
        Section::Missing => Fact::Absent,
        Section::Said(said) if said.is_empty() => Fact::Absent,
        Section::Said(said) => Fact::Known(said.clone()),
    };
    // As it is since the first of the versions from which on it always was so.
    let mut since = issue.versions.len().saturating_sub(1);
    for (at, version) in issue.versions.iter().enumerate().rev() {
        match version.text.as_deref().map(|text| section(text, name)) {
            Some(then) if then == now => since = at,
            Some(_) => break,
            // What is not there now is not there, whoever took it away.
            None if now == Section::Missing => break,
            None => {
                return unknown(
                    "what a version of the issue said is not told, and so not who wrote it; take it away, save, and write it again",
                );
            }
        }
    }
    // What stood there from the beginning is of whoever opened it; where we did, it is nobody's.
    let ours = |by: &Option<Account>| since == 0 || by.is_some() && *by == issue.author;
    let (by, edited_at): (Option<Account>, Fact<DateTime<Utc>>) = match issue.versions.get(since) {
        // What was never there nobody has written.
        Some(_) if since == 0 && now == Section::Missing => (None, Fact::Absent),
        Some(version) if issue.ours && ours(&version.by) => {
            (None, if since == 0 { Fact::Absent } else { Fact::Known(version.at) })
        }
        Some(version) if version.by.is_some() => (version.by.clone(), Fact::Known(version.at)),
        Some(_) | None => return unknown("whoever wrote it has no account any longer"),
    };
    Field { text, template: Fact::Known(template.to_owned()), edited_at, by }
}

/// From when until when a field plans; neither where nobody has written there since our App did.
pub(super) fn window(field: &Field, zone: Tz) -> (Fact<DateTime<Utc>>, Fact<DateTime<Utc>>) {
    let is_untouched = field.by.is_none() && field.edited_at.is_absent();
    let text = match &field.text {
        Fact::Known(text) if !is_untouched && field.template != Fact::Known(text.clone()) => text,
        Fact::Unavailable(why) => return (Fact::Unavailable(why.clone()), Fact::Unavailable(why.clone())),
        Fact::Known(_) | Fact::Absent => return (Fact::Absent, Fact::Absent),
    };
    match planned(text, zone) {
        Some((from, until)) if from < until => (Fact::Known(from), Fact::Known(until)),
        Some(_) => unplanned("it ends before it begins"),
        None => unplanned("it is no window; write one as `2026-12-01 22:00 to 2026-12-01 23:30`"),
    }
}

fn unplanned(why: &str) -> (Fact<DateTime<Utc>>, Fact<DateTime<Utc>>) {
    let unknown = || Fact::Unavailable(why.to_owned().into());
    (unknown(), unknown())
}

fn planned(text: &str, zone: Tz) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let (from, until) = text.split_once(" to ").or_else(|| text.split_once(" until "))?;
    Some((instant(from.trim(), zone)?, instant(until.trim(), zone)?))
}

/// An instant with its offset, or a time by the clocks of the policy's zone.
fn instant(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    let clock = |text: &str| {
        let read = |form: &&str| NaiveDateTime::parse_from_str(text, form).ok();
        ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"].iter().find_map(read)
    };
    match text.strip_suffix('Z').or_else(|| text.strip_suffix(" UTC")) {
        Some(universal) => clock(universal).map(|clock| clock.and_utc()),
        None => clock(text).map(|clock| calendar::instant(clock, zone)),
    }
}

/// Whether a text has a name among its words, which may be more than one.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    let plain = |text: &str| {
        let parts = text.split(|it: char| it.is_whitespace() || matches!(it, ',' | ';' | '(' | ')' | '`' | '*'));
        let words = parts.map(|word| word.trim_end_matches(['.', ':', '!', '?'])).filter(|word| !word.is_empty());
        format!(" {} ", words.collect::<Vec<_>>().join(" "))
    };
    !name.trim().is_empty() && plain(text).contains(&plain(name))
}

/// The issues and changes that a text names, `#12`, `!12` or `acme/shop#12`, each with its repository.
pub(super) fn named(text: &str, repository: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in text.split(|it: char| it.is_whitespace() || matches!(it, ',' | ';' | '(' | ')')) {
        let word = word.trim_end_matches(['.', ':', '!', '?']);
        let Some((place, rest)) = word.find(['#', '!']).map(|at| word.split_at(at)) else { continue };
        let (sign, number) = rest.split_at(1);
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let place = if place.is_empty() { repository } else { place };
        let id = format!("{}{sign}{number}", place.to_ascii_lowercase());
        if !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::records::Version;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(minutes * 60, 0).unwrap()
    }

    fn issue(versions: &[(&str, &str)]) -> Issue {
        let version = |(at_minute, (by, text)): (usize, &(&str, &str))| Version {
            by: Some(Account::from(format!("github:{by}").as_str())),
            at: at(i64::try_from(at_minute).unwrap()),
            text: (*text != "struck").then(|| (*text).to_owned()),
        };
        Issue {
            number: 1,
            ours: true,
            author: Some(Account::from("github:app[bot]")),
            at: at(0),
            open: true,
            versions: versions.iter().enumerate().map(version).collect(),
            events: Vec::new(),
            comments: Vec::new(),
            silenced: Vec::new(),
        }
    }

    #[test]
    fn what_stands_under_a_heading_is_found_and_what_is_hidden_is_not() {
        let text =
            "intro\n\n### Risk\nhigh <!-- not really -->\n\n### backout_plan\n\n- redeploy\n#45 is fixed\n\n## Else\nx";
        assert_eq!(section(text, "risk"), Section::Said("high".to_owned()));
        assert_eq!(section(text, "backout_plan"), Section::Said("- redeploy\n#45 is fixed".to_owned()));
        assert_eq!(section(text, "window"), Section::Missing);
        assert_eq!(section("### a\nx\n### A\ny", "a"), Section::Twice);
        assert_eq!(section("<!--\n### a\nx", "a"), Section::Missing);
        // What stands in a block of code is shown, and is no heading.
        assert_eq!(section("### a\n```\n### b\n```", "a"), Section::Said("```\n### b\n```".to_owned()));
        assert_eq!(named("#45, acme/Ops#7. and #x #45", "acme/shop"), ["acme/shop#45", "acme/ops#7"]);
    }

    #[test]
    fn c1_a_window_is_two_instants_or_it_is_not_known() {
        let written = |text: &str| Field {
            text: Fact::Known(text.to_owned()),
            template: Fact::Known("_When?_".to_owned()),
            edited_at: Fact::Known(at(1)),
            by: Some(Account::from("github:ana")),
        };
        let plans = |text: &str| window(&written(text), chrono_tz::Europe::London);
        let at = |text: &str| Fact::Known(text.parse::<DateTime<Utc>>().unwrap());
        let summer = (at("2026-07-01T21:00:00Z"), at("2026-07-01T22:30:00Z"));
        assert_eq!(plans("2026-07-01 22:00 to 2026-07-01 23:30"), summer);
        assert_eq!(plans("2026-07-01T21:00Z until 2026-07-01T23:30:00+01:00"), summer);
        for unread in ["tonight", "2026-07-01 22:00", "2026-07-01 22:00 to 2026-07-01 22:00", "22:00 to 23:00"] {
            assert!(plans(unread).0.unavailable().is_some(), "{unread}");
        }
        assert_eq!(plans("_When?_"), (Fact::Absent, Fact::Absent));
        // As our App wrote it, it plans nothing, whatever that was.
        let ours = Field { by: None, edited_at: Fact::Absent, ..written("_When, by the clocks of elsewhere?_") };
        assert_eq!(window(&ours, chrono_tz::UTC), (Fact::Absent, Fact::Absent));
    }

    #[test]
    fn what_is_mentioned_is_a_whole_word() {
        assert!(mentions("#12, to `production`.", "production"));
        assert!(mentions("to eu west now", "eu west"));
        assert!(!mentions("to pre-production", "production"));
        assert!(!mentions("anything", ""));
    }

    #[test]
    fn t69_a_field_is_of_whoever_wrote_it_as_it_is() {
        let written = |by: &str| field(&issue(&[("app[bot]", "### a\nfill"), (by, "### a\nmine")]), "a", "fill");
        assert_eq!(written("ana").by, Some(Account::from("github:ana")));
        assert_eq!(written("ana").edited_at, Fact::Known(at(1)));
        // Whoever writes elsewhere in the issue afterwards has not written it.
        let later = issue(&[("app[bot]", "### a\nfill"), ("ana", "### a\nmine"), ("bo", "### a\nmine\n### b\nx")]);
        assert_eq!(field(&later, "a", "fill").by, Some(Account::from("github:ana")));
        // What was taken away and put back is of who put it back.
        let back = issue(&[("ana", "### a\nmine"), ("bo", ""), ("bo", "### a\nmine")]);
        assert_eq!(field(&back, "a", "").by, Some(Account::from("github:bo")));
        // What was struck may have been written by anybody.
        let struck = issue(&[("app[bot]", "### a\nfill"), ("ana", "struck"), ("bo", "### a\nmine")]);
        assert!(field(&struck, "a", "fill").text.unavailable().is_some());
        // What whoever opened the issue wrote there at first is his, where it was not our App.
        let theirs = Issue { ours: false, ..issue(&[("ana", "### a\nmine")]) };
        assert_eq!(field(&theirs, "a", "fill").by, Some(Account::from("github:ana")));
        assert_eq!(field(&theirs, "a", "fill").edited_at, Fact::Known(at(0)));
        // As our App wrote it, it is nobody's.
        let ours = field(&issue(&[("app[bot]", "### a\nfill")]), "a", "fill");
        assert_eq!((ours.by, ours.edited_at), (None, Fact::Absent));
    }
}
