//! Numbers without their fractions.

/// The whole part of a number; what is too large becomes the largest there is, what is none 0.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the fraction is to go, and a cast stops at the ends of the type"
)]
pub(super) fn whole(number: f64) -> i64 {
    number as i64
}

/// The whole part of a number that is not below 0; what is below becomes 0.
pub(super) fn natural(number: f32) -> u32 {
    u32::try_from(whole(number.into()).max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_go_and_the_ends_hold() {
        assert_eq!([-1.9, 1.9, f64::NAN, f64::INFINITY].map(whole), [-1, 1, 0, i64::MAX]);
        assert_eq!([-1.9, 1.9, f32::NAN, f32::MAX].map(natural), [0, 1, 0, u32::MAX]);
    }
}
