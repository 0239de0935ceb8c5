//! Tasks that are supervised, a shutdown that waits, a pool for heavy work.
