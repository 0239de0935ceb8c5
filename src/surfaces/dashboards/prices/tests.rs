//! Tests of the page of prices: units and rates by hand, periods, both clock changes, the parts of
//! a price, the file, and pages under `target/pages` for a look in the browser.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::file::{CsvInput, CsvRow, Kind, written};
use super::model::{HomeTariff, Offer, Part, PartKind, PartSlot, Period, PricesInput};
use super::stack::stack_part;
use super::{PricesView, prices, stats};
use crate::base::ids::{Market, Product};
use crate::base::timeline::{TimeRange, add_days, day_range, days_range};
use crate::facts::rates::{Origin, RateTable};
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::pages::Shell;
use crate::surfaces::dashboards::pricing::{
    DataState, LENGTH_MAX, Money, PriceInput, Quality, Slot, SlotKind, Unit, Window,
    WindowProvenance,
};
use crate::surfaces::dashboards::templates::Templates;

/// Prices in EUR/MWh, hour by hour, with three hours below zero at noon.
const DAY: [f64; 24] = [
    80.0, 78.0, 76.0, 75.0, 76.0, 82.0, 95.0, 110.0, 105.0, 80.0, 40.0, 10.0, -5.0, -20.0, -10.0,
    15.0, 60.0, 100.0, 130.0, 140.0, 125.0, 110.0, 95.0, 85.0,
];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn ch() -> Market {
    Market::parse("CH").unwrap()
}

/// Wednesday, 25 March 2026, 14:20 in Zürich.
fn now() -> DateTime<Utc> {
    at("2026-03-25T13:20:00Z")
}

/// 0.95 until the 24th, 0.90 from the 25th on.
fn rates() -> RateTable {
    let origin =
        Origin::Published { source: "ecb".into(), attribution: "European Central Bank".into() };
    let rates = [("2026-03-10", 0.95), ("2026-03-25", 0.90)];
    RateTable::published(origin, &rates.map(|(on, rate)| (day(on), rate))).unwrap()
}

fn slot(ts: DateTime<Utc>, interval_s: i32, price: f64, kind: SlotKind) -> Slot {
    #[expect(clippy::cast_possible_truncation, reason = "quantiles are kept in 32 bits")]
    let around = [-30.0, -22.0, -9.0, 0.0, 9.0, 22.0, 30.0].map(|by| (price + by) as f32);
    Slot {
        ts,
        interval_s,
        price_eur_mwh: Some(price),
        kind,
        quantiles: (kind == SlotKind::Forecast).then_some(around),
        quality: Quality::Ok,
    }
}

/// Published days, then forecast ones; hourly or quarter-hourly.
fn slots(first: &str, published: &str, last: &str, interval_s: i32) -> Vec<Slot> {
    let zone = ch().time_zone();
    let seam = day_range(day(published), zone).to;
    days_range(day(first), day(last), zone)
        .slots(interval_s)
        .map(|ts| {
            let hour = ts.with_timezone(&zone).format("%H").to_string();
            let kind = if ts < seam { SlotKind::Published } else { SlotKind::Forecast };
            slot(ts, interval_s, DAY[hour.parse::<usize>().unwrap()], kind)
        })
        .collect()
}

