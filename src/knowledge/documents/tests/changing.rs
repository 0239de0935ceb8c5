//! What people do to documents: approve, call off, try again, delete.

use diesel_async::SimpleAsyncConnection;

use super::*;
use crate::access::audit::By;
use crate::platform::jobs::JobState;

async fn ask(app: &TestApp, role: Role, method: Method, path: &str) -> Answer {
    app.send(role, method, path, None).await
}

#[tokio::test]
async fn what_is_deleted_is_gone_but_for_the_log() {
    let app = TestApp::new().await;
    let keeps = tell(&app, "Keeps", "This one stays where it is, whatever happens.").await;
    let goes = upload(&app, "house.txt", HOUSE).await;
    app.run_jobs().await;
    let chunk: Uuid = chunks(&app, goes).await[0]["chunk_id"].as_str().unwrap().parse().unwrap();
    let documents = app.services.documents.clone();
    assert_eq!(documents.chunks_by_id(&[chunk]).await.unwrap()[0].item_id, goes);
    let path = format!("/api/documents/{goes}");
    ask(&app, Role::Analyst, Method::DELETE, &path).await.problem(403);
    assert_eq!(ask(&app, Role::Admin, Method::DELETE, &path).await.status, 204);
    ask(&app, Role::Admin, Method::DELETE, &path).await.problem(404);
    app.get(Role::Admin, &path).await.problem(404);
    assert!(documents.chunks_by_id(&[chunk]).await.unwrap().is_empty());
    assert_eq!(points(&app).await, chunks(&app, keeps).await.len() as u64);
    let stored = std::fs::read_dir(app.folder().join("documents")).unwrap().count();
    assert_eq!(stored, 1, "its bytes are gone");
    assert_eq!(actions(&app, goes).await, ["document.delete", "document.add"]);
    // It can come again.
    let again = upload(&app, "house.txt", HOUSE).await;
    app.run_jobs().await;
    assert_eq!(item(&app, again).await["status"], "ready");
}

#[tokio::test]
async fn bytes_stay_while_any_version_has_them() {
    let app = TestApp::new().await;
    let (one, other) = ("The heating is switched off in May.", "The heating runs all year round.");
    let mut items = Vec::new();
    for text in [one, other, one] {
        items.push(tell(&app, "Heating", text).await);
        app.run_jobs().await;
    }
    let delete = async |item_id: Uuid| {
        app.services.documents.delete(item_id, &By::command()).await.unwrap();
        std::fs::read_dir(app.folder().join("documents")).unwrap().count()
    };
    assert_eq!(delete(items[0]).await, 2);
    assert_eq!(delete(items[2]).await, 1);
    assert_eq!(delete(items[1]).await, 0);
}

#[tokio::test]
async fn the_version_before_speaks_again_when_the_latest_is_deleted() {
    let app = TestApp::new().await;
    let mut items = Vec::new();
    for hour in ["eight", "nine", "ten"] {
        let text = format!("The laundry room closes at {hour} in the evening.");
        items.push(tell(&app, "House rules", &text).await);
        app.run_jobs().await;
    }
    let documents = &app.services.documents;
    // One that nobody hears any more goes without a change.
    assert_eq!(documents.delete(items[0], &By::command()).await.unwrap(), None);
    assert_eq!(item(&app, items[2]).await["superseded_at"], Value::Null);
    assert_ne!(item(&app, items[1]).await["superseded_at"], Value::Null);
    assert_eq!(documents.delete(items[2], &By::command()).await.unwrap(), Some(items[1]));
    app.run_jobs().await;
    let now = item(&app, items[1]).await;
    assert_eq!((&now["superseded_at"], &now["status"]), (&Value::Null, &json!("ready")));
    assert_eq!(points(&app).await, chunks(&app, items[1]).await.len() as u64);
    let told = ["document.call_back", "document.supersede", "document.add"];
    assert_eq!(actions(&app, items[1]).await, told);
    let found = app.get(Role::Viewer, "/api/documents").await.json(200);
    assert_eq!(found["items"][0]["item_id"], json!(items[1]));
}

#[tokio::test]
async fn readers_see_what_is_approved_where_that_is_asked() {
    let app = app_with(|settings| settings.documents.approval_required = true).await;
    let first = tell(&app, "Rules", "Bicycles belong into the cellar, not into the stairs.").await;
    app.run_jobs().await;
    let path = format!("/api/documents/{first}");
    let listed = async |role| {
        let page = app.get(role, "/api/documents").await.json(200);
        page["items"].as_array().unwrap().len()
    };
    let documents = &app.services.documents;
    for role in [Role::Viewer, Role::Customer] {
        assert_eq!(listed(role).await, 0);
        for part in ["", "/chunks", "/text", "/file"] {
            app.get(role, &format!("{path}{part}")).await.problem(404);
        }
        assert_eq!(documents.visible_items(role).await.unwrap(), Some(vec![first]));
    }
    assert_eq!(listed(Role::Analyst).await, 1);
    assert_eq!(documents.visible_items(Role::Analyst).await.unwrap(), None);
    ask(&app, Role::Analyst, Method::POST, &format!("{path}/approve")).await.problem(403);
    let approved = ask(&app, Role::Admin, Method::POST, &format!("{path}/approve")).await.json(200);
    assert_eq!(approved["approved_at"], json!(app.clock.now()));
    assert_eq!(
        (listed(Role::Customer).await, documents.visible_items(Role::Customer).await.unwrap()),
        (1, None)
    );
    assert_eq!(actions(&app, first).await, ["document.approve", "document.add"]);

    // A version that nobody has approved takes nobody's place.
    let second = tell(&app, "Rules", "Bicycles belong into the shed behind the house.").await;
    app.run_jobs().await;
    assert_eq!(item(&app, first).await["superseded_at"], Value::Null);
    assert_eq!(documents.visible_items(Role::Customer).await.unwrap(), Some(vec![second]));
    documents.approve(second, &By::command()).await.unwrap();
    assert_ne!(item(&app, first).await["superseded_at"], Value::Null);
    assert_eq!(points(&app).await, 1);
}

