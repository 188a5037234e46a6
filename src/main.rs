//! The `countersign` command: arguments in, exit code out.

fn main() {}
