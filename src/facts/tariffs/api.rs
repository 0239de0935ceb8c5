//! `GET /api/tariffs` and `GET /api/tariffs/{id}/prices`.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::compose::TariffSlot;
use super::model::{Kind, Tariff, TariffId};
use super::service::{Listed, TariffError, Tariffs};
use crate::base::timeline::Clock;
use crate::platform::web::{Moment, NotFound, Params, Path, Problem, Reader, Refusals, Require};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_tariffs).service(list_tariff_prices);
}

/// A tariff that a household may have.
#[derive(Debug, Serialize, ToSchema)]
struct TariffView {
    /// Identifier, as in settings.
    id: TariffId,
    /// What people call it.
    #[schema(example = "EKZ 400D")]
    name: String,
    /// Who sells it.
    #[schema(example = "EKZ")]
    operator: String,
    /// How its prices come about.
    kind: Kind,
    /// Whether its prices are fetched.
    is_active: bool,
    /// Whether it is the household's, which pages show.
    is_home: bool,
    /// Whether one figure for everything is published.
    has_integrated: bool,
    /// Zone in which its days begin.
    #[schema(example = "Europe/Zurich")]
    time_zone: String,
    /// Currency of its prices.
    #[schema(example = "CHF")]
    currency: &'static str,
    /// VAT that is added to its prices, in per cent.
    vat_percent: f64,
    /// Monthly fee without VAT, in CHF, where it was published.
    base_chf_month: Option<f64>,
    /// When the prices of the next day are published, on the clocks of `time_zone`.
    #[schema(example = "18:00")]
    publishes_at: Option<String>,
    /// The tariff that holds for a day without published prices.
    fallback: Option<TariffId>,
    /// Must be shown wherever its prices are.
    attribution: String,
    /// Start of the oldest quarter hour that is stored.
    first: Option<DateTime<Utc>>,
    /// Start of the newest.
    last: Option<DateTime<Utc>>,
    /// When the newest became known.
    known_at: Option<DateTime<Utc>>,
}

impl TariffView {
    fn new(listed: Listed, home: Option<&TariffId>) -> Self {
        let Listed { tariff, is_active, coverage } = listed;
        let Tariff { id, name, operator, kind, time_zone, vat_percent, base_chf_month, .. } =
            tariff;
        Self {
            is_home: home == Some(&id),
            id,
            name,
            operator,
            kind,
            is_active,
            has_integrated: tariff.has_integrated,
            time_zone: time_zone.to_string(),
            currency: "CHF",
            vat_percent,
            base_chf_month,
            publishes_at: tariff.publishes_at.map(|at| at.format("%H:%M").to_string()),
            fallback: tariff.fallback,
            attribution: tariff.attribution,
            first: coverage.map(|it| it.first),
            last: coverage.map(|it| it.last),
            known_at: coverage.map(|it| it.known_at),
        }
    }
}

/// Every tariff that is known.
#[derive(Debug, Serialize, ToSchema)]
struct TariffList {
    /// Those that are known by name, then those that were read from files.
    tariffs: Vec<TariffView>,
    /// The household's tariff, which pages show.
    home: Option<TariffId>,
}

/// Which quarter hours to return.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SlotQuery {
    /// First local day (`2026-03-01`) or instant (RFC 3339); yesterday unless said.
    #[param(value_type = Option<String>, example = "2026-11-20")]
    from: Option<Moment>,
    /// Last local day, inclusive, or instant after the last; two days after `from` unless said.
    #[param(value_type = Option<String>, example = "2026-11-21")]
    to: Option<Moment>,
}

/// What a kilowatt hour costs, quarter hour by quarter hour.
#[derive(Debug, Serialize, ToSchema)]
struct TariffPrices {
    /// The tariff.
    tariff: TariffId,
    /// What people call it.
    #[schema(example = "EKZ 400D")]
    name: String,
    /// Unit of every price.
    #[schema(example = "CHF/kWh")]
    unit: &'static str,
    /// Zone in which the tariff's days begin.
    #[schema(example = "Europe/Zurich")]
    time_zone: String,
    /// VAT in the totals that have it, in per cent.
    vat_percent: f64,
    /// Monthly fee without VAT, in CHF, where it was published; in no price.
    base_chf_month: Option<f64>,
    /// Must be shown wherever the prices are.
    attribution: String,
    /// First instant that was asked for.
    from: DateTime<Utc>,
    /// First instant after.
    to: DateTime<Utc>,
    /// Quarter hours, oldest first; those without prices are absent.
    slots: Vec<TariffSlot>,
}

