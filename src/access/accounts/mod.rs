//! People, their sessions and roles.
