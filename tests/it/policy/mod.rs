//! The policy: what is refused, where, and with which words.

mod calendar;
mod diagnostics;
mod expression;
