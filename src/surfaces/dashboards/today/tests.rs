//! Tests of the page of the day: every state, both clock changes, hostile texts, and the pages as
//! files under `target/pages` for a look in the browser.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use super::*;
use crate::base::ids::Market;
use crate::base::timeline::{TimeRange, day_range};
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::forms::{LoginPage, LoginProblem, SetupPage, SetupProblem};
use crate::surfaces::dashboards::pages::{ErrorPage, Shell, Theme};
use crate::surfaces::dashboards::pricing::{
    Chart, DataState, Frame, LENGTH_MAX, Money, Points, PriceInput, Quality, Situation, Slot,
    SlotKind, Window, WindowProvenance, svg,
};
use crate::surfaces::dashboards::templates::Templates;

/// A made-up working day in EUR/MWh, hour by hour: dear in the morning and in the evening.
const DAY: [f64; 24] = [
    102.0, 100.0, 98.0, 97.0, 97.0, 101.0, 122.0, 142.0, 149.0, 145.0, 136.0, 128.0, 119.0, 109.0,
    105.1, 107.0, 117.0, 127.0, 135.0, 138.0, 122.0, 110.0, 104.0, 96.0,
];
/// A made-up Saturday: cheap at night and at noon.
const NEXT: [f64; 24] = [
    82.0, 72.0, 66.0, 62.0, 64.0, 68.0, 77.0, 84.0, 92.0, 93.0, 86.0, 78.0, 65.0, 59.0, 62.0, 74.0,
    91.0, 108.0, 112.0, 109.0, 91.0, 76.0, 74.0, 56.0,
];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Friday, 27 October 2023, 14:20 in Zurich.
fn now() -> DateTime<Utc> {
    at("2023-10-27T12:20:00Z")
}

fn midnight() -> DateTime<Utc> {
    at("2023-10-26T22:00:00Z")
}

fn slot(ts: DateTime<Utc>, price: f64, kind: SlotKind) -> Slot {
    let forecast = kind == SlotKind::Forecast;
    #[expect(clippy::cast_possible_truncation, reason = "quantiles are kept in 32 bits")]
    let quantiles = forecast.then(|| {
        [-30.0, -22.0, -9.0, 0.0, 9.0, 22.0, 30.0].map(|distance| (price + distance) as f32)
    });
    let quality = Quality::Ok;
    Slot { ts, interval_s: 3_600, price_eur_mwh: Some(price), kind, quantiles, quality }
}

fn published(from: DateTime<Utc>, prices: &[f64]) -> Vec<Slot> {
    let hours = TimeRange::new(from, from + Duration::days(400)).slots(3_600);
    hours.zip(prices).map(|(ts, price)| slot(ts, *price, SlotKind::Published)).collect()
}

fn forecast(from: DateTime<Utc>, hours: i64) -> Vec<Slot> {
    TimeRange::new(from, from + Duration::hours(hours))
        .slots(3_600)
        .enumerate()
        .map(|(i, ts)| slot(ts, NEXT[(i + 1) % 24] * 0.9, SlotKind::Forecast))
        .collect()
}

fn window(from: &str, hours: i64, mean: f64, provenance: WindowProvenance) -> Window {
    let from = at(from);
    Window {
        from,
        to: from + Duration::hours(hours),
        mean_price_eur_mwh: mean,
        provenance,
        day_mean_eur_mwh: Some(mean / 0.786),
    }
}

fn input(slots: Vec<Slot>) -> PriceInput {
    PriceInput {
        market: "CH".into(),
        simulated: false,
        zone: Tz::Europe__Zurich,
        money: Money::new(None, &Market::parse("CH").unwrap(), None, now()),
        slots,
        reference_mean_eur_mwh: Some(100.0),
        windows: Vec::new(),
        state: DataState {
            published_until: None,
            prices_known_at: Some(at("2023-10-27T11:03:00Z")),
            source: Some("import:prices.csv".into()),
            attribution: vec!["ENTSO-E Transparency Platform, CC BY 4.0".into()],
            source_away_since: None,
            forecast_issued_at: Some(at("2023-10-27T11:42:00Z")),
            model_label: Some("lightgbm 2023-10-27".into()),
            mean_abs_error_eur_mwh: Some(14.2),
            warnings: Vec::new(),
        },
        setup_open: false,
    }
}

