//! What must hold for any checklist.

use countersign::evidence::checklist;
use countersign::model::kind::Format;
use countersign::model::report::About;

use crate::{memory, report};

pub fn claims(format: Format, bytes: &[u8]) {
    let read = |bytes: &[u8]| {
        let mut about = About::default();
        (checklist::read(format, bytes, &mut about), about)
    };
    let first = memory::bounded(bytes.len(), || read(bytes));
    assert_eq!(first, read(bytes), "a second reading differs");
    if !bytes.starts_with(report::MARK) {
        assert_eq!(first, read(&[report::MARK, bytes].concat()), "a byte-order mark makes a difference");
    }
    let list = match &first.0 {
        Ok(list) => list,
        Err(fault) => return report::told(fault),
    };
    assert!(!list.items.is_empty() && list.items.len() <= checklist::ITEMS);
    for item in &list.items {
        assert!(item.text.len() <= checklist::TEXT, "{} bytes of text", item.text.len());
    }
    // What the list has ticked is ticked; what it does not have is missing.
    let required: Vec<String> = list.items.iter().map(|item| item.text.clone()).collect();
    let judgement = list.judge(&required);
    let open = list.items.iter().any(|item| !item.ticked);
    assert!(!(open && judgement.complete()), "complete, with an open item");
    let other = "an item that nobody wrote".to_owned();
    if !list.items.iter().any(|item| checklist::key(&item.text) == checklist::key(&other)) {
        assert!(!list.judge(&[other]).complete(), "complete, without the item");
    }
}
