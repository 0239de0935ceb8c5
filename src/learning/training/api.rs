//! `/api/training/jobs` and `/api/datasets`: work that takes longer than a request.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::evaluate::EvaluateRequest;
use super::events::EventRequest;
use super::jobs::{TrainingJob, TrainingOrder};
use super::orders::Orders;
use super::request::TrainRequest;
use super::service::{Training, TrainingError, Watch};
use crate::access::audit::By;
use crate::learning::datasets::Dataset;
use crate::learning::datasets::DatasetError;
use crate::learning::datasets::Datasets;
use crate::learning::features::HistoryError;
use crate::platform::jobs::Job;
use crate::platform::jobs::JobFilter;
use crate::platform::jobs::Jobs;
use crate::platform::web::{
    Analyst, BadBody, Body, Cursor, NotFound, Page, Params as Query, Path, Problem, Refusals,
    Require, Viewer, parse_value,
};

/// Registers the operations of this area.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(create_training_job)
        .service(list_training_jobs)
        .service(get_training_job)
        .service(list_datasets)
        .service(get_dataset)
        .service(create_dataset);
}

/// The job that does the work.
#[derive(Debug, Serialize, ToSchema)]
struct Queued {
    /// Look at `/api/training/jobs/{job_id}` for its progress and result.
    job_id: Uuid,
}

/// Jobs, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct JobList {
    /// The jobs.
    jobs: Vec<Job>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// Datasets, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct DatasetList {
    /// The datasets.
    datasets: Vec<Dataset>,
    /// Give it as `cursor` for the next page; absent on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<Cursor>,
}

/// Queue a training or an evaluation; the answer names the job.
#[utoipa::path(tag = "training", request_body(content = TrainingOrder,
        example = json!({"kind": "train", "market": "CH", "model": "lightgbm", "until": "2023-06-30"})),
    responses((status = 202, description = "The job is queued", body = Queued,
        example = json!({"job_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d"})), Refusals, BadBody),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/training/jobs")]
async fn create_training_job(
    who: Require<Analyst>,
    orders: Data<Orders>,
    order: Body<Value>,
) -> Result<HttpResponse, Problem> {
    let payload = read_order(order.0)?;
    let job_id = orders.queue(payload, who.user_id, &By::of(&who)).await?;
    Ok(HttpResponse::Accepted().json(Queued { job_id }))
}

/// Reads an order kind by kind: an untagged look at the whole would lose the path of a mistake.
fn read_order(order: Value) -> Result<Value, Problem> {
    let mut rest = order.clone();
    let kind = rest.as_object_mut().and_then(|fields| fields.remove("kind"));
    match kind.as_ref().and_then(Value::as_str) {
        Some("train") => {
            let request: TrainRequest = parse_value(rest)?;
            request.check()?;
        }
        Some("event") => {
            let request: EventRequest = parse_value(rest)?;
            request.check()?;
        }
        Some("evaluate") => {
            let request: EvaluateRequest = parse_value(rest)?;
            request.check()?;
        }
        _ => return Err(Problem::invalid("kind", "write \"train\", \"event\" or \"evaluate\"")),
    }
    Ok(order)
}

/// List trainings and evaluations, newest first.
#[utoipa::path(tag = "training", params(Page), responses((status = 200, body = JobList,
    example = json!({"jobs": [job_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/training/jobs")]
async fn list_training_jobs(
    _: Require<Viewer>,
    jobs: Data<Jobs>,
    page: Query<Page>,
) -> Result<Json<JobList>, Problem> {
    let filter = JobFilter {
        name: Some(TrainingJob::NAME.to_owned()),
        after: page.0.position()?,
        ..JobFilter::default()
    };
    let rows = jobs.list(&filter, page.0.fetch_limit()).await?;
    let (jobs, next_cursor) = page.0.cut(rows, |job| Cursor::new(job.created_at, job.job_id));
    Ok(Json(JobList { jobs, next_cursor }))
}

/// Get one training or evaluation with progress and result.
#[utoipa::path(tag = "training", params(("id" = Uuid, Path, description = "Identifier of the job")),
    responses((status = 200, body = Job, example = json!(job_example())), Refusals, NotFound),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/training/jobs/{id}")]
async fn get_training_job(
    _: Require<Viewer>,
    jobs: Data<Jobs>,
    id: Path<Uuid>,
) -> Result<Json<Job>, Problem> {
    let job = jobs.job(*id).await?;
    if job.name == TrainingJob::NAME {
        Ok(Json(job))
    } else {
        Err(Problem::not_found(format!("there is no training job {}", *id)))
    }
}

/// List exported datasets, newest first.
#[utoipa::path(tag = "training", params(Page), responses((status = 200, body = DatasetList,
    example = json!({"datasets": [dataset_example()], "next_cursor": null})), Refusals),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/datasets")]
async fn list_datasets(
    _: Require<Viewer>,
    datasets: Data<Datasets>,
    page: Query<Page>,
) -> Result<Json<DatasetList>, Problem> {
    let rows = datasets.list(page.0.position()?, page.0.fetch_limit()).await?;
    let position = |dataset: &Dataset| Cursor::new(dataset.created_at, dataset.dataset_id);
    let (datasets, next_cursor) = page.0.cut(rows, position);
    Ok(Json(DatasetList { datasets, next_cursor }))
}

/// Get one exported dataset.
#[utoipa::path(tag = "training", params(("id" = Uuid, Path, description = "Identifier of the dataset")),
    responses((status = 200, body = Dataset, example = json!(dataset_example())), Refusals, NotFound),
    security(("bearer" = ["viewer"]), ("cookie" = ["viewer"]), ("api_key" = ["read"])))]
