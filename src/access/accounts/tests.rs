//! Accounts and sessions against a real database, through the service and over HTTP.
