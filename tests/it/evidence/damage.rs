//! Damaged files of every coverage and load format: whatever happens to a report, it is read or refused.

use countersign::evidence::{Tally, recognise};
use countersign::model::kind::Format;
use countersign::model::report::About;
use countersign::model::verdict::Reason;

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
    b"\"",
    b"<",
    b">",
    b"{",
    b"}",
    b",",
    b"\n",
    b"\0",
    b"\xFF",
    b"-1",
    b"1e308",
    b"NaN",
    b"99999999999999999999",
    b"\t",
    b"&",
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

// JSON is not here: what a walk passes over is not looked at, and files are checked as a whole when they are opened.
#[rstest::rstest]
#[case::cobertura(
    Format::Cobertura,
    "<coverage line-rate=\"1\"><class name=\"@\"><line hits=\"1\"/></class></coverage>"
)]
#[case::jacoco(Format::Jacoco, "<report name=\"@\"><counter type=\"LINE\" missed=\"0\" covered=\"1\"/></report>")]
#[case::lcov(Format::Lcov, "SF:@\nDA:1,1\nend_of_record\n")]
#[case::jtl(Format::JmeterXml, "<testResults><sample t=\"1\" ts=\"1\" s=\"true\" lb=\"@\"/></testResults>")]
#[case::jtl_csv(Format::JmeterCsv, "timeStamp,elapsed,label\n1500000000000,1,@\n")]
#[case::gatling_log(Format::Gatling, "RUN\tS\tid\t1\t \t3\nREQUEST\t\t@\t1500000000000\t1500000000001\tOK\n")]
#[case::locust(Format::Locust, "Name,Request Count,Failure Count\n@,1,0\nAggregated,1,0\n")]
fn t51_bytes_that_are_not_utf8_are_refused_wherever_they_stand(#[case] format: Format, #[case] text: &str) {
    let read = |bytes: &[u8]| {
        let mut tally = Tally::new(format.kind(), None).unwrap();
        tally.read(format, bytes, &mut About::default())
    };
    assert_eq!(read(text.as_bytes()), Ok(()));
    let (before, after) = text.split_once('@').unwrap();
    let fault = read(&[before.as_bytes(), b"\xC3\x28", after.as_bytes()].concat()).expect_err("to be refused");
    assert_eq!(fault.reason, Reason::Malformed, "{fault}");
}
