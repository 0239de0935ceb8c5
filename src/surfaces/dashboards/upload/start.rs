//! Choosing a file, entering a month's total.

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};

use super::room::Room;
use super::values::{Choice, Wrong, brings_all, kind_text};
use crate::base::ids::Market;
use crate::facts::consumption::{Consumption, ConsumptionError, Month, NewTotal};
use crate::facts::imports::check_place;
use crate::facts::meters::{Meter, check_meter_id};
use crate::facts::uploads::{FileKind, NewFile, StagingError};
use crate::platform::web::{
    FileForm, Form, Params, Person, Principal, Problem, Require, Role, SentFile,
};
use crate::surfaces::dashboards::api::go_to;
use crate::surfaces::dashboards::format::{Format, number};

/// Meters to choose from.
const METERS_MAX: i64 = 1_000;
/// Markets whose prices come in files.
const MARKETS: [&str; 5] = ["CH", "DE-LU", "AT", "FR", "IT-NORTH"];
/// Totals that are shown per meter.
const TOTALS_SHOWN: usize = 24;
/// Meters whose totals are shown.
const METERS_SHOWN: usize = 20;

/// Registers the pages.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_upload).service(post_upload).service(post_total).service(delete_total);
}

/// What was filled in.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
struct Sent {
    kind: String,
    meter: String,
    new_meter: String,
    market: String,
    place: String,
}

/// A month's total as the form sends it.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default)]
struct TotalForm {
    meter: String,
    month: String,
    consumption_kwh: String,
    production_kwh: String,
}

/// What the page says besides.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct UploadQuery {
    said: String,
}

#[derive(Debug, Serialize)]
struct StartView {
    lead: &'static str,
    soft: &'static str,
    said: Option<&'static str>,
    may_write: bool,
    brings_all: bool,
    kinds: Vec<Choice>,
    meters: Vec<Choice>,
    markets: Vec<Choice>,
    sent: Sent,
    wrong: Vec<Wrong>,
    total: TotalForm,
    total_wrong: Vec<Wrong>,
    total_meters: Vec<Choice>,
    latest_month: String,
    totals: Vec<TotalRow>,
}

#[derive(Debug, Serialize)]
struct TotalRow {
    meter_id: String,
    meter: String,
    month: String,
    month_text: String,
    consumption: String,
    production: String,
    entered: String,
}

/// What is to be shown besides the empty forms.
#[derive(Default)]
struct Filled {
    sent: Sent,
    wrong: Vec<Wrong>,
    total: TotalForm,
    total_wrong: Vec<Wrong>,
    said: String,
}

/// The page with its forms as they were filled in.
async fn show(room: &Room, who: &Principal, filled: Filled) -> Result<HttpResponse, Problem> {
    let format = room.format(who);
    let listed = room.meters.list(who, "", METERS_MAX).await?;
    let real: Vec<Meter> = listed.into_iter().filter(|meter| !meter.is_simulated).collect();
    let Filled { sent, wrong, total, total_wrong, said } = filled;
    let refused = !wrong.is_empty() || !total_wrong.is_empty();
    let status = if refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let chosen = FileKind::parse(&sent.kind).unwrap_or(FileKind::Readings);
    let kinds =
        FileKind::ALL.into_iter().filter(|kind| brings_all(who) || *kind == FileKind::Readings);
    let totals = total_rows(room, who, &real, &format).await?;
    let view = StartView {
        lead: format.text("up_lead"),
        soft: format.text("up_lead_soft"),
        said: match said.as_str() {
            "entered" => Some(format.text("up_total_entered")),
            "gone" => Some(format.text("up_total_gone")),
            _ => None,
        },
        may_write: who.role != Role::Viewer,
        brings_all: brings_all(who),
        kinds: kinds
            .map(|kind| Choice::new(kind.name(), kind_text(kind, &format), chosen.name()))
            .collect(),
        meters: meter_choices(&real, &sent.meter),
        markets: MARKETS.map(|code| Choice::new(code, code, &sent.market)).to_vec(),
        total_meters: meter_choices(&real, &total.meter),
        latest_month: month_before(room.now),
        sent,
        wrong,
        total,
        total_wrong,
        totals,
    };
    Ok(room.show(status, who, "upload.html", &view))
}

