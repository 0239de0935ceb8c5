//! `/admin/drops`: files of grid operators, what became of them, and which meter a point is.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::desk::{Answer, Desk, Link, Place};
use super::jobs::Empty;
use super::said::Said;
use crate::access::audit::By;
use crate::facts::drops::{DroppedFile, Drops, DropsError, Filter, MeteringPoint, Outcome};
use crate::facts::meters::MeterError;
use crate::platform::web::{
    AdminOnly, Cursor, Form, Page, Params, Path, Principal, Problem, Require,
};
use crate::surfaces::dashboards::format::{Format, number};

/// Metering points that the page lists at most; the API pages through all of them.
const POINTS_MAX: i64 = 500;
/// The template of the page.
const PAGE: (Place, &str) = (Place::Drops, "admin/drops.html");

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config
        .service(get_drops)
        .service(scan_drops)
        .service(assign_point)
        .service(forget_point)
        .service(retry_drop);
}

/// Which files to show; an outcome that is none means all.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DropsQuery {
    outcome: String,
    cursor: Option<Cursor>,
}

/// What the form about a metering point sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PointForm {
    point: String,
    meter: String,
}

#[derive(Debug, Serialize)]
struct DropsView {
    roads: Vec<RoadRow>,
    may_scan: bool,
    outcomes: Vec<Link>,
    rows: Vec<FileRow>,
    empty: &'static str,
    pages: Vec<Link>,
    points: Vec<PointRow>,
    typed: Typed,
}

#[derive(Debug, Serialize)]
struct RoadRow {
    name: String,
    place: String,
}

#[derive(Debug, Serialize)]
struct FileRow {
    name: String,
    /// Road, form and how often it was read.
    about: String,
    kind: &'static str,
    outcome: &'static str,
    reason: String,
    values: String,
    inserted: String,
    replaced: String,
    arrived: String,
    /// Where it is read again; empty where that brings nothing.
    retry: String,
}

#[derive(Debug, Serialize)]
struct PointRow {
    point: String,
    meter: String,
    since: String,
}

#[derive(Debug, Default, Serialize)]
struct Typed {
    point: String,
    meter: String,
    point_error: String,
    meter_error: String,
}

const fn outcome_key(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Stored => "adm_drops_stored",
        Outcome::Unchanged => "adm_drops_unchanged",
        Outcome::Empty => "adm_drops_empty",
        Outcome::Failed => "adm_drops_failed",
    }
}

impl FileRow {
    fn of(file: &DroppedFile, format: &Format) -> Self {
        let kind = match file.outcome {
            Outcome::Stored => "ok",
            Outcome::Unchanged | Outcome::Empty => "off",
            Outcome::Failed => "stale",
        };
        let may_retry = file.outcome == Outcome::Failed && file.raw_file_id.is_some();
        let about = [file.road.as_str(), file.format.as_str()];
        let about: Vec<&str> = about.into_iter().filter(|part| !part.is_empty()).collect();
        #[expect(clippy::cast_precision_loss, reason = "a file has far fewer values than 2^52")]
        let count = |count: u64| number(count as f64, 0);
        Self {
            name: file.name.clone(),
            about: about.join(" · "),
            kind,
            outcome: format.text(outcome_key(file.outcome)),
            reason: file.reason.clone().unwrap_or_default(),
            values: count(file.counts.rows_read),
            inserted: count(file.counts.inserted),
            replaced: count(file.counts.replaced),
            arrived: format.moment(file.last_at),
            retry: if may_retry {
                format!("{}/{}/retry", Place::Drops.path(), file.dropped_file_id)
            } else {
                String::new()
            },
        }
    }
}

impl PointRow {
    fn of(point: MeteringPoint, format: &Format) -> Self {
        let since = format.moment(point.created_at);
        Self { point: point.point, meter: point.meter_id, since }
    }
}

fn roads(drops: &Drops, format: &Format) -> Vec<RoadRow> {
    let settings = drops.settings();
    let folder = settings.folder.iter().map(|folder| RoadRow {
        name: format.text("adm_drops_folder").to_owned(),
        place: folder.display().to_string(),
    });
    let servers = settings.sftp.iter().map(|server| RoadRow {
        name: format!("SFTP {}", server.id),
        place: format!("{}@{}:{} {}", server.user, server.host, server.port, server.folder),
    });
    folder.chain(servers).collect()
}

