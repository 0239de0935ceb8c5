//! Server-rendered pages: Today and the log-in.
