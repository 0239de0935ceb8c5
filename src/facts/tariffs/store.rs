//! SQL of tariffs and their prices.

mod write; // bulk upsert with revisions

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamptz};
use diesel_async::RunQueryDsl;

pub(super) use self::write::{Batch, fill, put};
use super::model::{Component, Coverage, Kind, Tariff, TariffId, TariffPrice};
use crate::base::timeline::TimeRange;
use crate::facts::market::Quality;
use crate::platform::db::Conn;
#[cfg(test)]
use crate::platform::db::schema::tariff_price_revisions;
use crate::platform::db::schema::{tariff_prices, tariffs};

/// A stored price, latest or replaced.
type PriceRow = ((DateTime<Utc>, String, f64), (String, DateTime<Utc>, bool, String));

/// Writes down what is known about a tariff; a monthly fee that is not known now stays as it was.
pub(super) async fn note(conn: &mut Conn, tariff: &Tariff, now: DateTime<Utc>) -> QueryResult<()> {
    use diesel::dsl::sql;
    use diesel::sql_types::{Double, Nullable};
    let said = (
        (tariffs::name.eq(&tariff.name), tariffs::operator.eq(&tariff.operator)),
        (tariffs::kind.eq(tariff.kind.name()), tariffs::preset.eq(tariff.id.preset())),
        tariffs::time_zone.eq(tariff.time_zone.name()),
        tariffs::vat_percent.eq(tariff.vat_percent),
        tariffs::fallback.eq(tariff.fallback.as_ref().map(TariffId::as_str)),
        tariffs::attribution.eq(&tariff.attribution),
        tariffs::changed_at.eq(now),
    );
    diesel::insert_into(tariffs::table)
        .values((
            tariffs::tariff_id.eq(tariff.id.as_str()),
            said,
            tariffs::base_chf_month.eq(tariff.base_chf_month),
            tariffs::created_at.eq(now),
        ))
        .on_conflict(tariffs::tariff_id)
        .do_update()
        .set((
            said,
            tariffs::base_chf_month.eq(sql::<Nullable<Double>>(
                "coalesce(excluded.base_chf_month, tariffs.base_chf_month)",
            )),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Every tariff that has ever been written down, in the order of the identifiers.
pub(super) async fn tariffs(conn: &mut Conn) -> QueryResult<Vec<Tariff>> {
    type Row =
        ((String, String, String, String), (String, f64, Option<f64>), (Option<String>, String));
    let rows: Vec<Row> = tariffs::table
        .order(tariffs::tariff_id)
        .select((
            (tariffs::tariff_id, tariffs::name, tariffs::operator, tariffs::kind),
            (tariffs::time_zone, tariffs::vat_percent, tariffs::base_chf_month),
            (tariffs::fallback, tariffs::attribution),
        ))
        .load(conn)
        .await?;
    // A row that this program cannot name is none of its business.
    let known = rows.into_iter().filter_map(|((id, name, operator, kind), figures, last)| {
        let (zone, vat_percent, base_chf_month) = figures;
        let (fallback, attribution) = last;
        Some(Tariff {
            id: TariffId::parse(&id).ok()?,
            name,
            operator,
            kind: Kind::parse(&kind)?,
            time_zone: zone.parse::<Tz>().ok()?,
            vat_percent,
            base_chf_month,
            publishes_at: None,
            has_integrated: false,
            fallback: fallback.and_then(|id| TariffId::parse(&id).ok()),
            attribution,
        })
    });
    Ok(known.collect())
}

/// Latest prices with `range.from <= ts < range.to`, oldest first.
pub(super) async fn prices(
    conn: &mut Conn,
    tariff: &TariffId,
    range: TimeRange,
) -> QueryResult<Vec<TariffPrice>> {
    let rows: Vec<PriceRow> = tariff_prices::table
        .filter(tariff_prices::tariff_id.eq(tariff.as_str()))
        .filter(tariff_prices::ts.ge(range.from))
        .filter(tariff_prices::ts.lt(range.to))
        .order((tariff_prices::ts, tariff_prices::component))
        .select((
            (tariff_prices::ts, tariff_prices::component, tariff_prices::price_chf_kwh),
            (
                tariff_prices::quality,
                tariff_prices::known_at,
                tariff_prices::known_at_assumed,
                tariff_prices::source,
            ),
        ))
        .load(conn)
        .await?;
    rows.into_iter().map(price).collect()
}

/// Replaced prices with `range.from <= ts < range.to`, oldest instant first, then as replaced.
#[cfg(test)]
pub(super) async fn revisions(
    conn: &mut Conn,
    tariff: &TariffId,
    range: TimeRange,
) -> QueryResult<Vec<TariffPrice>> {
    use tariff_price_revisions as revisions;
    let rows: Vec<PriceRow> = revisions::table
        .filter(revisions::tariff_id.eq(tariff.as_str()))
        .filter(revisions::ts.ge(range.from))
        .filter(revisions::ts.lt(range.to))
        .order((revisions::ts, revisions::known_at, revisions::replaced_at))
        .select((
            (revisions::ts, revisions::component, revisions::price_chf_kwh),
            (
                revisions::quality,
                revisions::known_at,
                revisions::known_at_assumed,
                revisions::source,
            ),
        ))
        .load(conn)
        .await?;
    rows.into_iter().map(price).collect()
}

fn price(((ts, component, price_chf_kwh), rest): PriceRow) -> QueryResult<TariffPrice> {
    let (quality, known_at, known_at_assumed, source) = rest;
    let wrong = |what: &str| {
        let text = format!("'{what}' is not known of prices of tariffs");
        diesel::result::Error::DeserializationError(text.into())
    };
    Ok(TariffPrice {
        ts,
        component: Component::parse(&component).ok_or_else(|| wrong(&component))?,
        price_chf_kwh,
        quality: Quality::parse(&quality).ok_or_else(|| wrong(&quality))?,
        known_at,
        known_at_assumed,
        source,
        is_in_time: false,
    })
}

/// Oldest and newest quarter hour of each tariff that has any; a few looks into the key's index each.
pub(super) async fn coverage(conn: &mut Conn) -> QueryResult<Vec<(TariffId, Coverage)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        tariff_id: String,
        #[diesel(sql_type = Timestamptz)]
        first: DateTime<Utc>,
        #[diesel(sql_type = Timestamptz)]
        last: DateTime<Utc>,
        #[diesel(sql_type = Timestamptz)]
        known_at: DateTime<Utc>,
    }
    let components: Vec<&str> = Component::ALL.iter().map(|component| component.name()).collect();
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT t.tariff_id, min(oldest.ts) AS first, max(newest.ts) AS last,
             max(newest.known_at) AS known_at
         FROM tariffs AS t, unnest($1) AS c (component),
             LATERAL (SELECT ts FROM tariff_prices AS p
                 WHERE p.tariff_id = t.tariff_id AND p.component = c.component
                 ORDER BY ts LIMIT 1) AS oldest,
             LATERAL (SELECT ts, known_at FROM tariff_prices AS p
                 WHERE p.tariff_id = t.tariff_id AND p.component = c.component
                 ORDER BY ts DESC LIMIT 1) AS newest
         GROUP BY t.tariff_id",
    )
    .bind::<Array<Text>, _>(components)
    .load(conn)
    .await?;
    let known = rows.into_iter().filter_map(|Row { tariff_id, first, last, known_at }| {
        Some((TariffId::parse(&tariff_id).ok()?, Coverage { first, last, known_at }))
    });
    Ok(known.collect())
}