#[get("/api/datasets/{id}")]
async fn get_dataset(
    _: Require<Viewer>,
    datasets: Data<Datasets>,
    id: Path<Uuid>,
) -> Result<Json<Dataset>, Problem> {
    Ok(Json(datasets.get(*id).await?))
}

/// Export a dataset as a Parquet file in the data folder.
#[utoipa::path(tag = "training", request_body(content = TrainRequest,
        example = json!({"market": "CH", "model": "lightgbm", "until": "2023-06-30"})),
    responses((status = 201, description = "The file is written", body = Dataset,
        example = json!(dataset_example())), Refusals, BadBody),
    security(("bearer" = ["analyst"]), ("cookie" = ["analyst"]), ("api_key" = ["train"])))]
#[post("/api/datasets")]
async fn create_dataset(
    who: Require<Analyst>,
    training: Data<Training>,
    request: Body<TrainRequest>,
) -> Result<HttpResponse, Problem> {
    let dataset = training.export(&request.0, &Watch::unseen(By::of(&who))).await?;
    Ok(HttpResponse::Created().json(dataset))
}

fn job_example() -> Value {
    serde_json::json!({
        "job_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d", "name": TrainingJob::NAME, "slot": null,
        "payload": {"kind": "train", "market": "CH", "model": "lightgbm", "until": "2023-06-30"},
        "state": "running", "attempts": 1, "attempts_max": 5,
        "run_after": "2023-07-01T08:00:00Z", "cancel_requested": false,
        "progress": 0.4, "progress_note": "fitting", "result": null, "error": null,
        "requested_by": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7c",
        "created_at": "2023-07-01T08:00:00Z", "started_at": "2023-07-01T08:00:01Z",
        "finished_at": null,
    })
}

fn dataset_example() -> Value {
    serde_json::json!({
        "dataset_id": "0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7e", "name": "modeling_data_20230701_0800.parquet",
        "market": "CH", "product": "day_ahead", "features": ["hour", "lag_24h", "lag_168h"],
        "from_day": "2020-07-04", "to_day": "2023-06-30", "rows": 183_624,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "regime": null, "created_at": "2023-07-01T08:00:00Z",
    })
}

impl From<TrainingError> for Problem {
    fn from(error: TrainingError) -> Self {
        match error {
            TrainingError::History(HistoryError::Prices(error)) => error.into(),
            TrainingError::History(HistoryError::Series(error)) => error.into(),
            TrainingError::BadRange(_) => Self::new(
                actix_web::http::StatusCode::UNPROCESSABLE_ENTITY,
                "invalid-input",
                &error,
            ),
            TrainingError::History(HistoryError::NoPrices { .. })
            | TrainingError::TooShort { .. } => {
                Self::new(actix_web::http::StatusCode::UNPROCESSABLE_ENTITY, "no-history", &error)
            }
            TrainingError::Params(_) => Self::invalid("params", &error),
            TrainingError::BadRegime(_) => Self::invalid("regime", &error),
            TrainingError::Registry(error) => error.into(),
            TrainingError::Dataset(error) => error.into(),
            TrainingError::Pool(_) | TrainingError::Cancelled => Self::unavailable(error),
            other => Self::internal(other),
        }
    }
}

impl From<DatasetError> for Problem {
    fn from(error: DatasetError) -> Self {
        match &error {
            DatasetError::Empty { .. } => {
                Self::new(actix_web::http::StatusCode::UNPROCESSABLE_ENTITY, "no-history", &error)
            }
            DatasetError::Unknown(_) => Self::not_found(&error),
            DatasetError::Pool(_) => Self::unavailable(error),
            DatasetError::Db(database) if database.is_passing() => Self::unavailable(error),
            DatasetError::Object(object) if object.is_passing() => Self::unavailable(error),
            DatasetError::File(_) | DatasetError::Object(_) | DatasetError::Db(_) => {
                Self::internal(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use actix_web::http::StatusCode;
    use serde_json::json;

    use super::*;
    use crate::facts::market::PriceError;
    use crate::platform::db::DbError;

    #[test]
    fn an_order_that_does_not_fit_names_its_field() {
        for (order, field) in [
            (json!({}), "kind"),
            (json!({"kind": 5}), "kind"),
            (json!({"kind": "train", "market": "CH"}), "model"),
            (json!({"kind": "train", "market": "CH", "model": "linear", "x": 1}), "x"),
            (json!({"kind": "train", "market": "XX", "model": "linear"}), "market"),
            (
                json!({"kind": "evaluate", "market": "CH", "from": "2023-07-01",
                "to": "2023-07-02"}),
                "models",
            ),
            (
                json!({"kind": "evaluate", "market": "CH", "from": "2023-07-01", "to": "2023-07-02",
                "models": ["naive", 7]}),
                "models[1]",
            ),
        ] {
            let problem = read_order(order.clone()).unwrap_err().document();
            assert_eq!(problem.status, 422, "{order}");
            assert_eq!(problem.errors.first().map(|error| error.field.as_str()), Some(field));
        }
    }

    #[test]
    fn an_absent_database_is_no_mistake_of_the_caller() {
        let away = DbError::Unavailable("nobody answers".into());
        let error = TrainingError::History(HistoryError::Prices(PriceError::from(away)));
        assert_eq!(Problem::from(error).status_code(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
