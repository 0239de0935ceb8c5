//! `ElCom`: what electricity costs in a municipality in a year, from the linked data of the Confederation.
//!
//! Licence: open government data with the source named. Asked in SPARQL, by municipality and year only:
//! a wider question takes the server minutes. The tariffs of a year are there by early September of the
//! year before. Prices are in Rp./kWh without VAT and come as text. Each category of consumption has a
//! standard and a cheapest product; a municipality may have several operators. Since 2026 the total is
//! more than the sum of its parts, as metering is charged apart: it is never computed again.

use std::collections::{BTreeMap, HashMap};

use form_urlencoded::byte_serialize;
use serde::Deserialize;

use crate::facts::ingest::Subject;
use crate::facts::ingest::model::{Ask, Finding, ReadError, Reading};
use crate::facts::ingest::municipal::{MunicipalTariff, Municipality};
use crate::facts::ingest::settings::{ELCOM, Settings};
use crate::facts::ingest::source::{Request, Source, kind, quoted, reach, refusal};

/// Rows that are asked for: 15 categories, two products and sixteen operators.
const ROWS_MAX: usize = 500;
/// More than that a kilowatt hour does not cost, in Rp.
const PRICE_MAX_RP: f64 = 300.0;
/// Where the dimensions of the cube are named.
const CUBE: &str = "https://energy.ld.admin.ch/elcom/electricityprice";

/// The connector.
pub(super) struct Elcom;

#[derive(Deserialize)]
struct Answer {
    results: Results,
}

#[derive(Deserialize)]
struct Results {
    bindings: Vec<HashMap<String, Term>>,
}

#[derive(Deserialize)]
struct Term {
    value: String,
}

impl Source for Elcom {
    fn name(&self) -> &'static str {
        "elcom"
    }

    fn what(&self) -> &'static str {
        "Yearly tariffs of municipalities"
    }

    fn attribution(&self) -> &'static str {
        "Quelle: ElCom"
    }

    fn subjects(&self, _: &Settings) -> Vec<Subject> {
        // Asked when somebody wants to know, and then for one municipality.
        Vec::new()
    }

    fn days_max(&self, _: &Subject) -> i64 {
        366
    }

    fn pause_s(&self) -> u64 {
        10
    }

    fn needs(&self, _: &Settings) -> Option<String> {
        None
    }

    fn request(&self, settings: &Settings, ask: &Ask) -> Option<Request> {
        let Subject::Municipality(of) = &ask.subject else { return None };
        let base = settings.elcom_url.trim_end_matches('/');
        let query: String = byte_serialize(query(*of).as_bytes()).collect();
        Some(Request {
            url: format!("{base}?query={query}"),
            secret: None,
            reach: reach(base, ELCOM),
            accept: Some("application/sparql-results+json"),
            sifting: None,
        })
    }

    fn read(&self, status: u16, body: &[u8], ask: &Ask) -> Result<Reading, ReadError> {
        if status != 200 {
            return Err(refusal(status, body));
        }
        let Subject::Municipality(of) = ask.subject else {
            let expected = "a municipality";
            return Err(ReadError::NotExpected {
                expected,
                found: "a question about another thing",
            });
        };
        let found = kind(body);
        if found != "JSON" {
            return Err(ReadError::NotExpected { expected: "JSON", found });
        }
        let answer: Answer =
            serde_json::from_slice(body).map_err(|error| ReadError::Broken(error.to_string()))?;
        let rows = answer.results.bindings;
        if rows.len() >= ROWS_MAX {
            return Err(ReadError::Broken(format!("{ROWS_MAX} rows or more, the end is cut off")));
        }
        let (mut tariffs, mut repeated) = (BTreeMap::new(), 0);
        for row in &rows {
            let tariff = tariff(row, of)?;
            let key = (tariff.category.clone(), tariff.product.clone(), tariff.operator_id.clone());
            let what = format!("{} {} has two different prices", tariff.category, tariff.product);
            match tariffs.insert(key, tariff.clone()) {
                // A name in several languages makes several rows.
                Some(before) if before.has_prices_of(&tariff) => repeated += 1,
                Some(_) => return Err(ReadError::Contradiction(what)),
                None => {}
            }
        }
        Ok(Reading {
            municipal: tariffs.into_values().collect(),
            findings: (repeated > 0).then_some(Finding::Duplicates(repeated)).into_iter().collect(),
            ..Reading::default()
        })
    }
}

