//! Training over HTTP: queued, run, registered, held to the naive model, served, retired.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::platform::web::Role;
use crate::testing::TestApp;

const ANALYST: Role = Role::Analyst;

/// An application with a year of simulated prices.
async fn app() -> TestApp {
    let app = TestApp::new().await;
    app.services.simulation.fill().await.unwrap();
    app
}

/// Queues `order`, lets it run and returns the job as it ended.
async fn run(app: &TestApp, order: &Value) -> Value {
    let queued = app.post(ANALYST, "/api/training/jobs", order).await.json(202);
    let path = format!("/api/training/jobs/{}", queued["job_id"].as_str().unwrap());
    assert_eq!(app.get(Role::Viewer, &path).await.json(200)["state"], "queued");
    app.run_jobs().await;
    app.get(Role::Viewer, &path).await.json(200)
}

fn order(model: &str, params: &Value) -> Value {
    json!({"kind": "train", "market": "SIM-CH", "model": model, "window_days": 300, "params": params})
}

#[tokio::test]
async fn a_good_model_serves_and_can_be_taken_out_again() {
    let app = app().await;
    let job = run(&app, &order("linear", &json!({}))).await;
    assert_eq!((&job["state"], &job["error"]), (&json!("done"), &Value::Null), "{job}");
    assert_eq!((&job["progress"], &job["result"]["serves"]), (&json!(1.0), &json!(true)));
    let path = format!("/api/models/{}", job["result"]["model_id"].as_str().unwrap());

    let model = app.get(Role::Customer, &path).await.json(200);
    assert_eq!((&model["status"], &model["is_active"]), (&json!("READY"), &json!(true)));
    assert_eq!(model["name"], "price-SIM-CH-day_ahead-linear");
    assert_eq!(
        (&model["version"], &model["target_variable"]),
        (&json!(1), &json!("price:SIM-CH:day_ahead"))
    );
    let metrics = &model["metrics"];
    let mae = |part: &str| metrics[part]["mae"].as_f64().unwrap();
    assert!(mae("validation") < mae("naive"), "{metrics}");
    assert_eq!(metrics["gate"]["passed"], true);
    // What was learned can be repeated: the dataset is listed with the hash the model names.
    let datasets = app.get(Role::Viewer, "/api/datasets").await.json(200);
    let dataset = &datasets["datasets"][0];
    assert_eq!(dataset["dataset_id"], model["dataset_id"]);
    assert_eq!(dataset["sha256"], model["dataset_sha256"]);

    let active = app.get(Role::Customer, "/api/models/active").await.json(200);
    assert_eq!(active["models"], json!([model]));
    let refused = app.send(Role::Admin, Method::DELETE, &path, None).await.problem(409);
    assert!(refused["detail"].as_str().unwrap().contains("deactivate it"), "{refused}");

    let none = Value::Null;
    let retired = app.post(ANALYST, &format!("{path}/deactivate"), &none).await.json(200);
    assert_eq!(retired["is_active"], false);
    assert_eq!(app.get(Role::Customer, "/api/models/active").await.json(200)["models"], json!([]));
    let again = app.post(ANALYST, &format!("{path}/activate"), &none).await.json(200);
    assert_eq!(again["is_active"], true);
    app.post(ANALYST, &format!("{path}/deactivate"), &none).await.json(200);
    app.send(ANALYST, Method::DELETE, &path, None).await.problem(403);
    assert_eq!(app.send(Role::Admin, Method::DELETE, &path, None).await.status, 204);
    app.get(Role::Customer, &path).await.problem(404);
}

#[tokio::test]
async fn a_model_that_learned_nothing_may_not_serve() {
    let app = app().await;
    let params = json!({"num_iterations": 1, "learning_rate": 0.0001, "bands": "residual"});
    let job = run(&app, &order("lightgbm", &params)).await;
    assert_eq!((&job["state"], &job["result"]["serves"]), (&json!("done"), &json!(false)), "{job}");
    let path = format!("/api/models/{}", job["result"]["model_id"].as_str().unwrap());
    let model = app.get(Role::Viewer, &path).await.json(200);
    assert_eq!((&model["status"], &model["is_active"]), (&json!("READY"), &json!(false)));
    let gate = &model["metrics"]["gate"];
    assert_eq!(gate["passed"], false);

    let refusal = app.post(ANALYST, &format!("{path}/activate"), &Value::Null).await.problem(409);
    let reason = gate["reason"].as_str().unwrap();
    assert_eq!(
        refusal["detail"],
        format!("price-SIM-CH-day_ahead-lightgbm v1 may not serve: {reason}")
    );
    let naive = model["metrics"]["naive"]["mae"].as_f64().unwrap();
    assert!(reason.contains(&format!("against {naive:.2} of the naive model")), "{reason}");
    assert_eq!(app.get(ANALYST, "/api/models/active").await.json(200)["models"], json!([]));
    // The naive model stands in.
    app.services
        .jobs
        .enqueue(crate::platform::jobs::NewJob::new("learning.refresh"))
        .await
        .unwrap();
    app.run_jobs().await;
    let forecast = app.get(Role::Customer, "/api/forecast").await.json(200);
    assert_eq!(forecast["model_id"], Value::Null);
    assert_eq!(forecast["points"].as_array().unwrap().len(), 7 * 24);
}

