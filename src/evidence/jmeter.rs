//! Reads the sample results (JTL) of JMeter 2.x to 5.x, and what Taurus and others
//! write in that form: CSV with a header or without one, and XML 1.2.
//!
//! Times are in milliseconds. `timeStamp` is when a sample began, in
//! milliseconds since 1970 or as a date; a date in another form than
//! `yyyy-MM-dd HH:mm:ss` or `yyyy/MM/dd HH:mm:ss` leaves the test's duration unknown. CSV without
//! a header has JMeter's default columns. The delimiter is a comma, a semicolon,
//! a tab or a bar, as the first line shows.
//!
//! A sample inside of another (embedded resources, the parts of a transaction)
//! is part of it and not counted. A transaction controller can also be written
//! beside its samples: such rows are left out, as JMeter's dashboard does, as
//! long as all the samples that they sum up are listed; otherwise the
//! transactions themselves count. A row that sums up several samples
//! (`StatisticalSampleSender`) is refused, for no percentile can be had from it.
//!
//! A row has as many fields as the first line. A last row without its line end is refused
//! where its last field is one that is read: it may be a part of a number.
//!
//! Failed assertions are counted from XML only, where assertions are listed.

use super::load::{LoadTally, Sample, Samples};
use super::rows::{self, Rows};
use super::xml::{Element, Event, Xml};
use crate::model::bounds::Bounds;
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, Place};

/// What the message of a transaction controller's row begins with.
const TRANSACTION: &str = "Number of samples in transaction : ";

/// Reads one report in CSV.
pub fn read_csv(bytes: &[u8], tally: &mut LoadTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let first = bytes.get(..bytes.len().min(bounds.text)).unwrap_or_default();
    let Shape { delimiter, columns, width, header } = Shape::told_by(first)?;
    let mut rows = Rows::new(bytes, delimiter, &bounds);
    if header {
        rows.next(|_, _| Ok(()))?;
    }
    let mut results = Results::new()?;
    loop {
        let mut row = Row::default();
        let read = rows.next(|index, field| columns.take(index, field, &mut row))?;
        let Some(count) = read else { break };
        if count != width {
            let message =
                format!("expected {width} fields as on the first line, found {count}; is the file cut short?");
            return Err(Fault::malformed(rows.place(), message));
        }
        results.note(&row).map_err(|wrong| Fault::malformed(rows.place(), wrong))?;
    }
    if columns.can_be_cut(width) {
        rows::ended(bytes)?;
    }
    results.finish(tally, about)
}

/// Reads one report in XML.
pub fn read_xml(bytes: &[u8], tally: &mut LoadTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut xml = Xml::within(bytes, &bounds);
    match xml.next()? {
        Event::Open(root) if root.name() == "testResults" => {}
        _ => return Err(xml.fault("expected the element `testResults`")),
    }
    let mut results = Results::new()?;
    loop {
        match xml.next()? {
            Event::Open(element) if is_sample(&element) => {
                let mut row = Row::default();
                let mut wrong = None;
                element.attributes(&xml, |name, value| {
                    wrong = wrong.take().or(take_attribute(name, &value, &mut row).err());
                    Ok(())
                })?;
                // A transaction with its samples inside of it stands for them: they are not counted.
                if samples_inside(&mut xml, &mut results)? {
                    row.transaction_of = None;
                }
                if let Err(wrong) = wrong.map_or_else(|| results.note(&row), Err) {
                    return Err(xml.fault_in(&element, wrong));
                }
            }
            Event::Open(_) => xml.skip()?,
            Event::Close | Event::Text(_) => {}
            Event::End => break,
        }
    }
    results.finish(tally, about)
}

fn is_sample(element: &Element<'_>) -> bool {
    matches!(element.name(), "httpSample" | "sample")
}

