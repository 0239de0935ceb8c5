//! Versions of the index, damage, and work that is broken off in the middle.

use std::time::Duration as Patience;

use diesel_async::SimpleAsyncConnection;

use super::ollama::{Mood, Ollama};
use super::*;
use crate::algorithms::retrieval::Language;
use crate::knowledge::embedding::Provider;
use crate::knowledge::index::{IndexError, Search, SparseVector};
use crate::platform::jobs::Runner;
use crate::platform::runtime::Tasks;

/// A box whose vectors come from `server`.
async fn app_at(server: &Ollama) -> TestApp {
    let url = server.url.clone();
    app_with(move |settings| {
        settings.embedding.provider = Provider::Ollama;
        settings.embedding.url = Some(url);
        settings.embedding.model = Some("test".to_owned());
    })
    .await
}

/// Documents found by words in the version that answers, the best first.
async fn found(app: &TestApp, question: &str) -> Vec<Uuid> {
    let documents = &app.services.documents;
    let active = documents.active_version().await.unwrap();
    let words = documents.words().await.unwrap();
    let (indices, values) = words.query(question, Language::detect(question));
    let search =
        Search { words: Some(SparseVector { indices, values }), limit: 10, ..Search::default() };
    let hits = documents.engine().search(active.version, search).await.unwrap().words;
    let ids: Vec<Uuid> = hits.iter().map(|hit| hit.chunk_id).collect();
    let chunks = documents.chunks_by_id(&ids).await.unwrap();
    chunks.into_iter().map(|chunk| chunk.item_id).collect()
}

#[tokio::test]
async fn words_find_the_right_document_as_soon_as_it_is_ready() {
    let app = TestApp::new().await;
    let house = upload(&app, "house.txt", HOUSE).await;
    let contract = upload(&app, "contract.pdf", CONTRACT).await;
    app.run_jobs().await;
    assert_eq!(found(&app, "Wann sperrt der Netzbetreiber die Wärmepumpe?").await[0], house);
    assert_eq!(found(&app, "How long is the notice period of the contract?").await[0], contract);
    let active = app.services.documents.active_version().await.unwrap();
    assert_eq!((active.version, active.dimension, active.embedder), (1, None, None));
}

#[tokio::test]
async fn a_job_that_was_broken_off_goes_on_where_it_was() {
    let server = Ollama::new("one", 8).await;
    let app = app_at(&server).await;
    let item_id = upload(&app, "house.txt", HOUSE).await;
    server.is(Mood::Hangs);
    let services = &app.services;
    let runner = Runner::new(services.jobs.clone(), services.document_handlers(), Tasks::new());
    // The process dies while the model is being asked: text and chunks are there, points are not.
    let dies = async {
        loop {
            if !chunks(&app, item_id).await.is_empty() {
                return;
            }
            tokio::time::sleep(Patience::from_millis(10)).await;
        }
    };
    tokio::select! {
        ran = runner.run_next() => panic!("it waits for the model: {ran:?}"),
        () = dies => {}
    }
    drop(runner);
    let before = chunks(&app, item_id).await;
    assert_eq!(item(&app, item_id).await["status"], "working");
    assert_eq!(points(&app).await, 0);

    server.is(Mood::Answers);
    wait(&app, Duration::minutes(2));
    app.run_jobs().await;
    assert_eq!(item(&app, item_id).await["status"], "ready");
    assert_eq!(chunks(&app, item_id).await, before, "nothing was made twice");
    assert_eq!(points(&app).await, before.len() as u64);
}

#[tokio::test]
async fn a_model_that_is_away_holds_up_its_vectors_only() {
    let server = Ollama::new("one", 8).await;
    let app = app_at(&server).await;
    server.is(Mood::Refuses);
    let item_id = upload(&app, "house.txt", HOUSE).await;
    app.run_jobs().await;
    assert_eq!(item(&app, item_id).await["status"], "ready");
    assert_eq!(found(&app, "Wann sperrt der Netzbetreiber die Wärmepumpe?").await[0], item_id);
    let active = app.services.documents.active_version().await.unwrap();
    assert_eq!((active.dimension, active.embedder.as_deref()), (Some(8), Some("ollama:test")));
    let by_meaning = async || {
        let search = Search { dense: Some(vec![0.5; 8]), limit: 10, ..Search::default() };
        let engine = app.services.documents.engine();
        engine.search(active.version, search).await.unwrap().dense.len()
    };
    assert_eq!(by_meaning().await, 0);
    server.is(Mood::Answers);
    // The client leaves a host alone for a while that was busy.
    wait(&app, Duration::minutes(10));
    check(&app).await;
    app.run_jobs().await;
    assert_eq!(by_meaning().await, chunks(&app, item_id).await.len());
    assert_eq!(points(&app).await, chunks(&app, item_id).await.len() as u64);
}

