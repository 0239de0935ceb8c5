//! `/admin/audit`: who did what, when, from where, and what it changed.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::desk::{Answer, Choice, Desk, Link, Note, Place};
use super::difference::{Change, changes};
use super::jobs::short;
use super::names::Names;
use crate::access::accounts::Accounts;
use crate::access::audit::{Actor, Audit, AuditFilter, Entry};
use crate::base::timeline::{add_days, day_range};
use crate::platform::web::{AdminOnly, Cursor, Page, Params, Problem, Require};
use crate::surfaces::dashboards::format::Format;

/// Refused log-ins in a day from which somebody should look.
const MANY_REFUSALS: usize = 10;
/// Refused log-ins that are counted at most.
const REFUSALS_MAX: i64 = 1_000;

/// Registers the page.
pub(super) fn pages(config: &mut ServiceConfig) {
    config.service(get_audit);
}

/// Which rows to show; a form sends empty texts for what is not asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct AuditQuery {
    /// A person's identifier, or a kind of somebody.
    who: String,
    action: String,
    subject_kind: String,
    subject_id: String,
    /// First local day.
    from: String,
    /// Last local day.
    to: String,
    cursor: Option<Cursor>,
}

#[derive(Debug, Serialize)]
pub(super) struct AuditView {
    people: Vec<Choice>,
    action: String,
    subject_kind: String,
    subject_id: String,
    subject: String,
    from: String,
    to: String,
    filtered: bool,
    rows: Vec<Row>,
    pages: Vec<Link>,
}

#[derive(Debug, Serialize)]
struct Row {
    time: String,
    who: Link,
    address: String,
    action: String,
    /// Its name in the log; empty where there are no words for it.
    name: String,
    subject: Link,
    request: Option<Link>,
    changes: Vec<Change>,
    summary: String,
}

impl AuditQuery {
    fn filter(
        &self,
        zone: Tz,
        after: Option<(DateTime<Utc>, Uuid)>,
    ) -> Result<AuditFilter, Problem> {
        let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let actor = Actor::parse(&self.who);
        let user_id = match actor {
            None if !self.who.is_empty() => {
                let user_id = self.who.parse();
                Some(user_id.map_err(|_| Problem::invalid("who", "is nobody Luna knows"))?)
            }
            _ => None,
        };
        let first = day("from", &self.from)?;
        let last = day("to", &self.to)?;
        Ok(AuditFilter {
            actor,
            user_id,
            action: given(&self.action),
            subject_kind: given(&self.subject_kind),
            subject_id: given(&self.subject_id),
            from: first.map(|date| day_range(date, zone).from),
            to: last.map(|date| day_range(add_days(date, 1), zone).from),
            after,
        })
    }

    /// The address of the page with this cursor.
    fn link(&self, cursor: &str, text: &str) -> Link {
        let parameters = [
            ("who", self.who.as_str()),
            ("action", self.action.trim()),
            ("subject_kind", self.subject_kind.trim()),
            ("subject_id", self.subject_id.trim()),
            ("from", self.from.as_str()),
            ("to", self.to.as_str()),
            ("cursor", cursor),
        ];
        Link::query(Place::Audit, &parameters, text)
    }

    fn is_empty(&self) -> bool {
        let parts =
            [&self.who, &self.action, &self.subject_kind, &self.subject_id, &self.from, &self.to];
        parts.iter().all(|part| part.trim().is_empty())
    }
}

/// A day of a date field; years that no calendar holds are refused.
fn day(field: &'static str, text: &str) -> Result<Option<NaiveDate>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let date: Option<NaiveDate> = text.parse().ok();
    let date = date.filter(|date| (1900..2200).contains(&date.year()));
    date.map(Some).ok_or_else(|| Problem::invalid(field, "is not a day such as 2026-03-29"))
}

#[get("/admin/audit")]
async fn get_audit(
    who: Require<AdminOnly>,
    desk: Desk,
    audit: Data<Audit>,
    accounts: Data<Accounts>,
    query: Params<AuditQuery>,
) -> Result<HttpResponse, Problem> {
    let (format, query) = (desk.format(&who), query.0);
    let page = Page { cursor: query.cursor.clone(), ..Page::default() };
    let filter = query.filter(who.time_zone, page.position()?)?;
    let listed = audit.list(&filter, page.fetch_limit()).await?;
    let (rows, next) = page.cut(listed, |row| Cursor::new(row.occurred_at, row.audit_id));
    let names = Names::of(&accounts).await?;
    let refusals = AuditFilter {
        action: Some("session.refuse".to_owned()),
        from: Some(desk.now() - Duration::days(1)),
        ..AuditFilter::default()
    };
    let refusals = audit.list(&refusals, REFUSALS_MAX).await?.len();
    let view = view(query, rows, next.as_ref(), &names, &format);
    Ok(desk.show(&who, (Place::Audit, "admin/audit.html"), &answer(refusals, &format), &view))
}

