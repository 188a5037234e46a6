//! How much of one report is read and kept, where a policy may say otherwise.
//!
//! The bounds keep the memory of a run flat whatever it reads. What is beyond one is
//! unknown, and holds. They are declared once: the policy's grammar, its schema, the
//! reference and the messages are made from this. The bounds that nobody sets stand
//! with the code that they protect.

/// One bound, as a policy states it under `limits`.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Its key.
    pub key: &'static str,
    /// What it counts.
    pub of: &'static str,
    /// What it is when left out.
    pub left_out: usize,
    /// The least that it can be set to.
    pub least: usize,
    /// The most that it can be set to.
    pub most: usize,
    set: fn(&mut Bounds, usize),
}

impl Bound {
    /// Sets it.
    pub fn set(&self, bounds: &mut Bounds, to: usize) {
        (self.set)(bounds, to);
    }
}

/// Declares the bounds once.
macro_rules! bounds {
    ($($name:ident = $left_out:literal, $least:literal..=$most:literal, $of:literal;)+) => {
        /// How much of one report is read and kept.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Bounds { $(#[doc = $of] pub $name: usize,)+ }

        impl Bounds {
            /// What holds where a policy says nothing.
            pub const LEFT_OUT: Self = Self { $($name: $left_out,)+ };

            /// Every bound, in the order in which people read them.
            pub const ALL: &'static [Bound] = &[$(Bound {
                key: stringify!($name),
                of: $of,
                left_out: $left_out,
                least: $least,
                most: $most,
                set: |bounds, to| bounds.$name = to,
            }),+];
        }
    };
}

bounds! {
    depth = 512, 128..=4_096, "values inside one another in JSON, elements inside one another in XML";
    text = 1_048_576, 1_024..=67_108_864, "bytes of one text in JSON, of one opening tag in XML, of one line or row";
    keys = 100_000, 100..=10_000_000, "keys of one object in JSON";
    names = 10_000, 10..=1_000_000, "names of one list that a requirement can speak of: failing tests, rules, vulnerabilities, licences, suppliers, components";
    tests = 250_000, 100..=10_000_000, "packages, open tests and failed tests of `go test -json` together";
    rules = 50_000, 100..=1_000_000, "rules of one SARIF run";
    vulnerabilities = 100_000, 100..=10_000_000, "different vulnerabilities of one Snyk project";
    advisories = 10_000, 10..=1_000_000, "advisories of one package in OSV-Scanner's report";
    licences = 1_000, 10..=100_000, "licences of one component of an SBOM, and of one relationship of SPDX 3.0";
    escapes = 4_194_304, 1_024..=1_073_741_824, "bytes of the names and licences of one SPDX 3.0 document that are written with escapes";
}

impl Default for Bounds {
    fn default() -> Self {
        Self::LEFT_OUT
    }
}

impl Bounds {
    /// How many bytes the names of one list may take together: about a hundred for each.
    #[must_use]
    pub const fn bytes_of_names(&self) -> usize {
        self.names.saturating_mul(105)
    }

    /// How many bytes the identifiers of a SARIF run's rules may take together: about eighty for each.
    #[must_use]
    pub const fn bytes_of_rules(&self) -> usize {
        self.rules.saturating_mul(84)
    }
}

/// What to do about a bound that is met, as the end of a message.
#[must_use]
pub fn raise(key: &str) -> String {
    format!("; set `limits.{key}` in the policy higher if the report is right")
}