/// Reads a sample to its closing, and counts the failed assertions in it and in its
/// parts. Tells whether there are samples inside of it.
fn samples_inside(xml: &mut Xml<'_>, results: &mut Results) -> Result<bool, Fault> {
    let mut inside = false;
    let mut open = 1_usize;
    while open > 0 {
        match xml.next()? {
            Event::Open(element) if element.name() == "assertionResult" => {
                let failed = assertion_failed(xml)?;
                *results.checks_failed.get_or_insert(0) += u64::from(failed);
            }
            Event::Open(element) if is_sample(&element) => {
                inside = true;
                open += 1;
            }
            Event::Open(_) => xml.skip()?,
            Event::Close => open -= 1,
            Event::Text(_) => {}
            Event::End => break,
        }
    }
    Ok(inside)
}

/// Whether the assertion just opened has failed, or could not be made.
fn assertion_failed(xml: &mut Xml<'_>) -> Result<bool, Fault> {
    let mut failed = false;
    loop {
        match xml.next()? {
            Event::Open(element) if matches!(element.name(), "failure" | "error") => {
                failed |= xml.text(16)?.trim().eq_ignore_ascii_case("true");
            }
            Event::Open(_) => xml.skip()?,
            Event::Close | Event::End => return Ok(failed),
            Event::Text(_) => {}
        }
    }
}

/// What is taken of one sample.
#[derive(Default)]
struct Row {
    began_ms: Option<f64>,
    elapsed_ms: Option<u64>,
    failed: Option<bool>,
    /// How many samples the row of a transaction controller sums up.
    transaction_of: Option<u64>,
}

fn take_attribute(name: &str, value: &str, row: &mut Row) -> Result<(), String> {
    match name {
        "t" => row.elapsed_ms = Some(elapsed(value)?),
        "ts" => row.began_ms = began(value)?,
        "s" => row.failed = Some(!success(value)?),
        "rm" => row.transaction_of = transaction(value),
        "sc" => single(value)?,
        _ => {}
    }
    Ok(())
}

fn elapsed(value: &str) -> Result<u64, String> {
    value.trim().parse().map_err(|_| format!("expected milliseconds, found `{}`", shortened(value, 40)))
}

/// When a sample began: `None` for a date in a form of the user's own.
fn began(value: &str) -> Result<Option<f64>, String> {
    let value = value.trim();
    let dated = || {
        ["%Y-%m-%d %H:%M:%S%.f", "%Y/%m/%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"].iter().find_map(|form| {
            chrono::NaiveDateTime::parse_from_str(value, form).ok().map(|at| at.and_utc().timestamp_millis())
        })
    };
    let number = value.parse::<i64>();
    if number.as_ref().is_ok_and(|at| !(0..=LAST_INSTANT_MS).contains(at)) {
        return Err(format!("expected milliseconds since 1970, found `{}`", shortened(value, 40)));
    }
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of years up to 9999 are far below 2^53")]
    Ok(number.ok().or_else(dated).map(|at| at as f64))
}

/// The end of the year 9999.
const LAST_INSTANT_MS: i64 = 253_402_300_799_999;

fn success(value: &str) -> Result<bool, String> {
    match value.trim() {
        success if success.eq_ignore_ascii_case("true") => Ok(true),
        success if success.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(format!("expected `true` or `false` for success, found `{}`", shortened(other, 40))),
    }
}

fn transaction(message: &str) -> Option<u64> {
    message.strip_prefix(TRANSACTION)?.split(',').next()?.trim().parse().ok()
}

fn single(count: &str) -> Result<(), String> {
    match count.trim() {
        "1" | "0" | "" => Ok(()),
        many => Err(format!(
            "the row sums up `{}` samples; have JMeter send single samples (`mode=Standard`)",
            shortened(many, 40)
        )),
    }
}

/// Which columns stand where.
#[derive(Default)]
struct Columns {
    time_stamp: Option<usize>,
    elapsed: Option<usize>,
    success: Option<usize>,
    message: Option<usize>,
    sample_count: Option<usize>,
}

/// What the first line of a file tells of the others.
struct Shape {
    delimiter: u8,
    columns: Columns,
    width: usize,
    /// Whether the first line is a header.
    header: bool,
}

