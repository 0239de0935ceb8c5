//! What a figure says, and that the benchmarks measure.
