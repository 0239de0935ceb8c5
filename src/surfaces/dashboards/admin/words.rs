//! Subjects, sources and oddities as people read them.

use chrono_tz::Tz;

use crate::base::ids::Market;
use crate::facts::quality::{Code, Reason, Verdict};
use crate::surfaces::dashboards::format::{Format, NBSP, number};

/// The name of a source, where it has one of its own.
pub(super) fn source(name: &str, format: &Format) -> String {
    format.find(&format!("adm_src_{name}")).unwrap_or(name).to_owned()
}

/// What a subject is called, e.g. `Preise CH`.
pub(super) fn subject(name: &str, format: &Format) -> String {
    let (kind, rest) = name.split_once(':').unwrap_or((name, ""));
    if kind == "tariff" {
        let (operator, tariff) = rest.split_once(':').unwrap_or((rest, ""));
        return format!("{} {tariff}", source(operator, format)).trim_end().to_owned();
    }
    let place = rest.split(':').next().unwrap_or(rest);
    match format.find(&format!("adm_subj_{kind}")) {
        Some(known) if !place.is_empty() => format!("{known} {place}"),
        _ => name.to_owned(),
    }
}

/// How often there is a value, e.g. `stündlich` or `15 min`.
pub(super) fn interval(seconds: i32, format: &Format) -> String {
    match seconds {
        3_600 => format.text("adm_hourly").to_owned(),
        86_400 => format.text("adm_daily").to_owned(),
        604_800 => format.text("adm_weekly").to_owned(),
        _ if seconds % 60 == 0 => format!("{}{NBSP}min", seconds / 60),
        _ => format!("{seconds}{NBSP}s"),
    }
}

/// A verdict as a badge.
pub(super) fn verdict(verdict: Verdict, format: &Format) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Good => ("ok", format.text("adm_good")),
        Verdict::Suspect => ("stale", format.text("adm_suspect")),
        Verdict::Refused => ("err", format.text("adm_refused")),
    }
}

/// An oddity in the reader's language.
pub(super) fn reason(reason: &Reason, format: &Format) -> String {
    let figure = reason.figure.map_or_else(String::new, |figure| {
        let decimals = if figure.abs() < 1.0 { 3 } else { usize::from(figure.fract() != 0.0) };
        number(figure, decimals)
    });
    let count = number(reason.count as f64, 0);
    let time = reason.at.map_or_else(String::new, |at| format.moment(at));
    let values = [("n", count.as_str()), ("figure", figure.as_str()), ("time", time.as_str())];
    let said = format.fill(&format!("adm_q_{}", reason.code.name()), &values);
    match reason.day {
        Some(day) => format!("{}: {said}", format.day(day)),
        None => said,
    }
}

/// Why one value is kept apart.
pub(super) fn why(code: Code, format: &Format) -> String {
    let known = format.find(&format!("adm_qr_{}", code.name()));
    known.unwrap_or(code.name()).to_owned()
}

/// Seconds as people say them: the coarsest unit that fits.
pub(super) fn late(seconds: i64, format: &Format) -> String {
    format.age(chrono::Duration::seconds(seconds.max(60)))
}

/// Zone in which the days of a subject begin.
pub(super) fn zone(subject: &str) -> Tz {
    let market = subject.split(':').nth(1).and_then(|name| Market::parse(name).ok());
    match market {
        Some(market) => market.time_zone(),
        None if subject.starts_with("fx:") => Tz::Europe__Berlin,
        None => Tz::Europe__Zurich,
    }
}
