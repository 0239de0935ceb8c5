//! Guards, extractors, middleware and pages, over HTTP without a database.