/// Yesterday, today and tomorrow published, a forecast of six days behind them.
fn normal() -> PriceInput {
    let mut slots = published(midnight() - Duration::hours(24), &DAY);
    slots.extend(published(midnight(), &DAY));
    slots.extend(published(midnight() + Duration::hours(24), &NEXT));
    slots.extend(forecast(midnight() + Duration::hours(48), 133));
    let mut input = input(slots);
    input.windows = vec![
        window("2023-10-28T10:00:00Z", 4, 64.84, WindowProvenance::Published),
        window("2023-10-28T23:00:00Z", 6, 58.6, WindowProvenance::Forecast),
        window("2023-10-31T00:00:00Z", 5, 61.0, WindowProvenance::Forecast),
    ];
    input
}

fn flat() -> PriceInput {
    input(published(midnight(), &[100.0; 48]))
}

fn negative() -> PriceInput {
    let mut slots = published(midnight(), &DAY);
    for slot in &mut slots[12..15] {
        slot.price_eur_mwh = Some(-8.0);
    }
    input(slots)
}

fn only_forecast() -> PriceInput {
    let mut slots = published(midnight() - Duration::hours(24), &DAY);
    slots.extend(forecast(midnight(), 180));
    let mut input = input(slots);
    input.windows = vec![window("2023-10-28T10:00:00Z", 4, 64.84, WindowProvenance::Forecast)];
    input
}

fn past() -> PriceInput {
    let mut input = input(published(midnight() - Duration::hours(48), &DAY));
    input.windows = vec![window("2023-10-28T10:00:00Z", 4, 1.0, WindowProvenance::Published)];
    input
}

fn states() -> Vec<(&'static str, PriceInput)> {
    let mut old = only_forecast();
    old.state.forecast_issued_at = Some(at("2023-10-24T08:00:00Z"));
    let mut simulated = normal();
    (simulated.simulated, simulated.market) = (true, "SIM-CH".into());
    simulated.slots.iter_mut().for_each(|slot| slot.quality = Quality::Simulated);
    let mut empty = input(Vec::new());
    (empty.state, empty.setup_open) = (DataState::default(), true);
    vec![
        ("normal", normal()),
        ("flat", flat()),
        ("negative", negative()),
        ("only-forecast", only_forecast()),
        ("old-forecast", old),
        ("past", past()),
        ("simulated", simulated),
        ("empty", empty),
    ]
}

