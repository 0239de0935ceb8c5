//! The sentence on top of the page: what the price does, and what to do about it.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;

use crate::base::timeline::{add_days, day_range, local_date};
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::pricing::{
    LENGTH_MAX, Point, Points, Situation, Status, Window, WindowProvenance, status_without_prices,
};

/// Dear or cheap hours this close together are told as one stretch.
const BRIDGE: Duration = Duration::hours(1);
/// How far ahead a recommendation may lie while a nearer one exists.
const ADVICE_AHEAD: Duration = Duration::hours(48);
/// A stretch at least this long is told by its start alone.
const LONG: Duration = Duration::hours(3);
/// How much cheaper a forecast window must be than a published one to be recommended, in EUR/MWh.
const GUESS_HANDICAP_EUR_MWH: f64 = 10.0;
/// How much cheaper a window of a later day must be to be worth the wait, in EUR/MWh.
const WAIT_HANDICAP_EUR_MWH: f64 = 10.0;
/// Prices that differ by less than this share of the reference are told as flat.
const FLAT_SHARE: f64 = 0.1;

/// A stretch of dear or cheap time.
#[derive(Debug, Clone, Copy)]
struct Run {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    dear: bool,
    forecast: bool,
}

/// Says what the points bear, and nothing more.
pub fn status(
    points: &Points,
    windows: &[Window],
    simulated: bool,
    format: &Format,
    zone: Tz,
    now: DateTime<Utc>,
) -> Status {
    let marks_forecast = points.situation == Situation::Published;
    let say = Say { format, zone, now, marks_forecast };
    let (lead, advice) = match points.situation {
        Situation::ForecastOnly => {
            let (lead, advice) = say.course(points, windows);
            (format.fill("say_only_forecast", &[("text", &lead)]), advice)
        }
        Situation::Published => say.course(points, windows),
        situation => return status_without_prices(situation, simulated, format),
    };
    let lead = if simulated { format.fill("say_simulated", &[("text", &lead)]) } else { lead };
    let room = LENGTH_MAX.saturating_sub(lead.chars().count() + 1);
    let advice = advice.into_iter().find(|text| text.chars().count() <= room);
    Status { lead, advice }
}

struct Say<'a> {
    format: &'a Format,
    zone: Tz,
    now: DateTime<Utc>,
    /// Whether a stretch says of itself that it is a guess; not where the whole sentence does.
    marks_forecast: bool,
}

