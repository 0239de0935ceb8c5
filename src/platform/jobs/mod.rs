//! Durable queue: a job is stored before it runs, and may run twice.
