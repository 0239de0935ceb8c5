//! Sources by day: what is complete stays quiet, only deviations show.

use chrono::{DateTime, Datelike, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;
use serde::Serialize;

use super::words;
use crate::base::timeline::day_range;
use crate::facts::quality::{DayCell, DayState, Matrix, MatrixRow, Verdict};
use crate::surfaces::dashboards::format::Format;

/// Lateness up to this is the clock's, not the source's, in seconds.
const LATE_S: i64 = 300;

/// The matrix as the template sees it.
#[derive(Debug, Serialize)]
pub(super) struct MatrixView {
    summary: String,
    /// Whether it is wider than a screen.
    is_long: bool,
    days: Vec<Head>,
    rows: Vec<RowView>,
}

#[derive(Debug, Serialize)]
struct Head {
    weekday: &'static str,
    date: String,
    is_weekend: bool,
    /// `23 h` or `25 h` on the days of the clock's changes.
    hours: Option<String>,
}

#[derive(Debug, Serialize)]
struct RowView {
    title: String,
    about: String,
    cells: Vec<CellView>,
    expected: usize,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct CellView {
    href: String,
    /// Class of the deviation; empty for what is quiet.
    class: &'static str,
    /// Symbol, or else a text.
    icon: Option<&'static str>,
    text: String,
    /// The whole sentence.
    name: String,
}

/// The address of the page of one day of one subject.
pub(super) fn day_href(source: &str, subject: &str, day: NaiveDate) -> String {
    let day = day.to_string();
    let query = [("source", source), ("subject", subject), ("day", day.as_str())];
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    format!("/admin/sources/day?{query}")
}

/// What a cell says, in parts of one sentence.
pub(super) fn told(cell: &DayCell, is_simulated: bool, format: &Format) -> String {
    let (found, expected) = (cell.found.to_string(), cell.expected.to_string());
    let count = format.fill("adm_mx_count", &[("found", &found), ("expected", &expected)]);
    let state = match cell.state {
        DayState::NotAsked => return format.text("adm_mx_not_asked").to_owned(),
        DayState::Complete => "adm_mx_complete",
        DayState::Partial => "adm_mx_partial",
        DayState::Missing => "adm_mx_missing",
        DayState::Open => "adm_mx_open",
    };
    let mut parts = vec![count, format.text(state).to_owned()];
    if let Some(late_s) = cell.late_s.filter(|late_s| *late_s > LATE_S) {
        parts.push(format.fill("adm_mx_late", &[("age", &words::late(late_s, format))]));
    }
    if cell.revised > 0 {
        parts.push(format.fill("adm_mx_revised", &[("n", &cell.revised.to_string())]));
    }
    if cell.verdict != Verdict::Good {
        parts.push(words::verdict(cell.verdict, format).1.to_owned());
    }
    if is_simulated {
        parts.push(format.text("simulated").to_owned());
    }
    parts.join(", ")
}

/// How a cell looks: the gravest deviation decides.
pub(super) fn look(
    cell: &DayCell,
    is_simulated: bool,
) -> (&'static str, Option<&'static str>, String) {
    let is_late = cell.late_s.is_some_and(|late_s| late_s > LATE_S);
    match cell.state {
        DayState::NotAsked => ("no", None, "–".to_owned()),
        DayState::Missing => ("mi", None, "0".to_owned()),
        DayState::Partial => ("pa", None, cell.found.to_string()),
        DayState::Open if cell.verdict == Verdict::Good => ("op", None, "…".to_owned()),
        _ if cell.verdict != Verdict::Good => ("su", None, "!".to_owned()),
        _ if is_simulated => ("si", None, "S".to_owned()),
        _ if is_late => ("la", Some("late"), String::new()),
        _ if cell.revised > 0 => ("re", Some("rev"), String::new()),
        DayState::Complete | DayState::Open => ("", Some("check"), String::new()),
    }
}

fn cell_of(row: &MatrixRow, cell: &DayCell, title: &str, format: &Format) -> CellView {
    let (class, icon, text) = look(cell, row.is_simulated);
    let source = words::source(&row.source, format);
    let said = told(cell, row.is_simulated, format);
    let name = format!("{title}, {source}, {}: {said}", format.day(cell.day));
    CellView { href: day_href(&row.source, &row.subject, cell.day), class, icon, text, name }
}

/// The matrix in words and links.
pub(super) fn view(matrix: &Matrix, now: DateTime<Utc>, format: &Format) -> MatrixView {
    let head = |day: &NaiveDate| {
        let hours = day_range(*day, Tz::Europe__Zurich).length().num_hours();
        Head {
            weekday: format.weekday(*day),
            date: format.date_tiny(*day),
            is_weekend: matches!(day.weekday(), Weekday::Sat | Weekday::Sun),
            hours: (hours != 24).then(|| format!("{hours}\u{a0}h")),
        }
    };
    let row = |row: &MatrixRow| {
        let title = words::subject(&row.subject, format);
        let source = words::source(&row.source, format);
        RowView {
            about: format!("{source}, {}", words::interval(row.interval_s, format)),
            cells: row.cells.iter().map(|cell| cell_of(row, cell, &title, format)).collect(),
            expected: row.cells.last().map_or(0, |cell| cell.expected),
            title,
        }
    };
    MatrixView {
        summary: summary(matrix, now, format),
        is_long: matrix.days.len() > 20,
        days: matrix.days.iter().map(head).collect(),
        rows: matrix.rows.iter().map(row).collect(),
    }
}

/// How today stands, in one sentence.
fn summary(matrix: &Matrix, now: DateTime<Utc>, format: &Format) -> String {
    let newest: Vec<_> = matrix.rows.iter().filter_map(|row| row.cells.last()).collect();
    let count = |states: &[DayState]| {
        newest.iter().filter(|cell| states.contains(&cell.state)).count().to_string()
    };
    let all = newest.len().to_string();
    let parts = [
        ("all", all.as_str()),
        ("complete", &count(&[DayState::Complete])),
        ("odd", &count(&[DayState::Partial, DayState::Missing])),
        ("open", &count(&[DayState::Open])),
        ("time", &format.time(now)),
    ];
    format.fill("adm_mx_summary", &parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surfaces::dashboards::catalogue::Language;

    fn cell(state: DayState, found: usize) -> DayCell {
        DayCell {
            day: "2026-10-25".parse().unwrap(),
            state,
            expected: 25,
            found,
            revised: 0,
            verdict: Verdict::Good,
            expected_by: None,
            first_complete_at: None,
            late_s: Some(0),
            report_id: None,
        }
    }

    #[test]
    fn only_deviations_show_and_the_gravest_decides() {
        let complete = || cell(DayState::Complete, 25);
        let late = DayCell { late_s: Some(7_200), ..complete() };
        let revised = DayCell { revised: 3, ..complete() };
        let both = DayCell { revised: 3, ..late.clone() };
        let odd = DayCell { verdict: Verdict::Suspect, ..both.clone() };
        let partial = DayCell { verdict: Verdict::Suspect, ..cell(DayState::Partial, 22) };
        for (cell, class, shown) in [
            (&complete(), "", "check"),
            (&late, "la", "late"),
            (&revised, "re", "rev"),
            (&both, "la", "late"),
            (&odd, "su", "!"),
            (&partial, "pa", "22"),
            (&cell(DayState::Missing, 0), "mi", "0"),
            (&cell(DayState::Open, 3), "op", "…"),
            (&cell(DayState::NotAsked, 0), "no", "–"),
        ] {
            let (found, icon, text) = look(cell, false);
            assert_eq!((found, icon.unwrap_or(&text)), (class, shown), "{cell:?}");
        }
        assert_eq!(look(&complete(), true).0, "si");
        assert_eq!(look(&cell(DayState::Missing, 0), true).0, "mi");
    }

    #[test]
    fn a_cell_is_a_whole_sentence() {
        let late = DayCell { late_s: Some(7_200), revised: 3, ..cell(DayState::Complete, 25) };
        let german = Format::new(Language::De, Tz::Europe__Zurich);
        let said = told(&late, false, &german).replace('\u{a0}', " ");
        assert_eq!(said, "25 von 25, vollständig, 2 h verspätet, 3 revidiert");
        let english = Format::new(Language::En, Tz::Europe__Zurich);
        let said = told(&cell(DayState::Partial, 22), true, &english);
        assert_eq!(said, "22 of 25, incomplete, simulated");
    }

    #[test]
    fn hostile_names_stay_in_their_parameter() {
        let href = day_href("a&b=\"c\"", "price:<script>", "2026-03-28".parse().unwrap());
        assert_eq!(
            href,
            "/admin/sources/day?source=a%26b%3D%22c%22&subject=price%3A%3Cscript%3E&day=2026-03-28"
        );
    }
}