fn input(slots: Vec<Slot>, unit: Option<Unit>, rates: Option<RateTable>) -> PricesInput {
    let first = slots.first().map_or(now(), |slot| slot.ts);
    let tomorrow = day_range(day("2026-03-26"), ch().time_zone()).from;
    let window = |hours: i64, provenance, mean_price_eur_mwh| Window {
        from: tomorrow + Duration::hours(hours),
        to: tomorrow + Duration::hours(hours + 3),
        mean_price_eur_mwh,
        provenance,
        day_mean_eur_mwh: Some(60.0),
    };
    let present = PriceInput {
        market: "CH".into(),
        simulated: false,
        zone: ch().time_zone(),
        money: Money::new(unit, &ch(), rates, first),
        slots,
        reference_mean_eur_mwh: Some(72.0),
        windows: vec![
            window(12, WindowProvenance::Published, -12.0),
            window(84, WindowProvenance::Forecast, -10.0),
        ],
        state: DataState {
            prices_known_at: Some(at("2026-03-25T12:03:00Z")),
            source: Some("energy_charts".into()),
            attribution: vec!["energy-charts.info, CC BY 4.0".into()],
            forecast_issued_at: Some(at("2026-03-25T12:10:00Z")),
            model_label: Some("price-CH-day_ahead-linear v2".into()),
            mean_abs_error_eur_mwh: Some(14.2),
            ..DataState::default()
        },
        setup_open: false,
    };
    let (first, last) = (day("2026-03-18"), day("2026-04-01"));
    let range = days_range(first, last, ch().time_zone());
    let offers = vec![
        Offer { market: ch(), products: vec![Product::DayAhead] },
        Offer {
            market: Market::parse("DE-LU").unwrap(),
            products: vec![Product::DayAhead15min, Product::DayAhead],
        },
    ];
    PricesInput {
        market: ch(),
        product: Product::DayAhead,
        present,
        elsewhere: None,
        period: Period { first, last, range, is_chosen: false },
        offers,
        tariff: None,
    }
}

/// A fortnight with the clock change of 29 March in it, published until the 26th.
fn normal(unit: Option<Unit>) -> PricesInput {
    input(slots("2026-03-18", "2026-03-26", "2026-04-01", 3_600), unit, Some(rates()))
}

fn json(view: &PricesView) -> serde_json::Value {
    serde_json::from_str(&view.chart.as_ref().unwrap().json).unwrap()
}

#[test]
fn each_day_is_converted_at_its_own_rate() {
    let view = prices(&normal(Some(Unit::Rappen)), Language::De, now());
    let slots = json(&view)["slots"].clone();
    let price = |hour: usize| slots[hour]["price"].as_f64().unwrap();
    // 18 March, 00:00: 80 EUR/MWh × 0.95 = 7.6 Rp./kWh; 25 March, the eighth day: × 0.90 = 7.2.
    assert_eq!((price(0), price(7 * 24)), (7.6, 7.2));
    // −20 EUR/MWh at 13:00 of both days.
    assert_eq!((price(13), price(7 * 24 + 13)), (-1.9, -1.8));
    assert_eq!(view.unit, "Rp./kWh");
    let rate = view.rate.unwrap();
    assert_eq!(
        (rate.text.as_str(), rate.origin.as_str()),
        ("1 EUR = 0.9000 CHF", "EZB, 25.3.2026")
    );
    assert_eq!(rate.stale, None);
    for (unit, midnight) in [(Unit::EurMwh, 80.0), (Unit::Cents, 8.0)] {
        let view = prices(&normal(Some(unit)), Language::De, now());
        assert_eq!(json(&view)["slots"][0]["price"], midnight);
        assert_eq!(json(&view)["unit"], unit.symbol());
    }
}

