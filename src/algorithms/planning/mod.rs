//! Choosing when: cheapest windows under a deadline.
