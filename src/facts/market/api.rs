//! `GET /api/markets` and `GET /api/prices`.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{Coverage, PricePoint};
use super::service::{PriceError, Prices};
use super::shown::Shown;
use crate::base::ids::{Market, Product};
use crate::base::timeline::{AsOf, Clock};
use crate::platform::web::{Moment, Params, Problem, Reader, Refusals, Require, optional_instant};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config.service(list_markets).service(list_prices);
}

/// Which prices to return.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PriceQuery {
    /// Market code or alias; the configured one unless said.
    #[param(value_type = Option<String>, example = "CH")]
    market: Option<Market>,
    /// Product; the preferred one with the newest prices unless said.
    #[param(value_type = Option<String>, example = "day_ahead")]
    product: Option<Product>,
    /// First local day (`2026-03-01`) or instant (RFC 3339); yesterday unless said.
    #[param(value_type = Option<String>, example = "2026-03-28")]
    from: Option<Moment>,
    /// Last local day, inclusive, or instant after the last; two days after `from` unless said.
    #[param(value_type = Option<String>, example = "2026-03-30")]
    to: Option<Moment>,
    /// Return what was known at this instant.
    #[serde(default, deserialize_with = "optional_instant")]
    as_of: Option<DateTime<Utc>>,
}

/// Day-ahead prices of one market.
#[derive(Debug, Serialize, ToSchema)]
struct PriceSeries {
    /// Market.
    market: Market,
    /// Product.
    product: Product,
    /// Unit of `price_eur_mwh`.
    #[schema(example = "EUR/MWh")]
    unit: &'static str,
    /// Zone in which the market's days begin.
    #[schema(example = "Europe/Zurich")]
    time_zone: String,
    /// Whether Luna made these values up.
    simulated: bool,
    /// First instant that was asked for.
    from: DateTime<Utc>,
    /// First instant after.
    to: DateTime<Utc>,
    /// Prices, oldest first; delivery periods without one are absent.
    points: Vec<PricePoint>,
}

/// The markets with prices.
#[derive(Debug, Serialize, ToSchema)]
struct MarketList {
    /// One entry per market and product.
    markets: Vec<Coverage>,
    /// Every code that a request may name.
    known: Vec<&'static str>,
}

/// List the markets with prices and what is stored of them.
#[utoipa::path(tag = "market", responses((status = 200, body = MarketList,
    example = json!({"markets": [{"market": "CH", "product": "day_ahead", "first": "2023-01-01T23:00:00Z", "last": "2023-12-31T22:00:00Z", "rows": 8760, "newest_known_at": "2023-12-30T12:00:00Z"}], "known": ["CH", "DE-LU"]})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/markets")]
async fn list_markets(
    _: Require<Reader>,
    prices: Data<Prices>,
) -> Result<Json<MarketList>, Problem> {
    let markets = prices.markets().await?;
    Ok(Json(MarketList { markets, known: Market::KNOWN.to_vec() }))
}

/// List day-ahead prices of one market, oldest first.
#[utoipa::path(tag = "market", params(PriceQuery), responses((status = 200, body = PriceSeries,
    example = json!({"market": "CH", "product": "day_ahead", "unit": "EUR/MWh", "time_zone": "Europe/Zurich", "simulated": false, "from": "2026-03-28T23:00:00Z", "to": "2026-03-29T22:00:00Z", "points": [{"ts": "2026-03-28T23:00:00Z", "interval_s": 3600, "price_eur_mwh": 71.3, "volume": null, "quality": "ok", "known_at": "2026-03-28T12:00:00Z", "known_at_assumed": true, "source": "import"}]})), Refusals),
    security(("bearer" = ["customer"]), ("cookie" = ["customer"]), ("api_key" = ["read"])))]
#[get("/api/prices")]
async fn list_prices(
    _: Require<Reader>,
    prices: Data<Prices>,
    shown: Data<Shown>,
    clock: Data<Clock>,
    query: Params<PriceQuery>,
) -> Result<Json<PriceSeries>, Problem> {
    let query = query.0;
    let (market, product) = shown.choose(query.market, query.product).await?;
    let range = Moment::range(query.from, query.to, market.time_zone(), clock.now())?;
    Prices::check_range(range, shown.settings().range_days_max.into())?;
    let points = match query.as_of {
        Some(at) => prices.prices_as_of(&market, product, range, AsOf(at)).await?,
        None => prices.prices(&market, product, range).await?,
    };
    Ok(Json(PriceSeries {
        unit: "EUR/MWh",
        time_zone: market.time_zone().to_string(),
        simulated: market.is_simulated(),
        from: range.from,
        to: range.to,
        points,
        market,
        product,
    }))
}

impl From<PriceError> for Problem {
    fn from(error: PriceError) -> Self {
        match &error {
            PriceError::RangeTooLong { .. } => Self::invalid("to", &error),
            PriceError::BadPoint(_) => Self::invalid("points", &error),
            PriceError::Db(database) if database.is_passing() => Self::unavailable(error),
            PriceError::Db(_) => Self::internal(error),
        }
    }
}
