//! The policy: what is refused, where, and with which words.

mod cel;
mod diagnostics;
mod expression;
mod rules;