#[test]
fn levels_do_not_depend_on_the_unit() {
    let levels = |unit| {
        let view = prices(&normal(Some(unit)), Language::En, now());
        let slots = json(&view)["slots"].as_array().unwrap().clone();
        slots.iter().map(|slot| slot["level"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(levels(Unit::Rappen), levels(Unit::EurMwh));
    assert_eq!(levels(Unit::Rappen).len(), 15 * 24 - 1); // the clock goes forward
}

#[test]
fn without_a_rate_francs_say_why_they_are_off() {
    let without = input(slots("2026-03-18", "2026-03-26", "2026-04-01", 3_600), None, None);
    let view = prices(&without, Language::De, now());
    assert_eq!((view.unit, view.lacks_rate), ("ct/kWh", true));
    let html = page(&view, Language::De);
    assert!(html.contains("<span class=\"off\" data-unit=\"rp\">"), "{html}");
    assert!(html.contains("fehlt der Wechselkurs"));
    assert!(!html.contains("unit=rp"), "francs can be chosen");

    let mut own = normal(None);
    own.present.money = Money::new(None, &ch(), Some(RateTable::manual(0.91)), now());
    let rate = prices(&own, Language::De, now()).rate.unwrap();
    assert_eq!((rate.text.as_str(), rate.origin.as_str()), ("1 EUR = 0.9100 CHF", "eigener Kurs"));
}

#[test]
fn an_old_rate_is_marked() {
    // The newest rate is of 25 March: eight days later it is old, a week later not yet.
    for (later, stale) in [(7, None), (8, Some("veraltet, 8\u{a0}Tage".to_owned()))] {
        let view = prices(&normal(None), Language::De, now() + Duration::days(later));
        assert_eq!(view.rate.unwrap().stale, stale, "{later}");
    }
}

#[test]
fn the_sentence_says_what_it_costs_and_when_it_is_cheap() {
    let told = |input: &PricesInput, language, now| {
        let status = prices(input, language, now).status;
        let text = format!("{} {}", status.lead, status.advice.unwrap_or_default());
        assert!(text.chars().count() <= LENGTH_MAX, "{text}");
        text.replace('\u{a0}', " ").replace('\u{202f}', "")
    };
    let mut input = normal(Some(Unit::Rappen));
    // 14:00 is −10 EUR/MWh = −0.90 Rp./kWh; tomorrow's window −12 EUR/MWh = −1.08 Rp./kWh.
    assert_eq!(
        told(&input, Language::De, now()),
        "Jetzt −0.90 Rp./kWh, sehr günstig. Am günstigsten morgen 12:00–15:00 mit −1.08."
    );
    assert_eq!(
        told(&input, Language::En, now()),
        "Now −0.90 Rp./kWh, very cheap. Cheapest tomorrow 12:00–15:00 at −1.08."
    );
    // On Friday 27 March at noon only the forecast speaks.
    assert_eq!(
        told(&input, Language::De, at("2026-03-27T11:00:00Z")),
        "Nur Prognose: jetzt ~−0.45 Rp./kWh, sehr günstig. Voraussichtlich am günstigsten So 29.3. 13:00–16:00."
    );
    input.present.windows.clear();
    assert!(told(&input, Language::De, now()).ends_with("ist keine Zeit deutlich günstiger."));
    input.present.simulated = true;
    assert!(told(&input, Language::De, now()).starts_with("Simuliert: Jetzt"));
    input.present.slots.clear();
    assert!(prices(&input, Language::De, now()).stats.is_empty());
    assert!(told(&input, Language::De, now()).contains("Es sind noch keine Preise da."));
}

#[test]
fn the_figures_are_those_of_the_hand() {
    let view = prices(&normal(Some(Unit::EurMwh)), Language::De, now());
    let told = |index: usize| {
        let stat: &stats::Stat = &view.stats[index];
        let text =
            format!("{}|{}|{}", stat.label, stat.value.clone().unwrap_or_default(), stat.text);
        text.replace('\u{a0}', " ")
    };
    assert_eq!(told(0), "Preis jetzt, 14:00–15:00|−10.00|ab 15:00 15.00");
    // The 24 prices of the day add up to 1732.
    assert!((DAY.iter().sum::<f64>() - 1_732.0).abs() < 1e-9);
    assert_eq!(told(1), "Mittel heute|72.17|gestern 72.17");
    assert_eq!(told(2), "Mittel morgen|72.17|veröffentlicht, 24 von 24 h");
    // Three hours each, today and tomorrow; the first stretch is today's.
    assert_eq!(
        told(3),
        "Negative Stunden bis morgen 24:00|6|Mi 25.3. 12:00–15:00, tiefster −20.00"
    );

    let unpublished = input(slots("2026-03-18", "2026-03-25", "2026-04-01", 3_600), None, None);
    let view = prices(&unpublished, Language::De, now());
    assert_eq!(view.stats[2].value.as_deref(), Some("~7.22"));
    assert_eq!(view.stats[2].text, "Prognose, noch nicht veröffentlicht");
    let alone = input(slots("2026-03-18", "2026-03-25", "2026-03-25", 3_600), None, None);
    let view = prices(&alone, Language::De, now());
    assert_eq!(
        (view.stats[2].value.as_deref(), &*view.stats[2].text),
        (None, "noch nicht bekannt")
    );
}

#[test]
fn quarter_hours_count_as_quarters() {
    let input = input(slots("2026-03-18", "2026-03-26", "2026-04-01", 900), None, Some(rates()));
    let view = prices(&input, Language::En, now());
    assert_eq!(view.stats[0].label, "Price now, 14:15–14:30");
    assert_eq!(view.stats[3].value.as_deref(), Some("6"));
    // 15 local days, of which 29 March has 92 quarter hours.
    assert_eq!(json(&view)["slots"].as_array().unwrap().len(), 15 * 96 - 4);
    assert_eq!(view.chart.unwrap().table.hours, 15 * 24 - 1);
}

#[test]
fn days_of_23_and_25_hours_are_shown_as_they_are() {
    for (first, changed, hours, note) in
        [("2026-03-22", "2026-03-29", 23, "23 h"), ("2026-10-18", "2026-10-25", 25, "25 h")]
    {
        let last = add_days(day(first), 14);
        let range = days_range(day(first), last, ch().time_zone());
        let mut input = normal(None);
        input.present.slots = slots(first, &last.to_string(), &last.to_string(), 3_600);
        input.period = Period { first: day(first), last, range, is_chosen: false };
        let noon = day_range(day(changed), ch().time_zone()).from + Duration::hours(12);
        let view = prices(&input, Language::De, noon);
        assert_eq!(view.band.hours, hours);
        let chart = view.chart.unwrap();
        assert!(chart.has_clock_change && chart.svg_wide.contains(note), "{changed}");
        let labels: Vec<_> = chart.table.rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(labels.contains(&"02:00 (2.)"), hours == 25, "{labels:?}");
        // The near view is today and tomorrow, 47 or 49 hours.
        let near = &serde_json::from_str::<serde_json::Value>(&chart.json).unwrap()["views"][0];
        let length = near["to"].as_i64().unwrap() - near["from"].as_i64().unwrap();
        assert_eq!((near["id"].as_str(), length), (Some("near"), (hours + 24) * 3_600));
    }
}

#[test]
fn a_period_of_the_past_stands_apart_from_the_present() {
    let (first, last) = (day("2026-02-01"), day("2026-02-15"));
    let mut input = normal(Some(Unit::EurMwh));
    let mut past = input.present.clone();
    past.slots = slots("2026-02-01", "2026-02-15", "2026-02-15", 3_600);
    past.windows.clear();
    past.state = DataState { source: Some("import:february.csv".into()), ..DataState::default() };
    input.elsewhere = Some(past);
    let range = days_range(first, last, ch().time_zone());
    input.period = Period { first, last, range, is_chosen: true };
    let view = prices(&input, Language::De, now());
    assert!(view.status.lead.starts_with("Jetzt "), "{}", view.status.lead);
    let chart = view.chart.as_ref().unwrap();
    assert_eq!((chart.svg_near.is_none(), chart.table.hours), (true, 15 * 24));
    assert!(!chart.summary_wide.contains("bis"), "{}", chart.summary_wide);
    assert_eq!(
        view.credits,
        ["Preise: Import february.csv.", "Wechselkurs: European Central Bank."]
    );
    assert_eq!(view.period.label, "So 1.2. – So 15.2.");
    assert_eq!(view.period.earlier, "/prices?market=CH&product=day_ahead&from=2026-01-25");
    assert_eq!(view.period.later, "/prices?market=CH&product=day_ahead&from=2026-02-08");
    assert_eq!(view.period.present, "/prices?market=CH&product=day_ahead");
    assert_eq!(
        view.csv,
        "/prices.csv?market=CH&product=day_ahead&from=2026-02-01&to=2026-02-15&unit=eur"
    );
    let german = &view.markets[1];
    assert_eq!((&*german.href, german.current), ("/prices?market=DE-LU&from=2026-02-01", false));

    input.elsewhere.as_mut().unwrap().slots.clear();
    let view = prices(&input, Language::De, now());
    assert!(view.chart.is_none());
    assert!(
        page(&view, Language::De).contains("Für diesen Zeitraum sind keine Preise gespeichert.")
    );
}

#[test]
fn everybody_is_named_where_the_data_are() {
    let view = prices(&normal(None), Language::En, now());
    assert_eq!(
        view.credits,
        [
            "Prices: energy-charts.info, CC BY 4.0.",
            "Forecast: Luna.",
            "Exchange rate: European Central Bank."
        ]
    );
}

#[test]
fn overdue_prices_are_marked_and_the_forecast_stands_in() {
    let input = input(slots("2026-03-18", "2026-03-25", "2026-04-01", 3_600), None, None);
    let told = |now| {
        let view = prices(&input, Language::De, now);
        (view.facts[0].badge.clone().map(|badge| badge.1), view.warnings.clone())
    };
    let (badge, warnings) = told(at("2026-03-25T12:30:00Z")); // 13:30
    assert_eq!((badge, warnings.len()), (None, 1));
    assert!(warnings[0].contains("kommen gegen 13:00"));
    let (badge, warnings) = told(at("2026-03-25T14:10:00Z")); // 15:10
    assert_eq!(badge.as_deref(), Some("überfällig, 2\u{a0}h\u{a0}10\u{a0}min"));
    assert!(warnings[0].contains("überfällig") && warnings[0].contains("gilt die Prognose"));
    let mut away = input.clone();
    away.present.state.source_away_since = Some(at("2026-03-25T03:20:00Z"));
    let view = prices(&away, Language::De, now());
    let said = view.warnings.last().unwrap().replace('\u{a0}', " ");
    assert_eq!(said, "Die Quelle der Preise antwortet seit 10 h nicht; Luna fragt weiter.");
}

fn part(kind: PartKind, price_chf_kwh: f64) -> Part {
    Part { kind, price_chf_kwh }
}

/// One day, hour by hour, with energy below zero at noon.
fn tariff(on: &str) -> HomeTariff {
    let zone = ch().time_zone();
    let slots = day_range(day(on), zone).slots(3_600).map(|ts| {
        let hour: usize = ts.with_timezone(&zone).format("%H").to_string().parse().unwrap();
        PartSlot {
            ts,
            interval_s: 3_600,
            parts: vec![
                part(PartKind::Vat, 0.01),
                part(PartKind::Energy, DAY[hour] / 1_000.0),
                part(PartKind::Grid, 0.08),
                part(PartKind::Levies, 0.02),
                part(PartKind::Levies, 0.01),
            ],
            quality: Quality::Ok,
        }
    });
    HomeTariff {
        name: "Flex <H4>".into(),
        attribution: "Stadtwerk".into(),
        day: day(on),
        is_stand_in: false,
        slots: slots.collect(),
    }
}

#[test]
fn parts_add_up_and_those_below_zero_hang_under_the_line() {
    let format = Format::new(Language::De, ch().time_zone());
    let stack = stack_part(&tariff("2026-03-25"), &format).unwrap();
    // 12 Rp. without energy; −20 EUR/MWh are −2 Rp., 140 EUR/MWh are 14.
    let summary = stack.summary.replace('\u{a0}', " ");
    assert_eq!(
        summary,
        "Der Endpreis liegt zwischen 10.00 Rp./kWh (13:00) und 26.00 Rp./kWh (19:00)."
    );
    assert_eq!(stack.heads, ["Energie", "Netz", "Abgaben", "MWST", "Endpreis"]);
    let (label, cells) = &stack.rows[13];
    assert_eq!((label.as_str(), cells.join(" ")), ("13:00", "−2.00 8.00 3.00 1.00 10.00".into()));
    // Three hours are below zero: as many hatched bars, each right under the zero line.
    assert_eq!(stack.svg.matches("url(#st-neg)").count(), 3);
    assert_eq!(stack.svg.matches("url(#st-energy)").count(), 21);
    assert_eq!(stack.svg.matches("class=\"st-sum\"").count(), 24);
    assert!(stack.key.contains(&("st-neg", "unter null")));
    for (on, hours) in [("2026-03-29", 23), ("2026-10-25", 25)] {
        assert_eq!(stack_part(&tariff(on), &format).unwrap().rows.len(), hours, "{on}");
    }
    let mut none = tariff("2026-03-25");
    none.slots.iter_mut().for_each(|slot| slot.parts.clear());
    assert!(stack_part(&none, &format).is_none());
}

fn row(ts: &str, price: Option<f64>, kind: Kind, source: &str) -> CsvRow {
    CsvRow {
        ts: at(ts),
        interval_s: 3_600,
        price_eur_mwh: price,
        quantiles_eur_mwh: (kind == Kind::Forecast)
            .then_some([-10.0, 0.0, 10.0, 20.0, 30.0, 40.0, 50.0]),
        kind,
        quality: "ok",
        known_at: at("2026-10-24T11:00:00Z"),
        source: source.into(),
    }
}

fn file(unit: Unit, rows: Vec<CsvRow>) -> CsvInput {
    CsvInput {
        market: "CH".into(),
        product: "day_ahead",
        zone: ch().time_zone(),
        money: Money::new(Some(unit), &ch(), Some(rates()), at("2026-03-24T12:00:00Z")),
        rows,
    }
}

#[test]
fn the_file_is_read_back_as_it_was_meant() {
    // The doubled hour of 25 October, a missing price, and the forecast behind.
    let rows = vec![
        row("2026-10-25T00:00:00Z", Some(83.21), Kind::Published, "entsoe (ENTSO-E, \"TP\")"),
        row("2026-10-25T01:00:00Z", Some(-13.95), Kind::Published, "=cmd|' /C calc'!A0"),
        row("2026-10-25T02:00:00Z", None, Kind::Published, "import:\na.csv"),
        row("2026-10-25T03:00:00Z", Some(20.0), Kind::Forecast, "Luna, linear v2"),
    ];
    let text = written(&file(Unit::EurMwh, rows));
    assert!(text.lines().count() > 5 && text.matches("\r\n").count() == 5);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        head.join(" "),
        "time_utc time_local interval_s market product price_eur_mwh q05_eur_mwh q10_eur_mwh q25_eur_mwh q50_eur_mwh q75_eur_mwh q90_eur_mwh q95_eur_mwh provenance quality known_at_utc chf_per_eur source"
    );
    let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let column = |name: &str| {
        let index = head.iter().position(|column| column == name).unwrap();
        read.iter().map(|record| record[index].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        column("time_local")[..3],
        ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"]
    );
    assert_eq!(column("time_utc")[1], "2026-10-25T01:00:00Z");
    // A price below zero is a number; a text that begins like a formula is none.
    assert_eq!(column("price_eur_mwh"), ["83.21", "-13.95", "", "20"]);
    assert_eq!(column("source")[0], "entsoe (ENTSO-E, \"TP\")");
    assert_eq!(column("source")[1], "'=cmd|' /C calc'!A0");
    assert_eq!(column("source")[2], "import:\na.csv");
    assert_eq!(column("provenance")[2..], ["published", "forecast"]);
    assert_eq!((&*column("q05_eur_mwh")[0], &*column("q05_eur_mwh")[3]), ("", "-10"));
    assert_eq!(column("chf_per_eur"), [""; 4]);
}

#[test]
fn a_file_in_francs_names_its_rates() {
    // On 24 March 0.95 counts, on the 25th 0.90: 84 EUR/MWh are 7.98 and 7.56 Rp./kWh.
    let rows = vec![
        row("2026-03-24T12:00:00Z", Some(84.0), Kind::Published, "entsoe"),
        row("2026-03-25T12:00:00Z", Some(84.0), Kind::Published, "entsoe"),
        row("2026-03-26T12:00:00Z", Some(20.0), Kind::Forecast, "Luna"),
    ];
    let text = written(&file(Unit::Rappen, rows.clone()));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].contains("price_rp_kwh,q05_rp_kwh"), "{}", lines[0]);
    assert!(lines[1].contains(",7.98,") && lines[1].contains(",0.95,entsoe"), "{}", lines[1]);
    assert!(lines[2].contains(",7.56,") && lines[2].contains(",0.9,entsoe"), "{}", lines[2]);
    // Quantile .05 is −10 EUR/MWh, so −0.9 Rp./kWh.
    assert!(lines[3].contains(",1.8,-0.9,0,0.9,1.8,2.7,3.6,4.5,forecast,"), "{}", lines[3]);
    let cents = written(&file(Unit::Cents, rows));
    assert!(cents.lines().nth(1).unwrap().contains(",8.4,"), "{cents}");
}

fn page(view: &PricesView, language: Language) -> String {
    let shell = Shell { language, path: "/prices".into(), ..Shell::default() };
    Templates::load().unwrap().prices(&shell, view).unwrap()
}

#[test]
fn every_state_makes_a_page_in_every_language() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
    fs::create_dir_all(&folder).unwrap();
    let mut with_tariff = normal(None);
    with_tariff.tariff = Some(tariff("2026-03-25"));
    let mut simulated = normal(None);
    simulated.present.simulated = true;
    simulated.present.slots.iter_mut().for_each(|slot| slot.quality = Quality::Simulated);
    let mut hostile = normal(None);
    let text = "</script><script>alert(1)</script>\"'&";
    hostile.present.market = text.into();
    hostile.present.state.source = Some(text.into());
    hostile.present.state.attribution = vec![text.into()];
    hostile.tariff = Some(HomeTariff { name: text.into(), ..tariff("2026-03-25") });
    let quarters = slots("2026-03-18", "2026-03-26", "2026-04-01", 900);
    let states = [
        ("prices-normal", normal(None)),
        ("prices-euro", normal(Some(Unit::EurMwh))),
        ("prices-tariff", with_tariff),
        ("prices-simulated", simulated),
        ("prices-hostile", hostile),
        ("prices-quarters", input(quarters, None, None)),
        ("prices-empty", input(Vec::new(), None, None)),
    ];
    for (name, input) in &states {
        for language in Language::ALL {
            let html = page(&prices(input, *language, now()), *language);
            assert!(html.contains("<main") && html.ends_with("</html>\n"), "{name}");
            assert!(!html.contains(" style=") && !html.contains("<style"), "{name}");
            assert!(!html.contains("<script>alert"), "{name}");
            assert!(!html.contains("NaN"), "{name}");
            fs::write(folder.join(format!("{name}-{}.html", language.code())), html).unwrap();
        }
    }
}

#[test]
fn simulated_prices_are_hatched_and_never_called_published() {
    let mut input = normal(None);
    input.present.simulated = true;
    input.present.windows.clear();
    input.present.slots.iter_mut().for_each(|slot| slot.quality = Quality::Simulated);
    let view = prices(&input, Language::En, now());
    let chart = view.chart.as_ref().unwrap();
    // Nine days are known: one hatched piece for each hour.
    assert_eq!(chart.svg_wide.matches("url(#sim-hatch)").count(), 9 * 24);
    assert_eq!(chart.key[0].swatch, "ks");
    let html = page(&view, Language::En);
    assert!(!html.contains("ublished"), "{html}");
}

#[test]
fn the_range_of_a_frame_is_whole_days() {
    let range = normal(None).period.range;
    // 18 March 00:00 in winter time to 2 April 00:00 in summer time.
    let expected = TimeRange::new(at("2026-03-17T23:00:00Z"), at("2026-04-01T22:00:00Z"));
    assert_eq!(range, expected);
}