async fn view(
    drops: &Drops,
    query: DropsQuery,
    typed: Typed,
    format: &Format,
) -> Result<DropsView, Problem> {
    let outcome = Outcome::parse(&query.outcome);
    let page = Page { cursor: query.cursor, ..Page::default() };
    let link = |outcome: Option<Outcome>, cursor: &str, key: &'static str| {
        let name = outcome.map_or("", Outcome::name);
        Link::query(Place::Drops, &[("outcome", name), ("cursor", cursor)], format.text(key))
    };
    let outcomes = std::iter::once((None, "adm_drops_all"))
        .chain(Outcome::ALL.map(|outcome| (Some(outcome), outcome_key(outcome))))
        .map(|(other, key)| link(other, "", key).current(other == outcome))
        .collect();
    let newest = page.cursor.is_some().then(|| link(outcome, "", "adm_newest"));
    let filter = Filter { outcome, after: page.position()? };
    let listed = drops.list(&filter, page.fetch_limit()).await?;
    let (rows, next) = page.cut(listed, |file| Cursor::new(file.last_at, file.dropped_file_id));
    let older = next.map(|next| link(outcome, &next.encode(), "adm_older"));
    let points = drops.points("", POINTS_MAX).await?;
    let is_on = drops.settings().is_on();
    Ok(DropsView {
        roads: roads(drops, format),
        may_scan: is_on,
        outcomes,
        rows: rows.iter().map(|file| FileRow::of(file, format)).collect(),
        empty: format.text(match (is_on, outcome) {
            (false, _) => "adm_drops_off_text",
            (true, None) => "adm_drops_none",
            (true, Some(_)) => "adm_drops_none_such",
        }),
        pages: newest.into_iter().chain(older).collect(),
        points: points.into_iter().map(|point| PointRow::of(point, format)).collect(),
        typed,
    })
}

async fn answer(drops: &Drops, format: &Format) -> Result<Answer, Problem> {
    if !drops.settings().is_on() {
        return Ok(Answer::new(format.text("adm_drops_off"), ""));
    }
    Ok(match drops.failed().await? {
        0 => Answer::new(format.text("adm_drops_calm"), ""),
        1 => Answer::new(format.text("adm_drops_one"), format.text("adm_drops_advice")),
        n => Answer::new(
            format.fill("adm_drops_some", &[("n", &n.to_string())]),
            format.text("adm_drops_advice"),
        ),
    })
}

#[get("/admin/drops")]
async fn get_drops(
    who: Require<AdminOnly>,
    desk: Desk,
    drops: Data<Drops>,
    query: Params<DropsQuery>,
) -> Result<HttpResponse, Problem> {
    let format = desk.format(&who);
    let view = view(&drops, query.0, Typed::default(), &format).await?;
    let answer = answer(&drops, &format).await?;
    Ok(desk.show(&who, PAGE, &answer, &view))
}

#[post("/admin/drops/scan")]
async fn scan_drops(
    who: Require<AdminOnly>,
    drops: Data<Drops>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let said = match drops.order_scan(&By::of(&who), Some(who.user_id)).await {
        Ok(_) => Said::DropsScanAsked,
        Err(DropsError::Off) => Said::DropsOff,
        Err(error) => return Err(error.into()),
    };
    Ok(said.then(Place::Drops.path()))
}

#[post("/admin/drops/{id}/retry")]
async fn retry_drop(
    who: Require<AdminOnly>,
    drops: Data<Drops>,
    id: Path<Uuid>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let said = match drops.retry(*id, &By::of(&who)).await {
        Ok(file) if file.outcome == Outcome::Failed => Said::DropFailedAgain,
        Ok(_) => Said::DropRead,
        Err(DropsError::NoBytes(_)) => Said::DropGone,
        Err(error) => return Err(error.into()),
    };
    Ok(said.then(Place::Drops.path()))
}

#[post("/admin/drops/points")]
async fn assign_point(
    who: Require<AdminOnly>,
    desk: Desk,
    drops: Data<Drops>,
    form: Form<PointForm>,
) -> Result<HttpResponse, Problem> {
    let PointForm { point, meter } = form.0;
    match drops.assign(&point, &meter, &By::of(&who)).await {
        Ok(_) => Ok(Said::PointAssigned.then(Place::Drops.path())),
        Err(DropsError::BadPoint(_)) => {
            let error = desk.format(&who).text("adm_points_bad").to_owned();
            let typed = Typed { point, meter, point_error: error, ..Typed::default() };
            refused(&who, desk, &drops, typed).await
        }
        Err(DropsError::Meters(MeterError::Unknown(_))) => {
            let error = desk.format(&who).text("adm_points_no_meter").to_owned();
            let typed = Typed { point, meter, meter_error: error, ..Typed::default() };
            refused(&who, desk, &drops, typed).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn refused(
    who: &Principal,
    desk: Desk,
    drops: &Drops,
    typed: Typed,
) -> Result<HttpResponse, Problem> {
    let format = desk.format(who);
    let view = view(drops, DropsQuery::default(), typed, &format).await?;
    let answer = answer(drops, &format).await?;
    Ok(desk.answer(StatusCode::UNPROCESSABLE_ENTITY, who, PAGE, &answer, &view))
}

#[post("/admin/drops/points/{key}/forget")]
async fn forget_point(
    who: Require<AdminOnly>,
    drops: Data<Drops>,
    key: Path<String>,
    _: Form<Empty>,
) -> Result<HttpResponse, Problem> {
    let said = match drops.forget(&key, &By::of(&who)).await {
        Ok(()) => Said::PointForgotten,
        Err(DropsError::NoPoint(_)) => Said::PointGone,
        Err(error) => return Err(error.into()),
    };
    Ok(said.then(Place::Drops.path()))
}
