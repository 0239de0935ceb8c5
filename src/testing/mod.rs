//! What tests share: a database of their own, an application around it.
