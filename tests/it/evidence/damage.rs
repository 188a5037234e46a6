//! Damaged files of every coverage and load format: whatever happens to a report, it is read or refused.

use countersign::evidence::{Tally, recognise};
use countersign::model::report::About;

use crate::support;

/// A small generator of numbers (xorshift), so that a failure comes back.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

const SCRAPS: [&[u8]; 16] = [
    b"\"", b"<", b">", b"{", b"}", b",", b"\n", b"\0", b"\xFF", b"-1", b"1e308", b"NaN", b"99999999999999999999", b"\t", b"&",
    b"end_of_record\n",
];

#[rstest::rstest]
#[case("coverage")]
#[case("jmeter")]
#[case("gatling")]
#[case("k6")]
fn t51_damage_is_read_or_refused_and_never_worse(#[case] folder: &str) {
    let Some(folder) = support::corpus(folder) else { return };
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    for entry in std::fs::read_dir(folder).unwrap() {
        let whole = std::fs::read(entry.unwrap().path()).unwrap();
        let Some(format) = recognise(&whole) else { continue };
        if whole.len() > 60_000 {
            continue;
        }
        for _ in 0..60 {
            let mut bytes = whole.clone();
            for _ in 0..=numbers.below(3) {
                let at = numbers.below(bytes.len());
                let scrap = SCRAPS[numbers.below(SCRAPS.len())];
                let over = if numbers.below(2) == 0 { at } else { bytes.len().min(at + 1 + numbers.below(20)) };
                bytes.splice(at..over, scrap.iter().copied());
            }
            let mut tally = Tally::new(format.kind(), None).unwrap();
            let outcome = tally.read(format, &bytes, &mut About::default());
            // refused leaves nothing behind, and what is read says something
            assert_eq!(outcome.is_err(), tally.measures().is_empty());
            for (name, measure) in tally.measures().iter() {
                let shown = format!("{measure:?}");
                assert!(!shown.contains('-') || shown.contains("e-"), "{name} is {shown}");
            }
            let _ = recognise(&bytes);
        }
    }
}
