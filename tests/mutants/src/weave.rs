//! A file's text with more text at places of it, and what that text refers to.

use std::ops::Range;

/// The variable that says which mutant a process is.
pub const SWITCH: &str = "MUTANT";

/// `src/mutant.rs` of the copy.
pub const MUTANT: &str = r#"//! Which mutant this process is.

use std::sync::LazyLock;

static CHOSEN: LazyLock<u32> =
    LazyLock::new(|| std::env::var("MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0));

/// Whether it is this one.
#[must_use]
#[inline]
pub fn on(number: u32) -> bool {
    *CHOSEN == number
}

macro_rules! choose {
    ({$left:expr} $usual:tt {$right:expr} $($number:literal $other:tt)*) => {
        $(if $crate::mutant::on($number) { $left $other $right } else)* { $left $usual $right }
    };
}
pub(crate) use choose;

macro_rules! without {
    ($number:literal, ! $of:expr) => {
        $crate::mutant::on($number) != !$of
    };
    ($number:literal, - $of:expr) => {
        if $crate::mutant::on($number) { $of } else { -$of }
    };
}
pub(crate) use without;
"#;

/// Stands on the line of what a mutant needs, so that the compiler's complaint about the line is one about the mutant.
pub fn mark(id: usize) -> String {
    format!("/*~{id}*/")
}

/// The mutant whose line this is.
pub fn marked(line: &str) -> Option<usize> {
    line.split_once("/*~")?.1.split_once("*/")?.0.parse().ok()
}

/// Text that goes into a file. At one place, what ends there stands before what begins there, the inner before the outer;
/// of what begins there the outer stands first.
#[derive(Debug, Default)]
pub struct Woven {
    edits: Vec<(Range<usize>, Order, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Close,
    /// Around all that ends there.
    CloseLast,
    Open,
    Instead,
}

impl Woven {
    pub fn open(&mut self, at: usize, text: String) {
        self.edits.push((at..at, Order::Open, text));
    }

    pub fn close(&mut self, at: usize, text: String) {
        self.edits.push((at..at, Order::Close, text));
    }

    pub fn late(&mut self, at: usize, text: String) {
        self.edits.push((at..at, Order::CloseLast, text));
    }

    pub fn instead(&mut self, of: Range<usize>, text: String) {
        self.edits.push((of, Order::Instead, text));
    }

    /// The file with all of it.
    pub fn over(mut self, text: &str) -> String {
        self.edits.sort_by_key(|(place, order, _)| (place.start, *order));
        let (mut out, mut from) = (String::new(), 0);
        for (place, _, more) in &self.edits {
            out.push_str(&text[from..place.start]);
            out.push_str(more);
            from = place.end;
        }
        out.push_str(&text[from..]);
        out
    }
}
