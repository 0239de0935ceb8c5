//! SQL of questions, labels and prompts.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;

use super::log::{Label, LoggedQuestion, PromptVersion};
use super::model::Mode;
use crate::platform::db::Conn;
use crate::platform::db::schema::{labels, prompts, questions};

/// Kind of a label that says what somebody thinks of an answer.
const FEEDBACK: &str = "feedback";
/// What such a label is about.
const QUESTION: &str = "question";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = questions, check_for_backend(diesel::pg::Pg))]
struct Row {
    question_id: Uuid,
    asked_at: DateTime<Utc>,
    user_id: Option<Uuid>,
    question: String,
    language: Option<String>,
    mode: String,
    model: Option<String>,
    prompt_version: Option<i32>,
    filters: Value,
    chunks: Value,
    answer: Value,
    abstained: bool,
    confidence: Option<f64>,
    timings: Value,
}

impl From<LoggedQuestion> for Row {
    fn from(it: LoggedQuestion) -> Self {
        Self {
            question_id: it.question_id,
            asked_at: it.asked_at,
            user_id: it.user_id,
            question: it.question,
            language: it.language,
            mode: it.mode.name().to_owned(),
            model: it.model,
            prompt_version: it.prompt_version,
            filters: it.filters,
            chunks: it.chunks,
            answer: it.answer,
            abstained: it.abstained,
            confidence: it.confidence,
            timings: it.timings,
        }
    }
}

impl TryFrom<Row> for LoggedQuestion {
    type Error = diesel::result::Error;

    fn try_from(row: Row) -> QueryResult<Self> {
        let unknown = || {
            let what = format!("'{}' is no way to answer", row.mode);
            diesel::result::Error::DeserializationError(what.into())
        };
        Ok(Self {
            mode: Mode::parse(&row.mode).ok_or_else(unknown)?,
            question_id: row.question_id,
            asked_at: row.asked_at,
            user_id: row.user_id,
            question: row.question,
            language: row.language,
            model: row.model,
            prompt_version: row.prompt_version,
            filters: row.filters,
            chunks: row.chunks,
            answer: row.answer,
            abstained: row.abstained,
            confidence: row.confidence,
            timings: row.timings,
            feedback: Vec::new(),
        })
    }
}

/// Writes a question down with its answer.
pub(super) async fn insert(conn: &mut Conn, question: LoggedQuestion) -> QueryResult<()> {
    let row = Row::from(question);
    diesel::insert_into(questions::table).values(row).execute(conn).await.map(drop)
}

/// Which questions are listed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Filter {
    /// Only of this person.
    pub user_id: Option<Uuid>,
    /// Only those that were answered, or that were not.
    pub abstained: Option<bool>,
    /// Behind this one.
    pub after: Option<(DateTime<Utc>, Uuid)>,
}

/// Up to `limit` questions, newest first, with what people think of their answers.
pub(super) async fn list(
    conn: &mut Conn,
    filter: Filter,
    limit: i64,
) -> QueryResult<Vec<LoggedQuestion>> {
    use questions as t;
    let mut query = t::table.select(Row::as_select()).into_boxed();
    if let Some(user_id) = filter.user_id {
        query = query.filter(t::user_id.eq(user_id));
    }
    if let Some(abstained) = filter.abstained {
        query = query.filter(t::abstained.eq(abstained));
    }
    if let Some((at, id)) = filter.after {
        query = query.filter(t::asked_at.lt(at).or(t::asked_at.eq(at).and(t::question_id.lt(id))));
    }
    let order = (t::asked_at.desc(), t::question_id.desc());
    let rows: Vec<Row> = query.order(order).limit(limit).load(conn).await?;
    let all: QueryResult<Vec<_>> = rows.into_iter().map(LoggedQuestion::try_from).collect();
    let mut all = all?;
    add_feedback(conn, &mut all).await?;
    Ok(all)
}

/// A label's subject, author, instant, value and note.
type Thought = (String, Option<Uuid>, DateTime<Utc>, f64, Option<String>);

/// Adds what people think, with one statement however many questions there are.
async fn add_feedback(conn: &mut Conn, all: &mut [LoggedQuestion]) -> QueryResult<()> {
    let ids: Vec<String> = all.iter().map(|one| one.question_id.to_string()).collect();
    let thoughts: Vec<Thought> = labels::table
        .filter(labels::kind.eq(FEEDBACK).and(labels::subject_kind.eq(QUESTION)))
        .filter(labels::subject_id.eq_any(&ids))
        .order((labels::ts.asc(), labels::label_id.asc()))
        .select((labels::subject_id, labels::user_id, labels::ts, labels::value, labels::note))
        .load(conn)
        .await?;
    for (subject, user_id, ts, value, note) in thoughts {
        let of = all.iter_mut().find(|one| one.question_id.to_string() == subject);
        if let Some(question) = of {
            question.feedback.push(Label { user_id, ts, value, note });
        }
    }
    Ok(())
}

