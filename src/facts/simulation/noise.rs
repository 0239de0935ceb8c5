//! Randomness without state: every value follows from a seed, a channel and a place.
//!
//! A day can so be made without the days before it, and the same on every machine.

/// Independent sources of chance.
#[derive(Debug, Clone, Copy)]
pub(super) enum Channel {
    /// Fuel prices, water in the lakes: weeks.
    Level = 1,
    /// Outages and weather of a week.
    Week = 2,
    /// Wind spells: days.
    Wind = 3,
    /// Clouds: a day.
    Sun = 4,
    /// What nobody could have known about a quarter hour.
    Quarter = 5,
    /// Scarcity in the evening: rare days.
    Spike = 6,
    /// Gaps between clouds: minutes.
    Cloud = 7,
    /// Whether a house stands empty: days.
    Absence = 8,
    /// How busy a house is: days.
    Busy = 9,
    /// Lamps and screens: hours.
    Lamps = 10,
    /// What is done every week at the same hour.
    Habit = 16,
    /// Which appliance runs when: one number per day and appliance.
    Appliance = 11,
    /// Compressors of refrigerators: one number per cycle.
    Compressor = 12,
    /// What a meter sees within a minute.
    Second = 13,
    /// When a meter cannot be reached.
    Outage = 14,
    /// The voltage of the street: hours.
    Street = 15,
    /// How warm it is outside: days.
    Temperature = 17,
    /// Who takes hot water when: one number per day and draw.
    Water = 18,
    /// Where a car goes: one number per day.
    Trip = 19,
}

/// Another world for each `number` of the same seed, e.g. for each house of a street.
pub(super) const fn branch(seed: u64, number: u64) -> u64 {
    mix(seed ^ mix(number))
}

/// A number without pattern for a place on a channel (`SplitMix64`, Steele et al. 2014).
pub(super) fn hash(seed: u64, channel: Channel, place: i64) -> u64 {
    mix(mix(mix(seed) ^ channel as u64) ^ place.cast_unsigned())
}

/// The next number without pattern.
pub(super) const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Between 0 and 1, evenly.
pub(super) fn even(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Mean 0, variance 1, bell-shaped within ±3.5: the sum of four even numbers.
///
/// Without logarithm or cosine, so that no library's last digit decides.
pub(super) fn normal(bits: u64) -> f64 {
    let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
    (sum as f64 / 65_536.0 - 2.0) * 3_f64.sqrt()
}

/// A smooth course of variance 1 over `t`, forgotten after about two `period`s.
///
/// Values at whole periods are independent; between them they are blended and kept at variance 1.
pub(super) fn smooth(seed: u64, channel: Channel, t: f64, period: f64) -> f64 {
    let place = (t / period).floor();
    let along = t / period - place;
    let weight = along * along * (3.0 - 2.0 * along);
    #[expect(clippy::cast_possible_truncation, reason = "days since 1970 are few")]
    let place = place as i64;
    let before = normal(hash(seed, channel, place));
    let after = normal(hash(seed, channel, place + 1));
    let blended = before * (1.0 - weight) + after * weight;
    blended / ((1.0 - weight).powi(2) + weight.powi(2)).sqrt()
}
