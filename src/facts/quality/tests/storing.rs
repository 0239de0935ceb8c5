//! What a batch leaves in the database.
