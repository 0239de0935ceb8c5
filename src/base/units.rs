//! Numbers that carry their unit, so that power is never added to energy nor cents to euros.

use std::ops::Mul;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A number that is not finite where a measured or published value is wanted.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is not a finite number")]
pub struct NotFinite(pub f64);

macro_rules! finite_quantity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "f64", into = "f64")]
        #[schema(value_type = f64)]
        pub struct $name(f64);

        impl $name {
            /// The bare number, in the unit of the type.
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = NotFinite;

            fn try_from(value: f64) -> Result<Self, NotFinite> {
                value.is_finite().then_some(Self(value)).ok_or(NotFinite(value))
            }
        }

        impl From<$name> for f64 {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

finite_quantity! {
    /// Wholesale price in euro per megawatt hour: finite, and below zero in times of surplus.
    EurPerMwh
}
finite_quantity! {
    /// Energy in kilowatt hours.
    KilowattHours
}
finite_quantity! {
    /// Money in euro.
    Eur
}

impl Mul<KilowattHours> for EurPerMwh {
    type Output = Eur;

    fn mul(self, energy: KilowattHours) -> Eur {
        Eur(self.0 * energy.0 / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_times_energy_is_money() {
        let price = EurPerMwh::try_from(80.0).unwrap();
        let energy = KilowattHours::try_from(2.5).unwrap();
        assert_eq!(price * energy, Eur(0.2));
    }

    #[test]
    fn what_is_not_finite_is_refused() {
        assert!(EurPerMwh::try_from(f64::NAN).is_err());
        assert!(EurPerMwh::try_from(f64::INFINITY).is_err());
        assert_eq!(EurPerMwh::try_from(-12.5).map(EurPerMwh::get), Ok(-12.5));
    }
}
