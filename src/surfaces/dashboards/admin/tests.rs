//! The log page without a log: filters, paging, hostile texts.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::json;

use super::lines::Line;
use super::logs::{LogQuery, errors_today, view};
use crate::surfaces::dashboards::catalogue::Language;
use crate::surfaces::dashboards::format::Format;
use crate::surfaces::dashboards::pages::Shell;
use crate::surfaces::dashboards::templates::Templates;

fn noon() -> DateTime<Utc> {
    "2026-03-28T12:00:00Z".parse().unwrap()
}

/// A line `seconds` before noon.
fn line(seconds: i64, level: &str, message: &str) -> Line {
    let at = noon() - chrono::Duration::seconds(seconds);
    let text = json!({
        "timestamp": at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(), "level": level,
        "target": "luna::test", "message": message, "request_id": message,
    });
    Line::read(&text.to_string()).unwrap()
}

/// The page that answers `query`, as HTML.
fn page(lines: Vec<Line>, query: &str) -> String {
    let format = Format::new(Language::De, Tz::Europe__Zurich).read_at(noon());
    let query: LogQuery = serde_urlencoded::from_str(query).unwrap();
    let frame = json!({
        "title": "", "heading": "", "links": [], "said": null,
        "answer": {"lead": "", "advice": "", "notes": []},
    });
    let view = view(lines, query, &format);
    let templates = Templates::load().unwrap();
    templates.admin("admin/logs.html", &Shell::default(), &frame, &view).unwrap()
}

fn rows(html: &str) -> usize {
    html.matches("<span class=\"w\">").count()
}

#[test]
fn lines_are_found_by_level_and_text_and_go_on() {
    let lines = || -> Vec<Line> {
        let levels = ["INFO", "WARN", "ERROR", "DEBUG"].into_iter().cycle();
        (0..260).zip(levels).map(|(n, level)| line(n, level, &format!("Line {n}."))).collect()
    };
    let first = page(lines(), "");
    assert_eq!(rows(&first), 50);
    assert!(first.contains("Sa 28.3. 13:00:00"), "{first}");
    let older = first.split("href=\"").find(|at| at.contains("before=")).unwrap();
    let older = older.split('"').next().unwrap().split_once('?').unwrap().1;
    let second = page(lines(), &older.replace("&amp;", "&"));
    assert!(second.contains("Line 50.") && !second.contains("Line 49."), "{second}");
    assert_eq!(rows(&page(lines(), "level=warn")), 50);
    assert!(page(lines(), "level=error").contains("65 von 260 Zeilen"));
    assert_eq!(rows(&page(lines(), "level=&text=+LINE+25")), 11);
    assert!(page(lines(), "text=nothing").contains("Keine Zeile passt."));
    assert!(page(Vec::new(), "").contains("noch nichts gemeldet"));
    assert_eq!(errors_today(&lines(), noon()), 65);
    assert_eq!(errors_today(&lines(), noon() + chrono::Duration::days(2)), 0);
}

#[test]
fn hostile_texts_in_the_log_stay_texts() {
    let hostile = "</li><script>alert(1)</script><img src=x onerror=alert(1)>";
    let query = serde_urlencoded::to_string([("text", hostile)]).unwrap();
    for html in [page(vec![line(0, "ERROR", hostile)], ""), page(Vec::new(), &query)] {
        assert!(!html.contains("<script>alert") && !html.contains("<img"), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
    }
}
