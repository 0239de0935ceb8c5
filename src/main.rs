//! The program `luna`.

fn main() {}
