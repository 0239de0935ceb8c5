//! The private database through its crashes.
