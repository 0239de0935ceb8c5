//! HTTP without business: problem documents, principals, guards, middleware.