#[tokio::test]
async fn a_document_is_called_off_and_tried_again() {
    let app = TestApp::new().await;
    let item_id = upload(&app, "house.txt", HOUSE).await;
    let path = format!("/api/documents/{item_id}");
    for _ in 0..2 {
        let off = ask(&app, Role::Analyst, Method::POST, &format!("{path}/cancel")).await.json(200);
        assert_eq!(off["status"], "cancelled");
    }
    app.run_jobs().await;
    assert_eq!(item(&app, item_id).await["status"], "cancelled");
    let again = ask(&app, Role::Analyst, Method::POST, &format!("{path}/retry")).await.json(200);
    assert_eq!((&again["status"], &again["reason"]), (&json!("queued"), &Value::Null));
    app.run_jobs().await;
    assert_eq!(item(&app, item_id).await["status"], "ready");
    for verb in ["cancel", "retry"] {
        ask(&app, Role::Analyst, Method::POST, &format!("{path}/{verb}")).await.problem(409);
    }
    assert_eq!(actions(&app, item_id).await, ["document.retry", "document.cancel", "document.add"]);

    // Whoever cancels its job means the document.
    let other = tell(&app, "Other", "Another text that nobody waits for any more.").await;
    let job = item(&app, other).await["job_id"].as_str().unwrap().to_owned();
    ask(&app, Role::Admin, Method::POST, &format!("/api/jobs/{job}/cancel")).await.json(200);
    assert_eq!(item(&app, other).await["status"], "cancelled");
    // Sending it again is a wish to have it after all.
    assert_eq!(tell(&app, "Other", "Another text that nobody waits for any more.").await, other);
    app.run_jobs().await;
    assert_eq!(item(&app, other).await["status"], "ready");
}

#[tokio::test]
async fn a_broken_file_fails_with_a_sentence_and_holds_nothing_up() {
    let app = TestApp::new().await;
    let broken = upload(&app, "broken.pdf", b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog").await;
    let strange = upload(&app, "film.mp4", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42").await;
    let sound = upload(&app, "house.txt", HOUSE).await;
    app.run_jobs().await;
    for failed in [broken, strange] {
        let failed = item(&app, failed).await;
        assert_eq!(failed["status"], "failed");
        let reason = failed["reason"].as_str().unwrap();
        assert!(reason.split(' ').count() > 3, "{reason}");
        let job: Uuid = failed["job_id"].as_str().unwrap().parse().unwrap();
        let job = app.services.jobs.job(job).await.unwrap();
        assert_eq!((job.state, job.attempts), (JobState::Dead, 1), "nothing but the file is wrong");
        assert_eq!(job.error.as_deref(), Some(reason));
    }
    assert_eq!(item(&app, sound).await["status"], "ready");
    app.get(Role::Admin, &format!("/api/documents/{broken}/text")).await.problem(409);
    // Readers have nothing of it.
    app.get(Role::Viewer, &format!("/api/documents/{broken}")).await.problem(404);
    let listed = app.get(Role::Viewer, "/api/documents").await.json(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    app.services.documents.retry(broken, &By::command()).await.unwrap();
    app.run_jobs().await;
    assert_eq!(item(&app, broken).await["status"], "failed");
}

#[tokio::test]
async fn bytes_that_are_lost_are_said_and_asked_for() {
    let app = TestApp::new().await;
    let item_id = upload(&app, "house.txt", HOUSE).await;
    std::fs::remove_dir_all(app.folder().join("documents")).unwrap();
    app.run_jobs().await;
    let failed = item(&app, item_id).await;
    assert!(failed["reason"].as_str().unwrap().contains("send it again"), "{failed}");
    assert_eq!(upload(&app, "house.txt", HOUSE).await, item_id);
    app.run_jobs().await;
    assert_eq!(item(&app, item_id).await["status"], "ready");
}

#[tokio::test]
async fn a_job_that_ended_without_a_word_is_followed() {
    let app = TestApp::new().await;
    let item_id = upload(&app, "house.txt", HOUSE).await;
    let dead = format!(
        "UPDATE jobs SET state = 'dead', error = 'its worker vanished', finished_at = created_at \
         WHERE job_id = (SELECT job_id FROM items WHERE item_id = '{item_id}')"
    );
    app.services.db.conn().await.unwrap().batch_execute(&dead).await.unwrap();
    check(&app).await;
    let listed = app.get(Role::Admin, "/api/documents?status=failed").await.json(200);
    assert_eq!(listed["items"][0]["reason"], "its worker vanished");
}