/// Writes down what somebody thinks of an answer, in place of what they thought before.
pub(super) async fn put_feedback(
    conn: &mut Conn,
    question_id: Uuid,
    label: &Label,
) -> QueryResult<()> {
    let subject = question_id.to_string();
    // The one who asks holds the row of the question, so that nobody writes in between.
    let same = labels::table
        .filter(labels::kind.eq(FEEDBACK).and(labels::subject_kind.eq(QUESTION)))
        .filter(labels::subject_id.eq(&subject))
        .filter(labels::user_id.is_not_distinct_from(label.user_id));
    diesel::delete(same).execute(conn).await?;
    let values = (
        labels::label_id.eq(Uuid::now_v7()),
        labels::user_id.eq(label.user_id),
        labels::ts.eq(label.ts),
        labels::kind.eq(FEEDBACK),
        labels::subject_kind.eq(QUESTION),
        labels::subject_id.eq(&subject),
        labels::value.eq(label.value),
        labels::note.eq(&label.note),
        labels::meta.eq(serde_json::json!({})),
    );
    diesel::insert_into(labels::table).values(values).execute(conn).await.map(drop)
}

/// How many questions are older.
pub(super) async fn asked_before(conn: &mut Conn, before: DateTime<Utc>) -> QueryResult<i64> {
    questions::table.filter(questions::asked_at.lt(before)).count().get_result(conn).await
}

/// Removes older questions with the labels about them; how many questions went.
pub(super) async fn forget(conn: &mut Conn, before: DateTime<Utc>) -> QueryResult<usize> {
    diesel::sql_query(
        "WITH gone AS (DELETE FROM questions WHERE asked_at < $1 RETURNING question_id),
              labels AS (
                  DELETE FROM labels USING gone
                  WHERE subject_kind = $2 AND subject_id = gone.question_id::text
              )
         SELECT count(*) AS gone FROM gone",
    )
    .bind::<Timestamptz, _>(before)
    .bind::<Text, _>(QUESTION)
    .get_result(conn)
    .await
    .map(|Gone { gone }| usize::try_from(gone).unwrap_or_default())
}

/// How many went.
#[derive(QueryableByName)]
struct Gone {
    #[diesel(sql_type = BigInt)]
    gone: i64,
}

/// Who asked the question, if it is there; nobody else writes about it until the transaction ends.
pub(super) async fn hold(conn: &mut Conn, id: Uuid) -> QueryResult<Option<Option<Uuid>>> {
    let row = questions::table.find(id).select(questions::user_id).for_update();
    row.first(conn).await.optional()
}

type PromptRow = (i32, String, DateTime<Utc>, Option<Uuid>);

fn prompt_of((version, text, created_at, created_by): PromptRow) -> PromptVersion {
    PromptVersion { version, text, created_at: Some(created_at), created_by }
}

/// The newest prompt that somebody wrote.
pub(super) async fn prompt(conn: &mut Conn) -> QueryResult<Option<PromptVersion>> {
    let newest = prompts::table.order(prompts::version.desc()).select((
        prompts::version,
        prompts::text,
        prompts::created_at,
        prompts::created_by,
    ));
    let row: Option<PromptRow> = newest.first(conn).await.optional()?;
    Ok(row.map(prompt_of))
}

/// Writes a new version of the prompt; two at the same time get two numbers or one of them fails.
pub(super) async fn put_prompt(
    conn: &mut Conn,
    text: &str,
    created_at: DateTime<Utc>,
    created_by: Option<Uuid>,
) -> QueryResult<PromptVersion> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('prompts', 41))")
        .execute(conn)
        .await?;
    let last: Option<i32> =
        prompts::table.select(diesel::dsl::max(prompts::version)).first(conn).await?;
    let version = last.unwrap_or(0) + 1;
    let values = (
        prompts::version.eq(version),
        prompts::text.eq(text),
        prompts::created_at.eq(created_at),
        prompts::created_by.eq(created_by),
    );
    diesel::insert_into(prompts::table).values(values).execute(conn).await?;
    Ok(PromptVersion { version, text: text.to_owned(), created_at: Some(created_at), created_by })
}
