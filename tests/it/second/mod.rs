//! A second evaluator, and the core beside it: two answers to the same small worlds.
//!
//! | file | what it does |
//! | --- | --- |
//! | `chance` | numbers that a seed gives again |
//! | `shape` | a small policy in parts, by chance |
//! | `render` | the same as the YAML that the core reads |
//! | `packs` | the shipped packs, read by hand |
//! | `times` | clocks and open hours, by hand |
//! | `worlds` | facts by chance, around thresholds |
//! | `judge` | the second evaluator |
//! | `core` | what the core answers, in the terms that are compared |
//! | `compare` | both, and the smallest world on which they differ |
//! | `layered` | the same policy in two layers |
//! | `exhaustive` | every small world of a kind |
//! | `properties` | what must be true of the core over the same worlds |
//! | `revisit` | what a decision is not looked at again for changes nothing |
//!
//! A world is told by its seed: `SECOND_SEED=17 cargo test --test it second::compare -- --nocapture` judges that one alone,
//! `SECOND_WORLDS=1000000 cargo test --release --test it second::` a million of them.

pub mod chance;
mod compare;
mod core;
mod exhaustive;
mod judge;
mod layered;
pub mod packs;
mod properties;
mod render;
mod revisit;
mod shape;
mod times;
mod worlds;
