//! Documents of load and generation: one series per zone, kind of plant and direction.

use roxmltree::Node;

use super::xml::{blocks, check_zone, child, children, step, text};
use super::zone;
use crate::base::ids::Market;
use crate::facts::ingest::Subject;
use crate::facts::ingest::model::{
    Ask, Finding, Publication, ReadError, Reading, VALUE_MAX, Values,
};
use crate::facts::ingest::source::quoted;

/// The series of a document.
pub(super) fn read(root: Node<'_, '_>, ask: &Ask) -> Result<Reading, ReadError> {
    let mut reading = Reading::default();
    let Some(market) = ask.market() else { return Ok(reading) };
    for series in children(root, "TimeSeries") {
        let asked = zone(&ask.subject);
        check_zone(series, "inBiddingZone_Domain.mRID", asked)?;
        check_zone(series, "outBiddingZone_Domain.mRID", asked)?;
        let unit = text(series, "quantity_Measure_Unit.name").unwrap_or("no unit");
        if unit != "MAW" {
            let given = quoted(unit.as_bytes());
            return Err(ReadError::WrongUnit { given, expected: "MW" });
        }
        let name = match name(series, &ask.subject, market) {
            Ok(name) => name,
            Err(why) => {
                reading.findings.push(Finding::OtherSeries(why));
                continue;
            }
        };
        let is_variable = text(series, "curveType") == Some("A03");
        for period in children(series, "Period") {
            let step_s = match step(period)? {
                Ok(step_s) => step_s,
                Err(written) => {
                    let why = format!("its resolution is {written}");
                    reading.findings.push(Finding::OtherSeries(why));
                    continue;
                }
            };
            let points = blocks(period, step_s, is_variable, "quantity")?;
            add(&mut reading.values, (&name, step_s), ask, points);
        }
    }
    Ok(reading)
}

/// Adds the points of a period to the series they belong to: a series may come in several periods.
fn add(
    all: &mut Vec<Values>,
    (name, step_s): (&str, i32),
    ask: &Ask,
    points: Vec<(chrono::DateTime<chrono::Utc>, f64)>,
) {
    let points = points.into_iter().map(|(ts, value)| (ts, Some(value)));
    let own = all.iter_mut().find(|values| values.name == name && values.interval_s == step_s);
    if let Some(values) = own {
        values.points.extend(points);
        return;
    }
    let is_forecast =
        matches!(ask.subject, Subject::LoadForecast(_) | Subject::WindSolarForecast(_));
    all.push(Values {
        name: name.to_owned(),
        unit: "MW",
        interval_s: step_s,
        publication: if is_forecast { Publication::DayAhead } else { Publication::Measured },
        is_feature: is_forecast,
        limit: VALUE_MAX,
        points: points.collect(),
    });
}

/// What a series is called here, or why it is left out.
fn name(series: Node<'_, '_>, subject: &Subject, market: &Market) -> Result<String, String> {
    let code = child(series, "MktPSRType").and_then(|kind| text(kind, "psrType"));
    let plant = || {
        let code = code.unwrap_or("none");
        plant(code).ok_or_else(|| format!("its kind of plant is {}", quoted(code.as_bytes())))
    };
    Ok(match subject {
        Subject::LoadForecast(_) => format!("load_forecast:{market}"),
        Subject::Load(_) => format!("load:{market}"),
        Subject::WindSolarForecast(_) => format!("{}_forecast:{market}", plant()?),
        // What a pumped storage plant takes is published in the other direction.
        _ if text(series, "outBiddingZone_Domain.mRID").is_some() => {
            format!("consumption:{market}:{}", plant()?)
        }
        _ => format!("generation:{market}:{}", plant()?),
    })
}

/// The kind of plant behind a code of the platform's list.
fn plant(code: &str) -> Option<&'static str> {
    Some(match code {
        "B01" => "biomass",
        "B02" => "lignite",
        "B03" => "coal_gas",
        "B04" => "gas",
        "B05" => "hard_coal",
        "B06" => "oil",
        "B07" => "oil_shale",
        "B08" => "peat",
        "B09" => "geothermal",
        "B10" => "pumped_storage",
        "B11" => "run_of_river",
        "B12" => "reservoir",
        "B13" => "marine",
        "B14" => "nuclear",
        "B15" => "other_renewable",
        "B16" => "solar",
        "B17" => "waste",
        "B18" => "wind_offshore",
        "B19" => "wind_onshore",
        "B20" => "other",
        "B25" => "storage",
        _ => return None,
    })
}
