//! Public holidays of the countries whose markets Luna knows.