#[tokio::test]
async fn another_model_builds_another_version_beside_the_one_that_answers() {
    let server = Ollama::new("one", 8).await;
    let app = app_at(&server).await;
    let item_id = upload(&app, "house.txt", HOUSE).await;
    app.run_jobs().await;
    let documents = &app.services.documents;
    let first = documents.active_version().await.unwrap();
    check(&app).await;
    assert_eq!(documents.active_version().await.unwrap(), first, "nothing is wrong with it");

    server.becomes("two", 12);
    wait(&app, Duration::minutes(6));
    check(&app).await;
    let second = documents.active_version().await.unwrap();
    assert_eq!((second.version, second.dimension), (first.version + 1, Some(12)));
    assert_eq!(points(&app).await, chunks(&app, item_id).await.len() as u64);
    assert_eq!(found(&app, "Wann sperrt der Netzbetreiber die Wärmepumpe?").await[0], item_id);
    // Whoever has just asked for the first one may go on with it for a moment.
    let there = async || documents.engine().versions().await.unwrap();
    assert_eq!(there().await, [first.version, second.version]);
    wait(&app, Duration::minutes(1));
    check(&app).await;
    assert_eq!(there().await, [second.version]);
    let page = app.get(Role::Admin, "/api/audit?action=index.switch").await.json(200);
    let switched = &page["entries"][0];
    assert_eq!(
        (&switched["before"]["version"], &switched["after"]["version"]),
        (&json!(1), &json!(2))
    );
}

#[tokio::test]
async fn a_new_version_is_finished_by_the_next_worker_and_misses_nothing() {
    let server = Ollama::new("one", 8).await;
    let app = app_at(&server).await;
    tell(&app, "First", "The first text is about the wind in the mountains.").await;
    tell(&app, "Second", "The second text is about the water in the lake.").await;
    app.run_jobs().await;
    let documents = &app.services.documents;
    // Vectors of another model are in no version yet.
    server.becomes("two", 12);
    wait(&app, Duration::minutes(6));
    documents
        .ask_for_reindex(&Wish { anew: true }, &crate::access::audit::By::command())
        .await
        .unwrap();
    server.is(Mood::Hangs);
    let services = &app.services;
    let runner = Runner::new(services.jobs.clone(), services.document_handlers(), Tasks::new());
    let dies = async {
        while documents.live().await.unwrap().len() < 2 {
            tokio::time::sleep(Patience::from_millis(10)).await;
        }
    };
    tokio::select! {
        ran = runner.run_next() => panic!("it waits for the model: {ran:?}"),
        () = dies => {}
    }
    drop(runner);
    server.is(Mood::Answers);
    assert_eq!(documents.active_version().await.unwrap().version, 1, "it answers meanwhile");
    // One that comes meanwhile goes into both.
    let third = tell(&app, "Third", "The third text is about the sun on the roof.").await;
    app.run_jobs().await;
    assert_eq!(found(&app, "What is the sun on?").await[0], third);
    wait(&app, Duration::minutes(2));
    app.run_jobs().await;
    assert_eq!(documents.active_version().await.unwrap().version, 2);
    assert_eq!(points(&app).await, 3);
    assert_eq!(found(&app, "What is the sun on?").await[0], third);
}

#[tokio::test]
async fn vectors_of_the_same_model_are_taken_over() {
    let server = Ollama::new("one", 8).await;
    let app = app_at(&server).await;
    let item_id = upload(&app, "house.txt", HOUSE).await;
    app.run_jobs().await;
    let documents = &app.services.documents;
    let ids: Vec<Uuid> = chunks(&app, item_id)
        .await
        .iter()
        .map(|it| it["chunk_id"].as_str().unwrap().parse().unwrap())
        .collect();
    let before = documents.engine().vectors(1, &ids).await.unwrap();
    assert_eq!(before.len(), ids.len());
    // Whoever asks it for a vector from here on fails.
    server.is(Mood::Refuses);
    documents
        .ask_for_reindex(&Wish { anew: true }, &crate::access::audit::By::command())
        .await
        .unwrap();
    app.run_jobs().await;
    assert_eq!(documents.active_version().await.unwrap().version, 2);
    let after = documents.engine().vectors(2, &ids).await.unwrap();
    for id in &ids {
        let apart = before[id].iter().zip(&after[id]).map(|(one, other)| (one - other).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-6, "{id}");
    }
}