fn said(input: &PriceInput, language: Language) -> String {
    let status = today(input, language, now()).status;
    [Some(status.lead), status.advice].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_sentence_follows_the_state() {
    let german = [
        "Teuer von 16:00 bis 21:00, günstig morgen ab 00:00. Grosse Verbraucher am besten morgen 12:00–16:00 starten.",
        "Der Preis bleibt bis morgen 24:00 fast gleich. Starten Sie, wann es Ihnen passt.",
        "Der Preis ist negativ bis 15:00. Ein guter Moment für grosse Verbraucher.",
        "Nur Prognose: Günstig bis 16:00, wieder ab 19:00. Voraussichtlich am günstigsten morgen 12:00–16:00.",
        "Keine aktuellen Preise; die Prognose ist 3\u{a0}Tage alt. Luna empfiehlt nichts, bis neue Werte da sind.",
        "Keine aktuellen Preise; die letzten galten bis Mi 25.10. 24:00. Luna empfiehlt nichts, bis neue Werte da sind.",
        "Simuliert: Teuer von 16:00 bis 21:00, günstig morgen ab 00:00. Am günstigsten morgen 12:00–16:00.",
        "Es sind noch keine Preise da. Importieren Sie Preise, dann sagt Luna, wann es günstig ist.",
    ];
    for ((name, input), sentence) in states().iter().zip(german) {
        assert_eq!(said(input, Language::De), sentence, "{name}");
    }
}

#[test]
fn the_sentence_is_short_in_every_language() {
    for (name, input) in states() {
        for language in Language::ALL {
            let text = said(&input, *language);
            assert!(text.chars().count() <= LENGTH_MAX, "{name}: {text}");
        }
    }
}

#[test]
fn stale_data_are_never_called_good() {
    for (name, input) in states() {
        let view = today(&input, Language::De, now());
        if ["old-forecast", "past", "empty"].contains(&name) {
            assert!(view.windows.is_empty(), "{name} names windows");
            assert!(!view.notes.is_empty(), "{name} has no note");
            assert!(!view.status.lead.contains("günstig"), "{name}: {}", view.status.lead);
        }
    }
    let prices = &today(&past(), Language::De, now()).facts[0];
    assert_eq!(prices.badge, Some(("stale", "veraltet, 38\u{a0}h".into())));
}

#[test]
fn the_window_that_runs_is_told_with_its_end() {
    let mut input = normal();
    input.windows.push(window("2023-10-27T12:00:00Z", 2, 1.0, WindowProvenance::Published));
    let status = today(&input, Language::De, now()).status;
    assert_eq!(
        status.advice.as_deref(),
        Some("Grosse Verbraucher am besten jetzt starten, bis 16:00.")
    );
}

#[test]
fn published_wins_over_forecast_and_broken_values_are_left_out() {
    let mut slots = vec![slot(midnight(), 50.0, SlotKind::Forecast)];
    slots.extend(published(midnight(), &[80.0, f64::NAN]));
    slots.push(slot(midnight() + Duration::hours(2), f64::INFINITY, SlotKind::Forecast));
    let mut broken = slot(midnight() + Duration::hours(3), 1.0, SlotKind::Published);
    broken.interval_s = 0;
    slots.push(broken);
    let points = Points::new(&input(slots), midnight());
    let kept: Vec<_> = points.all.iter().map(|point| (point.price, point.is_forecast())).collect();
    assert_eq!(kept, [(80.0, false)]);
    assert_eq!(points.situation, Situation::Published);
}

#[test]
fn both_clock_changes_are_in_chart_and_table() {
    for (date, hours, note) in [("2023-10-29", 25, "25 h"), ("2023-03-26", 23, "23 h")] {
        let day = day_range(date.parse().unwrap(), Tz::Europe__Zurich);
        let prices: Vec<f64> = (0..hours).map(|hour| f64::from(hour) + 20.0).collect();
        let input = input(published(day.from, &prices));
        let noon = day.from + Duration::hours(12);
        let chart = today(&input, Language::De, noon).chart.unwrap();
        assert_eq!(chart.table.hours, prices.len(), "{date}");
        assert!(chart.has_clock_change && chart.svg_wide.contains(note), "{date}");
        let labels: Vec<_> = chart.table.rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(labels.contains(&"02:00 (2.)"), hours == 25, "{labels:?}");
        let missing = chart.table.rows.iter().filter(|row| row.cells[0].is_none());
        let missing: Vec<_> = missing.map(|row| row.label.as_str()).collect();
        assert_eq!(missing, if hours == 23 { vec!["02:00"] } else { vec![] });
        let view = today(&input, Language::De, noon);
        assert_eq!((view.band.bars.len(), view.band.hours), (prices.len(), hours.into()));
    }
}

#[test]
fn the_doubled_hour_is_read_out_with_its_offset() {
    let day = day_range("2023-10-29".parse().unwrap(), Tz::Europe__Zurich);
    let prices: Vec<f64> = (0..25).map(|hour| f64::from(hour) * 10.0).collect();
    let input = input(published(day.from, &prices));
    let points = Points::new(&input, day.from);
    let format = Format::new(Language::De, Tz::Europe__Zurich);
    let frame = Frame::of_today(&points, day.from).unwrap();
    let chart = Chart::new(&points, &input, frame, &format, day.from);
    let read: Vec<_> =
        chart.slots[2..4].iter().map(|slot| (slot.hours.as_str(), slot.offset.as_str())).collect();
    assert_eq!(read, [("02:00–02:00 (2.)", "UTC+2"), ("02:00 (2.)–03:00", "UTC+1")]);
}

#[test]
fn quarter_hours_are_drawn_and_tabled_as_hourly_means() {
    let slots = TimeRange::new(midnight(), midnight() + Duration::hours(24))
        .slots(900)
        .enumerate()
        .map(|(i, ts)| Slot {
            interval_s: 900,
            ..slot(ts, [10.0, 20.0, 30.0, 40.0][i % 4], SlotKind::Published)
        })
        .collect();
    let chart = today(&input(slots), Language::De, now()).chart.unwrap();
    assert_eq!(chart.table.hours, 24);
    assert_eq!(chart.table.rows[0].cells[0].as_ref().unwrap().value, "2.50");
    assert!(chart.table.caption.contains("Stundenmittel"));
    assert!(chart.home.hours == "14:15–14:30", "{}", chart.home.hours);
}

#[test]
fn the_table_holds_the_same_hours_as_the_chart() {
    let chart = today(&normal(), Language::De, now()).chart.unwrap();
    let cells: usize = chart.table.rows.iter().map(|row| row.cells.iter().flatten().count()).sum();
    let json: serde_json::Value = serde_json::from_str(&chart.json).unwrap();
    assert_eq!(cells, chart.table.hours);
    assert_eq!(json["slots"].as_array().unwrap().len(), cells);
    // 24 h back from 14:00 to the end of the forecast, 13 h into 3 November.
    assert_eq!(cells, 24 + 34 + 133);
}

#[test]
fn the_drawing_is_well_formed_and_has_no_style() {
    for (name, input) in states() {
        let Some(chart) = today(&input, Language::De, now()).chart else { continue };
        for drawing in [chart.svg_near.as_ref().unwrap(), &chart.svg_wide] {
            assert_well_formed(drawing, name);
            assert!(!drawing.contains("style="), "{name}");
            assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{name}");
        }
        assert!(chart.svg_wide.matches("<path").count() >= 1, "{name}");
    }
}

/// Every tag is closed in order, and every attribute is quoted.
fn assert_well_formed(text: &str, name: &str) {
    let mut open = Vec::new();
    for part in text.split('<').skip(1) {
        let (tag, content) = part.split_once('>').unwrap_or_else(|| panic!("{name}: {part}"));
        assert!(!content.contains(['"', '\'']), "{name}: {part}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{name}: {tag}");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{name}");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or_default());
        }
    }
    assert!(open.is_empty(), "{name}: {open:?}");
}

