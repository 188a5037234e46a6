//! The product that a document is about, which is not a component of itself.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::{Component, SbomTally};
use crate::model::report::{About, Fault};

/// The packages that a document describes, told from those that it lists.
///
/// A document that describes one package is about that package. One that
/// describes several lists them: they are components like any other. Which of
/// the two it is shows only at its end, so the first described package is held
/// back until then. The identifiers of described elements are kept as keyed hashes.
#[derive(Debug, Default)]
pub struct Products {
    keys: RandomState,
    described: HashSet<u64>,
    held: Option<(Component<'static>, Vec<String>)>,
    several: bool,
    packages: u64,
}

impl Products {
    /// Notes that the document describes the element of this identifier.
    pub fn describe(&mut self, id: &str) {
        self.described.insert(self.keys.hash_one(id));
    }

    /// Takes a package with its SHA-256 digests: counts it, or holds it back as the product.
    pub fn package(&mut self, id: &str, package: Component<'_>, digests: Vec<String>, tally: &mut SbomTally) {
        self.packages += 1;
        if self.several || !self.described.contains(&self.keys.hash_one(id)) {
            tally.component(&package);
        } else if let Some((first, _)) = self.held.take() {
            self.several = true;
            tally.component(&first);
            tally.component(&package);
        } else {
            self.held = Some((package.into_owned(), digests));
        }
    }

    /// Ends the document. One without any package has nothing to judge.
    pub fn finish(self, tally: &mut SbomTally, about: &mut About) -> Result<(), Fault> {
        if self.packages == 0 {
            return Err(Fault::empty(
                "the document lists no package; check that the generator was pointed at what was built",
            ));
        }
        if let Some((product, digests)) = &self.held {
            describe(digests, product.version.as_deref(), product.purl.as_deref(), about);
        }
        tally.document();
        Ok(())
    }
}

/// Notes the SHA-256 digests by which a document names its product: those that it
/// lists, and a version of the form `sha256:…`, which is how images are named.
pub(in crate::evidence) fn describe(digests: &[String], version: Option<&str>, purl: Option<&str>, about: &mut About) {
    let purl = purl.and_then(|purl| purl.parse::<packageurl::PackageUrl<'_>>().ok());
    let versions = version.into_iter().chain(purl.as_ref().and_then(packageurl::PackageUrl::version));
    for digest in digests.iter().map(String::as_str).chain(versions.filter(|version| version.starts_with("sha256:"))) {
        about.artifact(digest);
    }
}
