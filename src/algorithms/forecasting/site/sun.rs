//! Where the sun stands, to a few hundredths of a degree, and what a clear sky lets through.
//!
//! Low-precision formulas of the Astronomical Almanac: mean longitude and anomaly, equation of the
//! centre, obliquity, sidereal time (Michalsky, "The Astronomical Almanac's algorithm for approximate
//! solar position", Solar Energy 40, 1988), good from 1950 to 2050.

use super::calendar::Place;

/// Seconds since the epoch at noon of 1 January 2000.
const J2000_S: f64 = 946_728_000.0;

/// Height of the middle of the sun above the horizon without refraction, in degrees.
pub(super) fn elevation_deg(instant_s: i64, place: Place) -> f64 {
    horizontal(instant_s, place).0.asin().to_degrees()
}

/// Direction of the sun, in degrees from north through east.
pub(super) fn azimuth_deg(instant_s: i64, place: Place) -> f64 {
    let (_, south, west) = horizontal(instant_s, place);
    (west.atan2(south).to_degrees() + 180.0).rem_euclid(360.0)
}

/// Upward, southward and westward part of the direction to the sun.
#[expect(clippy::cast_precision_loss, reason = "seconds since the epoch fit into 53 bits")]
fn horizontal(instant_s: i64, place: Place) -> (f64, f64, f64) {
    let days = (instant_s as f64 - J2000_S) / 86_400.0;
    let mean_longitude = (280.460 + 0.985_647_4 * days).rem_euclid(360.0);
    let anomaly = (357.528 + 0.985_600_3 * days).to_radians();
    let centre = 1.915 * anomaly.sin() + 0.020 * (2.0 * anomaly).sin();
    let longitude = (mean_longitude + centre).to_radians();
    let obliquity = (23.439 - 4e-7 * days).to_radians();
    let declination = (obliquity.sin() * longitude.sin()).asin();
    let ascension = (obliquity.cos() * longitude.sin()).atan2(longitude.cos());
    // Hours of universal time; `days` are since noon.
    let hours = (days + 0.5).rem_euclid(1.0) * 24.0;
    let sidereal_h = 6.697_375 + 0.065_709_824_2 * days + hours;
    let hour_angle = (15.0 * sidereal_h + place.longitude_deg).to_radians() - ascension;
    let latitude = place.latitude_deg.to_radians();
    (
        latitude.sin() * declination.sin() + latitude.cos() * declination.cos() * hour_angle.cos(),
        latitude.sin() * declination.cos() * hour_angle.cos() - latitude.cos() * declination.sin(),
        declination.cos() * hour_angle.sin(),
    )
}

/// Radiation of a clear sky on the level ground, in W/m² (Haurwitz, "Insolation in relation to
/// cloudiness and cloud density", Journal of Meteorology 2, 1945).
pub(super) fn clear_sky_w_m2(elevation_deg: f64) -> f64 {
    let height = elevation_deg.to_radians().sin();
    if height <= 0.0 { 0.0 } else { 1_098.0 * height * (-0.057 / height).exp() }
}