#[test]
fn hostile_texts_stay_texts() {
    let hostile = "</script><script>alert(1)</script>\"'&";
    let mut input = normal();
    input.market = hostile.into();
    input.state.source = Some(hostile.into());
    input.state.attribution = vec![hostile.into()];
    input.state.model_label = Some(hostile.into());
    input.state.warnings = vec![hostile.into()];
    let shell = Shell {
        path: "/".into(),
        user: Some(hostile.into()),
        csrf_token: Some(hostile.into()),
        ..Shell::default()
    };
    let view = today(&input, Language::De, now());
    let html = Templates::load().unwrap().today(&shell, &view).unwrap();
    assert!(!html.contains("<script>alert"), "a text ended its element");
    assert_eq!(html.matches("</script>").count(), 2, "the page's own two script elements");
    let points = Points::new(&input, now());
    let format = Format::new(Language::De, Tz::Europe__Zurich);
    let frame = Frame::of_today(&points, now()).unwrap();
    let mut chart = Chart::new(&points, &input, frame, &format, now());
    chart.now_label = hostile.into();
    assert_well_formed(&svg(&chart, &chart.views[0], hostile, hostile), "hostile");
}

#[test]
fn pages_carry_no_inline_style_or_handler() {
    for (name, html) in pages(Language::De) {
        assert!(!html.contains(" style="), "{name}");
        assert!(!html.contains("<style"), "{name}");
        assert!(!html.contains(" onclick") && !html.contains("javascript:"), "{name}");
        assert!(!html.contains("http://") && !html.contains("https://"), "{name}");
    }
}