#[tokio::test]
async fn a_damaged_index_is_set_aside_and_built_again_from_the_database() {
    let app = TestApp::new().await;
    let house = upload(&app, "house.txt", HOUSE).await;
    tell(&app, "Other", "Another text about something else entirely.").await;
    app.run_jobs().await;
    let documents = &app.services.documents;
    let all = points(&app).await;
    // Somebody takes points out behind the database's back.
    documents.engine().remove_item(1, house).await.unwrap();
    check(&app).await;
    let active = documents.active_version().await.unwrap();
    assert_eq!((active.version, points(&app).await), (2, all));
    assert_eq!(found(&app, "Wann sperrt der Netzbetreiber die Wärmepumpe?").await[0], house);
    let gone = documents.engine().count(1).await;
    assert!(matches!(gone, Err(IndexError::Unknown(1))), "{gone:?}");
    // And the folder as a whole.
    documents.engine().drop_version(2, false).await.unwrap();
    check(&app).await;
    assert_eq!(points(&app).await, all);
    assert_eq!(documents.active_version().await.unwrap().version, 3);
}

#[tokio::test]
async fn lengths_that_drift_build_the_index_anew() {
    let app = TestApp::new().await;
    for number in 0..60 {
        let text = format!("Der kurze Text Nummer {number} handelt vom Strom im Haus.");
        tell(&app, &format!("Text {number}"), &text).await;
    }
    app.run_jobs().await;
    let documents = &app.services.documents;
    let before = documents.active_version().await.unwrap();
    check(&app).await;
    let after = documents.active_version().await.unwrap();
    assert!(after.average_terms < before.average_terms / 2.0, "{before:?} {after:?}");
    assert_eq!((after.version, points(&app).await), (2, 60));
}

#[tokio::test]
async fn an_upload_that_died_leaves_nothing_behind() {
    let app = TestApp::new().await;
    let item_id = upload(&app, "house.txt", HOUSE).await;
    app.run_jobs().await;
    let sha256 = item(&app, item_id).await["sha256"].as_str().unwrap().to_owned();
    // Bytes were put and the process died before they were written down; and bytes that somebody has.
    let lost = "0".repeat(64);
    app.services.objects.put(&format!("documents/{lost}"), "lost").await.unwrap();
    let rows = [&lost, &sha256].map(|sha256| {
        format!(
            "INSERT INTO item_leftovers (leftover_id, item_id, sha256, due_at) VALUES \
             (gen_random_uuid(), gen_random_uuid(), '{sha256}', '2026-03-28 13:00Z')"
        )
    });
    app.services.db.conn().await.unwrap().batch_execute(&rows.join(";")).await.unwrap();
    check(&app).await;
    let stored = || std::fs::read_dir(app.folder().join("documents")).unwrap().count();
    assert_eq!(stored(), 2, "it may still be under way");
    wait(&app, Duration::hours(2));
    check(&app).await;
    assert_eq!(stored(), 1);
    app.get(Role::Admin, &format!("/api/documents/{item_id}/file")).await;
}

#[tokio::test]
async fn what_documents_stand_on_is_told() {
    let server = Ollama::new("one", 8).await;
    let app = app_at(&server).await;
    let summary = app.get(Role::Viewer, "/api/status/summary").await.json(200);
    let parts = summary["components"].as_array().unwrap();
    for role in ["vectors", "model_server", "text_extraction"] {
        let part = parts.iter().find(|part| part["role"] == role).unwrap();
        assert_eq!(part["reachable"], true, "{part}");
    }
    let model = parts.iter().find(|part| part["role"] == "model_server").unwrap();
    assert!(model["active"].as_str().unwrap().contains("8 numbers"), "{model}");
    let health = app.get(Role::Viewer, "/health").await.json(200);
    let names: Vec<_> =
        health["checks"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    for role in ["vectors", "model_server", "text_extraction"] {
        assert!(names.contains(&json!(role)), "{names:?}");
    }
    let plain = TestApp::new().await;
    let summary = plain.get(Role::Viewer, "/api/status/summary").await.json(200);
    assert_eq!(summary["health"]["status"], "ok", "a box without a model is sound");
    let parts = summary["components"].as_array().unwrap();
    let model = parts.iter().find(|part| part["role"] == "model_server").unwrap();
    assert_eq!(model["reachable"], false);
}