impl Say<'_> {
    /// The course until tomorrow night, and pieces of advice from long to short.
    fn course(&self, points: &Points, windows: &[Window]) -> (String, Vec<String>) {
        let end = day_range(add_days(local_date(self.now, self.zone), 1), self.zone).to;
        let ahead: Vec<&Point> = points.within(self.now, end).collect();
        let Some(last) = ahead.last() else {
            return (self.format.text("price_none_why").to_owned(), Vec::new());
        };
        if let Some(negative) = self.negative(&ahead) {
            return negative;
        }
        let until = self.moment(last.to);
        let (low, high) = extremes(&ahead);
        if high - low <= FLAT_SHARE * points.reference.abs().max(10.0) {
            let lead = self.format.fill("say_flat", &[("to", &until)]);
            return (lead, vec![self.format.text("say_flat_do").to_owned()]);
        }
        let lead = match (first(&ahead, true), first(&ahead, false)) {
            (None, None) => self.format.fill("say_normal", &[("to", &until)]),
            (Some(only), None) | (None, Some(only)) => {
                let covers_all = only.from <= self.now && only.to >= last.to;
                let text = self.run(only, false);
                let rest = match after(&ahead, only) {
                    Some(again) => format!(", {}", self.again(again)),
                    None if covers_all => String::new(),
                    None => format!(", {}", self.format.text("say_else_normal")),
                };
                sentence(&(text + &rest))
            }
            (Some(dear), Some(cheap)) => {
                let (one, two) =
                    if dear.from <= cheap.from { (dear, cheap) } else { (cheap, dear) };
                sentence(&format!("{}, {}", self.run(one, false), self.run(two, true)))
            }
        };
        (lead, self.advice(windows))
    }

    fn negative(&self, ahead: &[&Point]) -> Option<(String, Vec<String>)> {
        let first = ahead.first().filter(|point| point.contains(self.now) && point.price < 0.0)?;
        let end = ahead
            .iter()
            .zip(ahead.iter().skip(1).map(Some).chain([None]))
            .find(|(point, next)| next.is_none_or(|n| n.price >= 0.0 || n.from > point.to))
            .map_or(first.to, |(point, _)| point.to);
        let lead = self.format.fill("say_negative", &[("to", &self.moment(end))]);
        Some((lead, vec![self.format.text("say_negative_do").to_owned()]))
    }

    /// `teuer von 17:00 bis 20:00`, `günstig morgen ab 12:00`, `voraussichtlich teuer bis 20:00`.
    fn run(&self, run: Run, open_end: bool) -> String {
        let mut words = Vec::new();
        if run.forecast && self.marks_forecast {
            words.push(self.format.text("say_likely").to_owned());
        }
        words.push(self.format.text(if run.dear { "say_dear" } else { "say_cheap" }).to_owned());
        if run.from <= self.now {
            words.push(self.format.fill("say_until", &[("to", &self.moment(run.to))]));
            return words.join(" ");
        }
        words.push(self.span(run, open_end));
        words.join(" ")
    }

    /// `wieder ab 19:00`: the same once more.
    fn again(&self, run: Run) -> String {
        format!("{} {}", self.format.text("say_again"), self.span(run, true))
    }

    /// `von 17:00 bis 20:00`, `morgen ab 12:00`.
    fn span(&self, run: Run, open_end: bool) -> String {
        let day = self.day_word(run.from).map(|day| day + " ").unwrap_or_default();
        let from = self.format.time(run.from);
        if open_end && run.to - run.from >= LONG {
            return day + &self.format.fill("say_from", &[("from", &from)]);
        }
        let same_day = self.format.end_date(run.to) == self.format.date_of(run.from);
        let to = if same_day { self.format.end_time(run.to) } else { self.moment(run.to) };
        day + &self.format.fill("say_from_to", &[("from", &from), ("to", &to)])
    }

    /// An end, with its day where that is not today: `20:00`, `morgen 06:00`, `Sa 24:00`.
    fn moment(&self, end: DateTime<Utc>) -> String {
        let (date, today) = (self.format.end_date(end), self.format.date_of(self.now));
        let time = self.format.end_time(end);
        if date == today {
            time
        } else if date == add_days(today, 1) {
            format!("{} {time}", self.format.text("say_tomorrow"))
        } else {
            format!("{} {time}", self.format.weekday(date))
        }
    }

    fn day_word(&self, from: DateTime<Utc>) -> Option<String> {
        let (date, today) = (self.format.date_of(from), self.format.date_of(self.now));
        if date == today {
            None
        } else if date == add_days(today, 1) {
            Some(self.format.text("say_tomorrow").to_owned())
        } else {
            Some(self.format.weekday(date).to_owned())
        }
    }

    /// Mean price for the comparison of windows: a guess must be clearly cheaper than a known price,
    /// and another day clearly cheaper than today.
    fn handicapped(&self, window: &Window) -> f64 {
        let published = window.provenance == WindowProvenance::Published;
        let today = self.format.date_of(window.from) == self.format.date_of(self.now);
        let guess = if published { 0.0 } else { GUESS_HANDICAP_EUR_MWH };
        let wait = if today { 0.0 } else { WAIT_HANDICAP_EUR_MWH };
        window.mean_price_eur_mwh + guess + wait
    }

    fn advice(&self, windows: &[Window]) -> Vec<String> {
        let open: Vec<&Window> = windows.iter().filter(|window| window.to > self.now).collect();
        let near = open.iter().filter(|window| window.from < self.now + ADVICE_AHEAD);
        let best = near
            .min_by(|a, b| self.handicapped(a).total_cmp(&self.handicapped(b)))
            .or_else(|| open.iter().min_by_key(|window| window.from));
        let Some(best) = best else {
            return Vec::new();
        };
        if best.from <= self.now {
            let to = self.moment(best.to);
            return vec![self.format.fill("say_start_now", &[("to", &to)])];
        }
        let day = self.day_word(best.from);
        let day = day.as_deref().unwrap_or(self.format.text("say_today"));
        let when = format!("{day} {}", self.format.hours(best.from, best.to));
        let keys = match best.provenance {
            WindowProvenance::Published => ["say_start", "say_start_short"],
            WindowProvenance::Forecast | WindowProvenance::Mixed => {
                ["say_start_likely", "say_start_short_likely"]
            }
        };
        keys.map(|key| self.format.fill(key, &[("when", &when)])).into()
    }
}

/// First stretch of dear (or cheap) points; short gaps are bridged.
fn first(ahead: &[&Point], dear: bool) -> Option<Run> {
    stretch(ahead, dear, DateTime::<Utc>::MIN_UTC)
}

/// The next stretch of the same kind.
fn after(ahead: &[&Point], run: Run) -> Option<Run> {
    stretch(ahead, run.dear, run.to)
}

fn stretch(ahead: &[&Point], dear: bool, not_before: DateTime<Utc>) -> Option<Run> {
    let wanted = ahead
        .iter()
        .filter(|point| point.from >= not_before)
        .filter(|point| if dear { point.level.is_dear() } else { point.level.is_cheap() });
    let mut found: Option<Run> = None;
    for point in wanted {
        match &mut found {
            None => {
                found = Some(Run {
                    from: point.from,
                    to: point.to,
                    dear,
                    forecast: point.is_forecast(),
                });
            }
            Some(run) if point.from - run.to <= BRIDGE => {
                run.to = point.to;
                run.forecast |= point.is_forecast();
            }
            Some(_) => break,
        }
    }
    found
}

fn extremes(points: &[&Point]) -> (f64, f64) {
    points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
        (low.min(point.price), high.max(point.price))
    })
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let head: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{head}{}.", letters.as_str())
}
