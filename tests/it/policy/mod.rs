//! The policy: what is refused, where, and with which words.

mod diagnostics;
mod expression;
mod rules;
