//! Totals and files on the whole application with a real database.
