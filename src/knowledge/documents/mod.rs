//! Documents: items with versions, their canonical text, their chunks, and their way in.