/// List the tariffs that are known, which of them are fetched, and what is stored of them.
#[utoipa::path(tag = "tariffs", responses((status = 200, body = TariffList,
    example = json!({"home": "ekz:400D", "tariffs": [{"id": "ekz:400D", "name": "EKZ 400D", "operator": "EKZ", "kind": "dynamic", "is_active": true, "is_home": true, "has_integrated": true, "time_zone": "Europe/Zurich", "currency": "CHF", "vat_percent": 8.1, "base_chf_month": 3.0, "publishes_at": "18:00", "fallback": "ekz:400ST", "attribution": "EKZ, api.tariffs.ekz.ch", "first": "2026-10-20T22:00:00Z", "last": "2026-11-20T22:45:00Z", "known_at": "2026-11-19T16:50:11Z"}]})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/tariffs")]
async fn list_tariffs(
    _: Require<Reader>,
    tariffs: Data<Tariffs>,
) -> Result<Json<TariffList>, Problem> {
    let home = tariffs.home().await?.map(|tariff| tariff.id);
    let listed = tariffs.list().await?;
    let views = listed.into_iter().map(|one| TariffView::new(one, home.as_ref())).collect();
    Ok(Json(TariffList { tariffs: views, home }))
}

/// List what a kilowatt hour costs with one tariff, part by part, oldest first.
#[utoipa::path(tag = "tariffs", params(("id" = String, Path, description = "Identifier of the tariff", example = "ekz:400D"), SlotQuery),
    responses((status = 200, body = TariffPrices,
    example = json!({"tariff": "ekz:400D", "name": "EKZ 400D", "unit": "CHF/kWh", "time_zone": "Europe/Zurich", "vat_percent": 8.1, "base_chf_month": 3.0, "attribution": "EKZ, api.tariffs.ekz.ch", "from": "2026-11-19T23:00:00Z", "to": "2026-11-20T23:00:00Z", "slots": [{"ts": "2026-11-19T23:00:00Z", "interval_s": 900, "total_excl_vat_chf_kwh": 0.2037, "total_incl_vat_chf_kwh": 0.2202, "parts": [{"name": "integrated", "price_chf_kwh": 0.2037}, {"name": "vat", "price_chf_kwh": 0.0165}], "missing": [], "components": {"integrated": 0.2037}, "feed_in_chf_kwh": null, "quality": "ok", "known_at": "2026-11-19T16:50:11Z", "source": "ekz"}]})), Refusals, NotFound),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/tariffs/{id}/prices")]
async fn list_tariff_prices(
    _: Require<Reader>,
    tariffs: Data<Tariffs>,
    clock: Data<Clock>,
    id: Path<String>,
    query: Params<SlotQuery>,
) -> Result<Json<TariffPrices>, Problem> {
    let id = TariffId::parse(&id).map_err(Problem::not_found)?;
    let tariff = tariffs.tariff(&id).await?;
    let range = Moment::range(query.0.from, query.0.to, tariff.time_zone, clock.now())?;
    Tariffs::check_range(range, tariffs.settings().range_days_max.into())?;
    let slots = tariffs.prices(&tariff.id, range).await?;
    Ok(Json(TariffPrices {
        tariff: tariff.id,
        name: tariff.name,
        unit: "CHF/kWh",
        time_zone: tariff.time_zone.to_string(),
        vat_percent: tariff.vat_percent,
        base_chf_month: tariff.base_chf_month,
        attribution: tariff.attribution,
        from: range.from,
        to: range.to,
        slots,
    }))
}

impl From<TariffError> for Problem {
    fn from(error: TariffError) -> Self {
        match &error {
            TariffError::Unknown { .. } => Self::not_found(error),
            TariffError::RangeTooLong { .. } => Self::invalid("to", &error),
            TariffError::BadPrice(_) => Self::invalid("prices", &error),
            TariffError::Db(database) if database.is_passing() => Self::unavailable(error),
            TariffError::Db(_) => Self::internal(error),
        }
    }
}