#[tokio::test]
async fn a_training_without_history_fails_with_a_sentence() {
    let app = TestApp::new().await;
    let order = json!({"kind": "train", "market": "AT", "model": "linear"});
    let job = run(&app, &order).await;
    assert_eq!((&job["state"], &job["attempts"]), (&json!("dead"), &json!(1)), "{job}");
    let error = job["error"].as_str().unwrap();
    assert!(error.starts_with("no day_ahead prices of AT between"), "{error}");
    let problem =
        app.post(ANALYST, "/api/datasets", &json!({"market": "AT", "model": "linear"})).await;
    assert_eq!(problem.problem(422)["type"], "/problems/no-history");

    for path in ["/api/forecast?market=AT", "/api/forecast?market=AT&product=day_ahead"] {
        let problem = app.get(Role::Customer, path).await.problem(404);
        assert_eq!(problem["detail"], "there is no forecast of day_ahead prices of AT yet");
    }
    assert_eq!(app.get(Role::Customer, "/api/forecast/runs").await.json(200)["runs"], json!([]));
}

#[tokio::test]
async fn mistakes_in_an_order_are_told_before_it_is_queued() {
    let app = TestApp::new().await;
    let post = async |order: Value| app.post(ANALYST, "/api/training/jobs", &order).await;
    for (order, field) in [
        (json!({"kind": "dream", "market": "CH", "model": "linear"}), "kind"),
        (json!({"market": "CH", "model": "linear"}), "kind"),
        (json!({"kind": "train", "model": "linear"}), "market"),
        (json!({"kind": "train", "market": "XX", "model": "linear"}), "market"),
        (json!({"kind": "train", "market": "CH", "model": "oracle"}), "model"),
        (
            json!({"kind": "train", "market": "CH", "model": "linear", "until": "30.6.2023"}),
            "until",
        ),
        (
            json!({"kind": "train", "market": "CH", "model": "linear", "params": {"ridge": -1}}),
            "params",
        ),
        (
            json!({"kind": "train", "market": "CH", "model": "lightgbm", "params": {"leaves": 3}}),
            "params",
        ),
        (json!({"kind": "evaluate", "market": "CH", "from": "2023-07-01"}), "to"),
    ] {
        assert_eq!(post(order.clone()).await.wrong_field(), field, "{order}");
    }
    let empty = json!({"kind": "evaluate", "market": "CH", "from": "2023-07-01", "to": "2023-07-02", "models": []});
    post(empty).await.problem(422);
    let backwards = json!({"kind": "evaluate", "market": "CH", "from": "2023-07-02", "to": "2023-07-01", "models": ["naive"]});
    post(backwards).await.problem(422);
    assert_eq!(app.get(Role::Viewer, "/api/training/jobs").await.json(200)["jobs"], json!([]));
}

#[tokio::test]
async fn lists_are_read_page_by_page_and_cursors_are_not_invented() {
    let app = app().await;
    for _ in 0..3 {
        let order =
            json!({"kind": "train", "market": "SIM-CH", "model": "naive", "window_days": 30});
        app.post(ANALYST, "/api/training/jobs", &order).await.json(202);
        app.run_jobs().await;
        // The clock stands still between trainings; a name is free once per minute.
        app.clock.set(app.clock.now() + chrono::Duration::minutes(1));
    }
    for (path, list, key) in [
        ("/api/models", "models", "model_id"),
        ("/api/training/jobs", "jobs", "job_id"),
        ("/api/jobs", "jobs", "job_id"),
        ("/api/datasets", "datasets", "dataset_id"),
    ] {
        let whole = app.get(ANALYST, path).await.json(200);
        assert_eq!(whole["next_cursor"], Value::Null, "{path}");
        let ids = |page: &Value| -> Vec<Value> {
            page[list].as_array().unwrap().iter().map(|row| row[key].clone()).collect()
        };
        let first = app.get(ANALYST, &format!("{path}?limit=2")).await.json(200);
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = app.get(ANALYST, &format!("{path}?limit=2&cursor={cursor}")).await.json(200);
        assert_eq!(second["next_cursor"], Value::Null, "{path}");
        assert_eq!([ids(&first), ids(&second)].concat(), ids(&whole), "{path}");
        assert_eq!(ids(&whole).len(), 3, "{path}");

        let flipped: String = cursor.chars().rev().collect();
        for wrong in [flipped.as_str(), &cursor[1..], &cursor[..cursor.len() - 2], "x", "%27"] {
            let answer = app.get(ANALYST, &format!("{path}?cursor={wrong}")).await;
            assert_eq!(answer.wrong_field(), "cursor", "{path} {wrong}");
        }
        for limit in ["0", "201", "-1", "x"] {
            let answer = app.get(ANALYST, &format!("{path}?limit={limit}")).await;
            assert_eq!(answer.wrong_field(), "limit", "{path} {limit}");
        }
    }
    let of_market = "/api/models?target=price:SIM-CH:day_ahead";
    assert_eq!(app.get(ANALYST, of_market).await.json(200)["models"].as_array().unwrap().len(), 3);
    let of_none = app.get(ANALYST, "/api/models?target=price:CH:day_ahead").await.json(200);
    assert_eq!(of_none["models"], json!([]));
}