/// The month before the one of `now`, as forms write it.
fn month_before(now: DateTime<Utc>) -> String {
    let first = now.date_naive().with_day(1).and_then(|first| first.pred_opt());
    first.map(|day| day.format("%Y-%m").to_string()).unwrap_or_default()
}

async fn total_rows(
    room: &Room,
    who: &Principal,
    meters: &[Meter],
    format: &Format,
) -> Result<Vec<TotalRow>, Problem> {
    let mut rows = Vec::new();
    for meter in meters.iter().take(METERS_SHOWN) {
        let totals = room.consumption.totals(who, &meter.meter_id).await?;
        rows.extend(totals.into_iter().take(TOTALS_SHOWN).map(|total| TotalRow {
            meter_id: total.meter_id,
            meter: meter.name.clone(),
            month: total.month.to_string(),
            month_text: total.month.first_day().format("%m/%Y").to_string(),
            consumption: number(total.consumption_kwh, 1),
            production: total.production_kwh.map_or_else(|| "–".to_owned(), |kwh| number(kwh, 1)),
            entered: format.moment(total.entered_at),
        }));
    }
    Ok(rows)
}

fn meter_choices(meters: &[Meter], chosen: &str) -> Vec<Choice> {
    let text = |meter: &Meter| {
        if meter.name == meter.meter_id {
            meter.name.clone()
        } else {
            format!("{} ({})", meter.name, meter.meter_id)
        }
    };
    meters.iter().map(|meter| Choice::new(&meter.meter_id, text(meter), chosen)).collect()
}

/// The form for a file, and the one for a total.
#[get("/upload")]
async fn get_upload(
    who: Require<Person>,
    room: Room,
    query: Params<UploadQuery>,
) -> Result<HttpResponse, Problem> {
    show(&room, &who, Filled { said: query.0.said, ..Filled::default() }).await
}

/// Keeps a file and leads to how it is read.
#[post("/upload")]
async fn post_upload(
    who: Require<Person>,
    room: Room,
    form: FileForm<Sent>,
) -> Result<HttpResponse, Problem> {
    let FileForm { fields: sent, file } = form;
    let format = room.format(&who);
    match new_file(&room, &who, &sent, &file).await? {
        Ok(new) => {
            let kept = room.staged.keep(who.user_id, new, file.bytes).await?;
            Ok(go_to(&format!("/upload/{}", kept.staged_file_id), []))
        }
        Err(wrong) => {
            let told = wrong
                .into_iter()
                .map(|(field, key)| Wrong { field, text: format.text(key).to_owned() });
            show(&room, &who, Filled { sent, wrong: told.collect(), ..Filled::default() }).await
        }
    }
}

/// The fields that are wrong, each with the key of what is wrong with it.
type Mistakes = Vec<(&'static str, &'static str)>;

/// The file with what it is about, or what is wrong with the form.
async fn new_file(
    room: &Room,
    who: &Principal,
    sent: &Sent,
    file: &SentFile,
) -> Result<Result<NewFile, Mistakes>, Problem> {
    let mut wrong = Mistakes::new();
    if file.bytes.is_empty() {
        wrong.push(("file", if file.name.is_empty() { "up_no_file" } else { "up_empty_file" }));
    }
    let kind = FileKind::parse(&sent.kind).unwrap_or(FileKind::Readings);
    if kind != FileKind::Readings && !brings_all(who) {
        return Err(Problem::forbidden("files of prices and weather are brought by analysts"));
    }
    let new_meter = sent.new_meter.trim();
    let subject = match kind {
        FileKind::Readings if brings_all(who) && !new_meter.is_empty() => {
            if check_meter_id(new_meter).is_err() || new_meter.starts_with("sim-") {
                wrong.push(("new_meter", "up_bad_meter"));
            }
            new_meter.to_owned()
        }
        FileKind::Readings if sent.meter.is_empty() => {
            wrong.push(("meter", "up_no_meter"));
            String::new()
        }
        // Somebody else's is refused as one that is not there.
        FileKind::Readings => room.consumption.writable(who, &sent.meter).await?.meter_id,
        FileKind::Prices => {
            if let Ok(market) = Market::parse(&sent.market) {
                market.code().to_owned()
            } else {
                wrong.push(("market", "up_no_market"));
                String::new()
            }
        }
        FileKind::Weather => {
            let place = sent.place.trim().to_lowercase();
            if check_place(&place).is_err() {
                wrong.push(("place", "up_bad_place"));
            }
            place
        }
    };
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    let name = if file.name.is_empty() { "upload" } else { file.name.as_str() };
    Ok(Ok(NewFile { kind, subject, file_name: name.to_owned() }))
}

