//! Logs, metrics and the rules that keep secrets out of both.
