//! What has to be so wherever a condition holds.
//!
//! Only what the condition's form proves is said: a part that is not understood could hold by itself. What is unknown makes
//! no part true, so that three-valued logic needs no case of its own.

use super::{Comparison, Term, clash};

/// Whether a condition has an answer (`holds`: yes, or no) only where one of these questions is answered with yes.
pub(super) fn needs(term: &Term, holds: bool, questions: &[&str]) -> bool {
    let part = |one: &Term, holds: bool| needs(one, holds, questions);
    match (term, holds) {
        // What is never so needs whatever one likes.
        (Term::Flag(flag), _) => *flag != holds,
        (Term::Predicate { name, .. }, true) => questions.contains(&name.as_str()),
        (Term::Not(of), _) => part(of, !holds),
        (Term::And(all), true) => all.iter().any(|one| part(one, true)) || clash::never(&[term]),
        (Term::Or(all), false) => all.iter().any(|one| part(one, false)),
        (Term::Or(all), true) => all.iter().all(|one| part(one, true)),
        (Term::And(all), false) => all.iter().all(|one| part(one, false)),
        (Term::If(asked, then, otherwise), _) => {
            (part(asked, true) || part(then, holds)) && (part(asked, false) || part(otherwise, holds))
        }
        (Term::Compare(how @ (Comparison::Equal | Comparison::NotEqual), one, other), _) => {
            let flag = |one: &Term| if let Term::Flag(flag) = one { Some(*flag) } else { None };
            let same = holds == (*how == Comparison::Equal);
            match (flag(one), flag(other)) {
                (Some(flag), _) => part(other, flag == same),
                (None, Some(flag)) => part(one, flag == same),
                (None, None) => false,
            }
        }
        // One entry at least answers it.
        (Term::Loop { every: false, condition, .. }, true) => part(condition, true),
        _ => false,
    }
}

/// Whether a condition holds whatever the facts say, where they say anything.
pub(super) fn always(term: &Term) -> bool {
    match term {
        Term::Flag(flag) => *flag,
        Term::Not(of) => never(of),
        Term::And(all) => all.iter().all(always),
        Term::Or(all) => all.iter().any(always) || opposite(all),
        _ => false,
    }
}

fn never(term: &Term) -> bool {
    match term {
        Term::Flag(flag) => !*flag,
        Term::Not(of) => always(of),
        Term::And(all) => all.iter().any(never),
        Term::Or(all) => all.iter().all(never),
        _ => false,
    }
}

/// `a || !a`, in any order and with others beside.
fn opposite(all: &[Term]) -> bool {
    all.iter().any(|one| all.iter().any(|other| matches!(other, Term::Not(of) if **of == *one)))
}
