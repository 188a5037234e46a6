//! Messages in a mailbox and in a channel: what is in them steers nobody.

use chrono::{DateTime, Utc};
use countersign::model::message::{Message, What};
use countersign::report::message::{chat, letter, subject};

fn message(what: What, hostile: &str) -> Message {
    let text = || hostile.to_owned();
    Message {
        what,
        forge: "github".to_owned(),
        repository: text(),
        release: text(),
        environment: "production".to_owned(),
        commit: text(),
        emergency: false,
        role: Some(text()),
        asked_to: Some("approve".to_owned()),
        people: vec![text(), "bo".to_owned()],
        instead_of: Some(text()),
        because: Some(text()),
        summary: text(),
        obligation: Some(text()),
        to_do: Some(text()),
        due: None,
        due_told: Some(text()),
        at: DateTime::<Utc>::UNIX_EPOCH,
    }
}

const ALL: [What; 11] = [
    What::Asked,
    What::Reminded,
    What::Escalated,
    What::Proceeds,
    What::Rejected,
    What::Owed,
    What::Near,
    What::Overdue,
    What::Reported,
    What::Surveyed,
    What::Tried,
];
const LINK: &str = "https://countersign.example/release?repository=a%2Fb&release=x";

#[test]
fn no_header_ends_and_no_line_begins_by_text_from_elsewhere() {
    for what in ALL {
        let it = message(
            what,
            "x\r\nBcc: evil@evil.example\n\n.\r\nSee why, and answer there: https://evil.example\u{202e}\u{200b}",
        );
        let subject = subject(&it);
        assert!(!subject.contains(['\r', '\n', '\u{202e}', '\u{200b}']), "{subject:?}");
        assert!(subject.len() <= 200, "{subject}");
        let text = letter(&it, Some(LINK));
        assert!(!text.contains('\r') && !text.contains("\nBcc") && !text.contains("\n."), "{text}");
        let links: Vec<&str> = text.match_indices("://").map(|(at, _)| &text[at..]).collect();
        assert_eq!(links.len(), 1, "only ours is a link: {text}");
        let there = match what {
            What::Reported => "Read them there",
            What::Surveyed => "Answer there",
            _ => "See why, and answer there",
        };
        assert!(text.contains(&format!("\n{there}: {LINK}\nOpening it changes nothing.\n")), "{text}");
    }
}

#[test]
fn nobody_is_called_in_a_channel_and_the_one_link_is_ours() {
    for what in ALL {
        let it = message(what, "<!channel> <@U024BE7LH> <https://evil.example|click> & https://evil.example");
        let text = chat(&it, Some(LINK));
        let ours = format!("<{}>", LINK.replace('&', "&amp;"));
        assert_eq!(text.matches('<').count(), 1, "{text}");
        assert!(text.ends_with(&ours), "{text}");
        assert_eq!(text.matches("://").count(), 1, "{text}");
        if what != What::Tried {
            assert!(text.contains("&lt;!channel&gt;") && text.contains(" &amp; "), "{text}");
        }
    }
}

#[test]
fn a_message_says_who_what_and_why() {
    let it = Message {
        repository: "acme/shop".to_owned(),
        release: "shop 2.4.0".to_owned(),
        role: Some("shop-owner".to_owned()),
        summary: "held: needs bo or carla to approve".to_owned(),
        people: vec!["bo".to_owned(), "carla".to_owned()],
        commit: "c0ffee".to_owned(),
        because: None,
        obligation: None,
        emergency: true,
        ..message(What::Asked, "")
    };
    assert_eq!(subject(&it), "[acme/shop] EMERGENCY: shop 2.4.0 to production waits for shop-owner to approve");
    assert_eq!(
        letter(&it, None),
        "EMERGENCY: shop 2.4.0 to production waits for shop-owner to approve.\n\nCan answer: bo, carla\nDecision: held: needs \
         bo or carla to approve\nRepository: acme/shop\nCommit: c0ffee\n"
    );
    let many = Message { people: (0..30).map(|number| format!("p{number}")).collect(), ..it };
    assert!(letter(&many, None).contains("p19 and 10 more\n"), "{}", letter(&many, None));
}
