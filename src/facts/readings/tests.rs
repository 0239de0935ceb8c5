//! Readings sent to the whole application on a real database.

mod making; // meters that become known
mod counting; // counters, in any order
mod delivering; // rows from adapters
mod files; // files of many meters
mod sending; // rows of power, good and bad
mod splitting; // bytes into rows, whatever the pieces

use serde_json::Value;

use crate::platform::web::Role;
use crate::testing::{Answer, TestApp, from_this_box, lines};

const PATH: &str = "/api/ingest/readings";

/// Everything that is stored, without when it became known.
async fn stored(app: &TestApp) -> Vec<String> {
    let query = "SELECT concat_ws(' ', meter_id, to_char(ts AT TIME ZONE 'UTC', 'MM-DD HH24:MI:SS'), \
         interval_s, coalesce(round(consumption_kw::numeric, 6)::float8::text, '-'), \
         coalesce(round(production_kw::numeric, 6)::float8::text, '-'), quality) AS line \
         FROM smart_meter_readings ORDER BY meter_id, ts";
    lines(&app.services.db, query).await
}

async fn send(app: &TestApp, role: Role, query: &str, rows: &Value) -> Answer {
    app.post(role, &format!("{PATH}{query}"), rows).await
}

async fn send_text(app: &TestApp, media_type: &str, query: &str, text: String) -> Answer {
    let body = Some((media_type, text.into_bytes()));
    app.send(Role::Analyst, actix_web::http::Method::POST, &format!("{PATH}{query}"), body).await
}

async fn send_with_key(app: &TestApp, key: &str, rows: &Value) -> Answer {
    let token = app.token(Role::Analyst).await;
    let request = from_this_box(actix_web::http::Method::POST, &format!("{PATH}?create=true"))
        .insert_header(("authorization", format!("Bearer {token}")))
        .insert_header(("idempotency-key", key))
        .insert_header(("content-type", "application/json"))
        .set_payload(rows.to_string());
    app.ask(request).await
}
