//! Files, calendars and reports of the benchmark.