/// Enters a month's total.
#[post("/upload/total")]
async fn post_total(
    who: Require<Person>,
    room: Room,
    form: Form<TotalForm>,
) -> Result<HttpResponse, Problem> {
    let format = room.format(&who);
    let told = match total_of(&form.0, &format) {
        Ok(total) => match room.consumption.enter(&who, &total, false).await {
            Ok(_) => return Ok(go_to("/upload?said=entered#totals", [])),
            Err(ConsumptionError::Bad { field: "month", .. }) => {
                Wrong { field: "month", text: format.text("up_month_open").to_owned() }
            }
            Err(ConsumptionError::Bad { field: "production_kwh", .. }) => {
                Wrong { field: "production_kwh", text: format.text("up_bad_energy").to_owned() }
            }
            Err(ConsumptionError::Bad { field: "consumption_kwh", .. }) => {
                Wrong { field: "consumption_kwh", text: format.text("up_bad_energy").to_owned() }
            }
            Err(error) => return Err(error.into()),
        },
        Err(wrong) => wrong,
    };
    show(&room, &who, Filled { total: form.0, total_wrong: vec![told], ..Filled::default() }).await
}

fn total_of(form: &TotalForm, format: &Format) -> Result<NewTotal, Wrong> {
    let wrong = |field, key| Wrong { field, text: format.text(key).to_owned() };
    let energy = |field, text: &str| -> Result<f64, Wrong> {
        let plain = text.trim().replace(['\'', '\u{2019}', ' ', '\u{a0}'], "").replace(',', ".");
        plain.parse().map_err(|_| wrong(field, "up_bad_energy"))
    };
    if form.meter.is_empty() {
        return Err(wrong("total_meter", "up_no_meter"));
    }
    let production = match form.production_kwh.trim() {
        "" => None,
        text => Some(energy("production_kwh", text)?),
    };
    Ok(NewTotal {
        meter_id: form.meter.clone(),
        month: Month::parse(form.month.trim()).map_err(|_| wrong("month", "up_bad_month"))?,
        consumption_kwh: energy("consumption_kwh", &form.consumption_kwh)?,
        production_kwh: production,
    })
}

/// Which total is taken back.
#[derive(Debug, Deserialize)]
struct Gone {
    meter: String,
    month: String,
}

/// Takes a month's total back.
#[post("/upload/total/delete")]
async fn delete_total(
    who: Require<Person>,
    consumption: Data<Consumption>,
    form: Form<Gone>,
) -> Result<HttpResponse, Problem> {
    match consumption.take_back(&who, &form.0.meter, &form.0.month).await {
        // Pressed twice, it is gone all the same.
        Ok(()) | Err(ConsumptionError::NoTotal { .. }) => Ok(go_to("/upload?said=gone#totals", [])),
        Err(error) => Err(error.into()),
    }
}

impl From<StagingError> for Problem {
    fn from(error: StagingError) -> Self {
        match error {
            StagingError::Gone => Self::not_found(&error),
            StagingError::Object(error) => Self::unavailable(error),
            StagingError::Db(error) => error.into(),
        }
    }
}