fn pages(language: Language) -> Vec<(String, String)> {
    let templates = Templates::load().unwrap();
    let shell = |path: &str| Shell { language, path: path.into(), ..Shell::default() };
    let code = language.code();
    let mut pages: Vec<(String, String)> = states()
        .into_iter()
        .map(|(name, input)| {
            let view = today(&input, language, now());
            (format!("{name}-{code}"), templates.today(&shell("/"), &view).unwrap())
        })
        .collect();
    let dark = Shell {
        theme: Theme::Dark,
        user: Some("lindenweg4".into()),
        csrf_token: Some("t".into()),
        ..shell("/")
    };
    let view = today(&normal(), language, now());
    pages.push((format!("dark-{code}"), templates.today(&dark, &view).unwrap()));
    let login = LoginPage {
        login: "lindenweg4".into(),
        problem: Some(LoginProblem::Wrong { left: Some((4, Duration::minutes(5))) }),
        next: "/".into(),
        insecure: true,
        setup_open: true,
        ended: false,
    };
    pages.push((format!("login-{code}"), templates.login(&shell("/login"), &login).unwrap()));
    let setup = SetupPage {
        setup_code: "K7QF-2M9X".into(),
        login: "anna".into(),
        problem: Some(SetupProblem::Password),
        insecure: true,
    };
    pages.push((format!("setup-{code}"), templates.setup(&shell("/setup"), &setup).unwrap()));
    let error = ErrorPage {
        kind: "unavailable",
        status: Some(503),
        detail: "Luna cannot do this at the moment; try again shortly".into(),
        request_id: "0192c1d4".into(),
    };
    pages.push((format!("error-{code}"), templates.error(&shell("/x"), &error).unwrap()));
    pages
}

#[test]
fn every_page_renders_in_every_language() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
    fs::create_dir_all(&folder).unwrap();
    for language in Language::ALL {
        for (name, html) in pages(*language) {
            assert!(html.contains("<main") && html.ends_with("</html>\n"), "{name}");
            fs::write(folder.join(format!("{name}.html")), html).unwrap();
        }
    }
}

#[test]
fn any_prices_make_a_page() {
    // A walk through sizes, signs and lengths that real markets do not reach.
    for (hours, base, swing) in [
        (1, 0.0, 0.0),
        (2, -500.0, 1.0),
        (200, 0.0, 4_000.0),
        (24, 1e-9, 1e-9),
        (30, 99_999.0, 1.0),
    ] {
        let prices: Vec<f64> =
            (0..hours).map(|hour| base + swing * f64::from(hour % 7 - 3)).collect();
        for offset in [-240, -1, 0, 1, 23, 240] {
            let mut given = input(published(midnight(), &prices));
            given.reference_mean_eur_mwh = None;
            let instant = midnight() + Duration::hours(offset);
            let view = today(&given, Language::En, instant);
            if let Some(chart) = &view.chart {
                assert_well_formed(chart.svg_near.as_ref().unwrap(), "any");
            }
            assert!(view.status.lead.chars().count() <= LENGTH_MAX, "{}", view.status.lead);
        }
    }
}

#[test]
fn simulated_values_are_never_called_published() {
    let mut input = normal();
    input.simulated = true;
    input.slots.iter_mut().for_each(|slot| slot.quality = Quality::Simulated);
    for (language, word) in [(Language::De, "eröffentlicht"), (Language::En, "ublished")] {
        let shell = Shell { language, path: "/".into(), ..Shell::default() };
        let view = today(&input, language, now());
        let html = Templates::load().unwrap().today(&shell, &view).unwrap();
        assert!(!html.contains(word), "{language:?} says {word}");
    }
}

