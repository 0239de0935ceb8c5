//! Tests of finding and quoting.