impl Shape {
    fn told_by(head: &[u8]) -> Result<Self, Fault> {
        let mut fault = None;
        for delimiter in *b",;\t|" {
            let mut named = Columns::default();
            let mut header = false;
            let plain = Columns::default_columns();
            let mut row = Row::default();
            let mut fits = true;
            let read = Rows::new(head, delimiter, &Bounds::LEFT_OUT).next(|index, field| {
                header |= field == "elapsed";
                named.name(index, field)?;
                fits &= plain.take(index, field, &mut row).is_ok();
                Ok(())
            });
            match read {
                Ok(Some(width)) if header && width > 1 => return Ok(Self { delimiter, columns: named, width, header }),
                Ok(Some(width)) if fits && row.failed.is_some() && row.began_ms.is_some() => {
                    return Ok(Self { delimiter, columns: plain, width, header });
                }
                Ok(_) => {}
                Err(wrong) => fault = fault.or(Some(wrong)),
            }
        }
        Err(fault.unwrap_or_else(|| {
            let message = "expected a header with the column `elapsed`, or rows in JMeter's default columns";
            Fault::malformed(Place::Line(1, 0), message)
        }))
    }
}

impl Columns {
    /// `timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,…`
    fn default_columns() -> Self {
        Self { time_stamp: Some(0), elapsed: Some(1), message: Some(4), success: Some(7), sample_count: None }
    }

    fn name(&mut self, index: usize, name: &str) -> Result<(), String> {
        let column = match name {
            "timeStamp" => &mut self.time_stamp,
            "elapsed" => &mut self.elapsed,
            "success" => &mut self.success,
            "responseMessage" => &mut self.message,
            "SampleCount" => &mut self.sample_count,
            _ => return Ok(()),
        };
        match column.replace(index) {
            None => Ok(()),
            Some(_) => Err(format!("the column `{name}` stands twice; keep one of them")),
        }
    }

    /// Whether the last column of a width is one that is read, and of which a part looks
    /// like a whole. JMeter ends every row; people who cut a sample out often do not.
    fn can_be_cut(&self, width: usize) -> bool {
        let read = [self.elapsed, self.time_stamp, self.message, self.sample_count];
        read.into_iter().flatten().any(|column| column + 1 == width)
    }

    fn take(&self, index: usize, field: &str, row: &mut Row) -> Result<(), String> {
        let here = Some(index);
        if here == self.elapsed {
            row.elapsed_ms = Some(elapsed(field)?);
        } else if here == self.time_stamp {
            row.began_ms = began(field)?;
        } else if here == self.success {
            row.failed = Some(!success(field)?);
        } else if here == self.message {
            row.transaction_of = transaction(field);
        } else if here == self.sample_count {
            single(field)?;
        }
        Ok(())
    }
}

/// The samples of one report, those of transaction controllers apart.
struct Results {
    samples: Samples,
    transactions: Samples,
    /// How many samples the transactions sum up.
    in_transactions: u64,
    checks_failed: Option<u64>,
}

impl Results {
    fn new() -> Result<Self, Fault> {
        Ok(Self { samples: Samples::new()?, transactions: Samples::new()?, in_transactions: 0, checks_failed: None })
    }

    fn note(&mut self, row: &Row) -> Result<(), String> {
        let elapsed_ms = row.elapsed_ms.ok_or("expected the elapsed time in `t`, found none")?;
        let sample = Sample { elapsed_ms, began_ms: row.began_ms, failed: row.failed };
        match row.transaction_of {
            Some(parts) => {
                self.in_transactions = self.in_transactions.saturating_add(parts);
                self.transactions.note(&sample)
            }
            None => self.samples.note(&sample),
        }
    }

    fn finish(mut self, tally: &mut LoadTally, about: &mut About) -> Result<(), Fault> {
        // With their samples missing, leaving the transactions out would hide what failed in them.
        if self.samples.count() < self.in_transactions || self.samples.count() == 0 {
            self.samples.and(&self.transactions)?;
        }
        if self.samples.count() == 0 {
            return Err(Fault::empty("the report holds no samples; did the test send any request?"));
        }
        self.samples.checks_failed = self.checks_failed;
        #[expect(clippy::cast_possible_truncation, reason = "an instant before the year 10000 and at most a day")]
        if let Some(at) = self.samples.ended_ms().and_then(|at| chrono::DateTime::from_timestamp_millis(at as i64)) {
            about.made(at);
        }
        tally.add_samples(self.samples)
    }
}