#[test]
fn labels_of_extremes_stay_off_the_axis() {
    for lowest in [-39.6, 0.3, 40.0] {
        let mut slots = normal().slots;
        let at = slots.iter().position(|slot| slot.kind == SlotKind::Published).unwrap() + 20;
        slots[at].price_eur_mwh = Some(lowest);
        let input = input(slots);
        let points = Points::new(&input, now());
        let format = Format::new(Language::De, input.zone);
        let frame = Frame::of_today(&points, now()).unwrap();
        let chart = Chart::new(&points, &input, frame, &format, now());
        let view = &chart.views[1];
        let share = |value: f64| (value - view.low) / (view.high - view.low);
        for mark in &view.marks {
            // A label takes some 18 of 260 pixels.
            let room = if mark.below { share(mark.value) } else { 1.0 - share(mark.value) };
            assert!(room > 0.07, "{lowest}: {mark:?} in {} to {}", view.low, view.high);
        }
    }
}

#[test]
fn negative_windows_are_compared_in_cents_and_positive_ones_in_per_cent() {
    let mut input = normal();
    let rows = |input: &PriceInput| today(input, Language::De, now()).windows;
    input.windows.truncate(1);
    for (mean, day_mean, told) in [
        (69.1, Some(85.0), "−19\u{a0}%"),
        (-28.8, Some(61.3), "−9.01\u{a0}ct/kWh"),
        (-28.8, Some(-10.0), "−1.88\u{a0}ct/kWh"),
        (0.0, Some(0.0), "0.00\u{a0}ct/kWh"),
        (69.1, None, ""),
    ] {
        input.windows[0].mean_price_eur_mwh = mean;
        input.windows[0].day_mean_eur_mwh = day_mean;
        assert_eq!(rows(&input)[0].difference, told);
    }
    input.windows[0].provenance = WindowProvenance::Forecast;
    input.windows[0].mean_price_eur_mwh = -10.9;
    assert_eq!(rows(&input)[0].price, "~\u{202f}−1.09");
}

#[test]
fn models_and_sources_are_told_in_words() {
    let mut input = normal();
    for (label, source, words) in [
        ("price-CH-day_ahead-linear v2", "import:ch.csv", "lineare Regression, Version 2"),
        (
            "price-DE-LU-day_ahead_15min-random_forest v11",
            "simulation",
            "Random Forest, Version 11",
        ),
        ("naive (stand-in)", "entsoe", "noch keines; Werte wie vor einer Woche"),
        ("somebody's model", "x:y", "somebody's model"),
    ] {
        input.state.model_label = Some(label.into());
        input.state.source = Some(source.into());
        let facts = today(&input, Language::De, now()).facts;
        let model = facts.iter().find(|fact| fact.name == "Prognose").unwrap();
        assert!(model.text.contains(words), "{label}: {}", model.text);
        let shown = &facts.iter().find(|fact| fact.name == "Quelle").unwrap().value;
        let expected = match source {
            "import:ch.csv" => "Import ch.csv",
            "simulation" => "Simulation",
            "entsoe" => "ENTSO-E",
            other => other,
        };
        assert_eq!(shown, expected);
    }
}

#[test]
fn the_present_hour_is_marked_in_the_table() {
    let view = today(&normal(), Language::De, now());
    let rows = view.chart.unwrap().table.rows;
    let marked: Vec<&str> = rows
        .iter()
        .filter(|row| row.cells.iter().flatten().any(|cell| cell.now))
        .map(|row| row.label.as_str())
        .collect();
    let hour = now().with_timezone(&normal().zone).format("%H:00").to_string();
    assert_eq!(marked, [hour]);
}

#[test]
fn another_day_must_be_worth_the_wait() {
    let mut input = normal();
    let today_at = |hour: i64| now() + Duration::hours(hour);
    let later = |from, mean| Window {
        from,
        to: from + Duration::hours(3),
        mean_price_eur_mwh: mean,
        provenance: WindowProvenance::Published,
        day_mean_eur_mwh: Some(100.0),
    };
    for (tomorrow, told) in [(52.0, "heute"), (49.0, "morgen")] {
        input.windows = vec![later(today_at(2), 60.0), later(today_at(22), tomorrow)];
        let advice = today(&input, Language::De, now()).status.advice.unwrap();
        assert!(advice.contains(told), "{tomorrow}: {advice}");
    }
}