fn tariff(row: &HashMap<String, Term>, of: Municipality) -> Result<MunicipalTariff, ReadError> {
    let text = |name: &str| row.get(name).map(|term| term.value.trim());
    let needed =
        |name: &str| text(name).ok_or_else(|| ReadError::Broken(format!("a row without {name}")));
    let price = |name: &str| text(name).map(|text| price_chf_kwh(name, text)).transpose();
    let period = needed("period")?;
    if period.parse() != Ok(of.period) {
        let given = quoted(period.as_bytes());
        let what = format!("asked for {}, answered for {given}", of.period);
        return Err(ReadError::Contradiction(what));
    }
    let category = needed("categoryCode")?;
    let is_category = matches!(category.as_bytes(), [b'H' | b'C', b'1'..=b'8']);
    if !is_category {
        let what = format!("'{}' is no category of consumption", quoted(category.as_bytes()));
        return Err(ReadError::Broken(what));
    }
    let operator_id = needed("operator")?.rsplit('/').next().unwrap_or_default();
    Ok(MunicipalTariff {
        category: category.to_owned(),
        product: quoted(needed("productLabel")?.as_bytes()),
        operator_id: quoted(operator_id.as_bytes()),
        operator: text("operatorLabel").map(|name| quoted(name.as_bytes())),
        municipality: text("munLabel").map(|name| quoted(name.as_bytes())),
        total_chf_kwh: price_chf_kwh("total", needed("total")?)?,
        energy_chf_kwh: price("energy")?,
        grid_chf_kwh: price("gridusage")?,
        charge_chf_kwh: price("charge")?,
        aidfee_chf_kwh: price("aidfee")?,
        energy_name: text("energyName").map(|name| quoted(name.as_bytes())),
        grid_name: text("gridusageName").map(|name| quoted(name.as_bytes())),
    })
}

/// A price in CHF/kWh from one in Rp./kWh.
fn price_chf_kwh(name: &str, text: &str) -> Result<f64, ReadError> {
    let price: Option<f64> = text.parse().ok();
    let price = price.filter(|price| (-PRICE_MAX_RP..=PRICE_MAX_RP).contains(price));
    let what = || format!("'{}' is no {name} in Rp./kWh", quoted(text.as_bytes()));
    price.map(|price| price / 100.0).ok_or_else(|| ReadError::Broken(what()))
}

/// The question in SPARQL; without the set of observations cubes of other areas are mixed in.
fn query(of: Municipality) -> String {
    let Municipality { number, period } = of;
    let optional = ["energy", "gridusage", "charge", "aidfee"]
        .map(|name| format!("OPTIONAL {{ ?row dim:{name} ?{name} }} "))
        .concat();
    format!(
        "PREFIX cube: <https://cube.link/> PREFIX schema: <http://schema.org/> \
         PREFIX dim: <{CUBE}/dimension/> \
         SELECT DISTINCT ?period ?categoryCode ?productLabel ?operator ?operatorLabel ?total \
         ?energy ?gridusage ?charge ?aidfee ?energyName ?gridusageName ?munLabel WHERE {{ \
         <{CUBE}> cube:observationSet/cube:observation ?row . \
         ?row dim:period \"{period}\"^^<http://www.w3.org/2001/XMLSchema#gYear> ; \
         dim:period ?period ; dim:municipality <https://ld.admin.ch/municipality/{number}> ; \
         dim:category ?category ; dim:product ?product ; dim:operator ?operator ; \
         dim:total ?total . {optional}\
         OPTIONAL {{ ?row dim:energyname ?energyName }} \
         OPTIONAL {{ ?row dim:gridusagename ?gridusageName }} \
         OPTIONAL {{ ?operator schema:name ?operatorLabel }} \
         OPTIONAL {{ <https://ld.admin.ch/municipality/{number}> schema:name ?munLabel }} \
         BIND(REPLACE(STR(?category), \"^.*/\", \"\") AS ?categoryCode) \
         BIND(REPLACE(STR(?product), \"^.*/\", \"\") AS ?productLabel) }} LIMIT {ROWS_MAX}"
    )
}
