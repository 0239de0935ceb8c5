//! The pool on small series.