fn answer(refusals: usize, format: &Format) -> Answer {
    let count = refusals.to_string();
    let lead = match refusals {
        0 => format.text("adm_audit_calm").to_owned(),
        1 => format.text("adm_audit_refused_one").to_owned(),
        _ => format.fill("adm_audit_refused", &[("n", &count)]),
    };
    if refusals < MANY_REFUSALS {
        return Answer::new(lead, format.text("adm_sys_calm_advice"));
    }
    let query = AuditQuery { action: "session.refuse".to_owned(), ..AuditQuery::default() };
    let note = Note {
        kind: "stale",
        title: lead.clone(),
        text: format.text("adm_audit_refused_text").to_owned(),
        link: Some(query.link("", format.text("adm_audit_refused_link"))),
    };
    Answer { notes: vec![note], ..Answer::new(lead, format.text("adm_audit_advice")) }
}

/// The page with these rows.
pub(super) fn view(
    query: AuditQuery,
    rows: Vec<Entry>,
    next: Option<&Cursor>,
    names: &Names,
    format: &Format,
) -> AuditView {
    let newest = query.cursor.is_some().then(|| query.link("", format.text("adm_newest")));
    let older = next.map(|next| query.link(&next.encode(), format.text("adm_older")));
    let kinds = [
        ("", "adm_who_all"),
        ("system", "adm_who_system"),
        ("command", "adm_who_command"),
        ("key", "adm_who_key"),
        ("nobody", "adm_who_nobody"),
    ];
    let kinds = kinds.map(|(value, key)| Choice::new(value, format.text(key), &query.who));
    let people =
        names.all().into_iter().map(|(id, login)| Choice::new(id.to_string(), login, &query.who));
    let subject = match query.subject_kind.trim() {
        "" => String::new(),
        kind => {
            let id = short(query.subject_id.trim());
            format.fill("adm_audit_only", &[("kind", &kind_text(kind, format)), ("id", &id)])
        }
    };
    AuditView {
        people: kinds.into_iter().chain(people).collect(),
        rows: rows.into_iter().map(|entry| row(entry, names, format)).collect(),
        pages: newest.into_iter().chain(older).collect(),
        filtered: !query.is_empty(),
        subject,
        action: query.action,
        subject_kind: query.subject_kind,
        subject_id: query.subject_id,
        from: query.from,
        to: query.to,
    }
}

fn kind_text(kind: &str, format: &Format) -> String {
    format.find(&format!("adm_kind_{kind}")).unwrap_or(kind).to_owned()
}

fn row(entry: Entry, names: &Names, format: &Format) -> Row {
    let only = |query: AuditQuery, text: &str| query.link("", text);
    let (who, text) = match (entry.actor, entry.user_id) {
        (Actor::Key, Some(user_id)) => {
            let login = names.name(user_id);
            (user_id.to_string(), format.fill("adm_who_key_of", &[("login", &login)]))
        }
        (_, Some(user_id)) => (user_id.to_string(), names.name(user_id)),
        (actor, None) => {
            let key = match actor {
                Actor::System => "adm_who_system",
                Actor::Command => "adm_who_command",
                Actor::Key => "adm_who_key",
                Actor::User | Actor::Nobody => "adm_who_nobody",
            };
            (actor.name().to_owned(), format.text(key).to_owned())
        }
    };
    let subject = match (entry.subject_kind.as_str(), entry.subject_id.parse::<Uuid>()) {
        ("account", Ok(user_id)) => names.name(user_id),
        (_, Ok(_)) => short(&entry.subject_id),
        (_, Err(_)) => entry.subject_id.clone(),
    };
    let subject = format!("{} {subject}", kind_text(&entry.subject_kind, format));
    let known = format.find(&format!("adm_act_{}", entry.action));
    let changes = changes(entry.before.as_ref(), entry.after.as_ref());
    let changed = changes.iter().filter(|change| !change.same).count();
    let is_change = entry.before.is_some() && entry.after.is_some();
    let summary = match (is_change, changed) {
        (true, 1) => format.text("adm_audit_change").to_owned(),
        (true, n) => format.fill("adm_audit_changes", &[("n", &n.to_string())]),
        (false, 1) => format.text("adm_audit_value").to_owned(),
        (false, n) => format.fill("adm_audit_values", &[("n", &n.to_string())]),
    };
    let request = entry
        .request_id
        .map(|id| Link::query(Place::Logs, &[("text", &id)], format.text("adm_audit_request")));
    Row {
        time: format.second(entry.occurred_at),
        who: only(AuditQuery { who, ..AuditQuery::default() }, &text),
        address: entry.address.unwrap_or_default(),
        action: known.unwrap_or(&entry.action).to_owned(),
        name: if known.is_some() { entry.action } else { String::new() },
        subject: only(
            AuditQuery {
                subject_kind: entry.subject_kind,
                subject_id: entry.subject_id,
                ..AuditQuery::default()
            },
            &subject,
        ),
        request,
        changes,
        summary,
    }
}
