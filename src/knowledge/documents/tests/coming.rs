//! The way in: files and texts, versions, refusals.

use actix_web::http::{Method, header};

use super::*;

#[tokio::test]
async fn a_file_becomes_chunks_that_give_its_text_back() {
    let app = TestApp::new().await;
    let parts: [Part<'_>; 4] = [
        ("tags", None, b"house, heating"),
        ("file", Some("waermepumpe.txt"), HOUSE),
        ("file", Some("electricity-contract.pdf"), CONTRACT),
        ("source", None, "Büro".as_bytes()),
    ];
    let report = send(&app, &parts).await.json(202);
    assert_eq!(report["refused"], json!([]));
    let accepted = report["accepted"].as_array().unwrap();
    assert_eq!(accepted.len(), 2);
    for (added, name) in accepted.iter().zip(["waermepumpe.txt", "electricity-contract.pdf"]) {
        assert_eq!((&added["file_name"], &added["is_new"]), (&json!(name), &json!(true)));
        assert_eq!(added["status"], "queued");
        let job = added["job_id"].as_str().unwrap();
        let job = app.get(Role::Analyst, &format!("/api/jobs/{job}")).await.json(200);
        assert_eq!(job["job"]["name"], IngestJob::NAME);
    }
    app.run_jobs().await;
    let mut all = 0;
    for (added, (language, pages)) in accepted.iter().zip([("de", 1), ("en", 2)]) {
        let item_id: Uuid = added["item_id"].as_str().unwrap().parse().unwrap();
        let item = item(&app, item_id).await;
        assert_eq!((&item["status"], &item["reason"]), (&json!("ready"), &Value::Null));
        assert_eq!((&item["language"], &item["pages"]), (&json!(language), &json!(pages)));
        assert_eq!(item["tags"], json!(["house", "heating"]));
        assert_eq!(item["source"], "Büro");
        let path = format!("/api/documents/{item_id}/text");
        let text = app.get(Role::Customer, &path).await.json(200);
        assert_eq!(text["pages"].as_array().unwrap().len(), pages);
        assert_eq!(text["sha256"], item["text_sha256"]);
        let letters: Vec<char> = text["text"].as_str().unwrap().chars().collect();
        let chunks = chunks(&app, item_id).await;
        assert_eq!(item["chunk_count"], chunks.len());
        assert!(!chunks.is_empty());
        for (place, chunk) in chunks.iter().enumerate() {
            let at = |name: &str| usize::try_from(chunk[name].as_u64().unwrap()).unwrap();
            let cut: String = letters[at("start_char")..at("end_char")].iter().collect();
            assert_eq!(chunk["text"], cut, "{chunk}");
            assert_eq!(at("chunk_idx"), place);
            assert!(1 <= at("page") && at("page") <= at("page_end") && at("page_end") <= pages);
        }
        all += chunks.len();
        // Pages, laid end to end, are the text.
        let mut whole = String::new();
        for number in 1..=pages {
            let page = app.get(Role::Viewer, &format!("{path}?page={number}")).await.json(200);
            let start = usize::try_from(page["start_char"].as_u64().unwrap()).unwrap();
            assert_eq!(whole.chars().count(), start);
            whole += page["text"].as_str().unwrap();
        }
        assert_eq!(json!(whole), text["text"]);
        app.get(Role::Viewer, &format!("{path}?page=99")).await.problem(404);
    }
    assert_eq!(points(&app).await, all as u64);
    let summary = app.get(Role::Viewer, "/api/status/summary").await.json(200);
    assert_eq!(
        (&summary["counts"]["items"], &summary["counts"]["chunks"]),
        (&json!(2), &json!(all))
    );
}

#[tokio::test]
async fn a_file_comes_back_as_it_came_and_never_as_a_page() {
    let app = TestApp::new().await;
    let page = b"<html><body><h1>Preise</h1><p>Der Strom kostet 30 Rappen.</p></body></html>";
    let item_id = upload(&app, "../../www/index.html", page).await;
    app.run_jobs().await;
    let file = app.get(Role::Customer, &format!("/api/documents/{item_id}/file")).await;
    assert_eq!(file.status, 200);
    assert_eq!(file.body.as_ref(), page);
    assert_eq!(file.header(header::CONTENT_TYPE), "application/octet-stream");
    assert_eq!(file.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    let disposition = file.header(header::CONTENT_DISPOSITION);
    assert!(disposition.starts_with("attachment; filename=\"index.html\""), "{disposition}");
    assert_eq!(item(&app, item_id).await["file_name"], "index.html");
    // Nothing lies where the name wanted it, and nothing is left of the way in.
    assert!(!app.folder().join("www").exists());
    assert_eq!(std::fs::read_dir(app.folder().join("incoming")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(app.folder().join("documents")).unwrap().count(), 1);
}

#[tokio::test]
async fn the_same_bytes_are_the_same_document() {
    let app = TestApp::new().await;
    let first = upload(&app, "a.txt", HOUSE).await;
    let again = send(&app, &[("file", Some("b.txt"), HOUSE)]).await.json(202);
    assert_eq!(again["accepted"][0]["item_id"], json!(first));
    assert_eq!(again["accepted"][0]["is_new"], false);
    app.run_jobs().await;
    assert_eq!(upload(&app, "c.txt", HOUSE).await, first);
    assert_eq!(actions(&app, first).await, ["document.add"]);
    // Even when both come in the same moment.
    let documents = &app.services.documents;
    let new = |name: &str| NewFile {
        name: name.to_owned(),
        bytes: CONTRACT.into(),
        title: None,
        tags: Vec::new(),
        source: None,
        url: None,
        place: None,
        by: crate::access::audit::By::command(),
    };
    let (one, other) =
        futures_util::join!(documents.add_file(new("1.pdf")), documents.add_file(new("2.pdf")));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.item_id, other.item_id);
    assert!(one.is_new != other.is_new);
}

#[tokio::test]
async fn another_content_under_a_title_is_a_version_that_speaks_once_it_is_ready() {
    let app = TestApp::new().await;
    let old = tell(&app, "House rules", "The laundry room closes at ten in the evening.").await;
    app.run_jobs().await;
    let new = tell(&app, "house  RULES", "The laundry room closes at nine in the evening.").await;
    assert_ne!(old, new);
    let waiting = item(&app, old).await;
    assert_eq!(waiting["superseded_at"], Value::Null, "the old one speaks until the new one can");
    app.run_jobs().await;
    let (old_now, new_now) = (item(&app, old).await, item(&app, new).await);
    assert_eq!((&new_now["version"], &new_now["previous_item"]), (&json!(2), &json!(old)));
    assert_eq!(old_now["superseded_at"], json!(app.clock.now()));
    assert_eq!(points(&app).await, chunks(&app, new).await.len() as u64);
    assert_eq!(chunks(&app, old).await.len(), 1, "it can still be read");
    let listed = async |query: &str| {
        let page = app.get(Role::Viewer, &format!("/api/documents{query}")).await.json(200);
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["item_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, [json!(new)]);
    assert_eq!(listed("?superseded=true").await, [json!(new), json!(old)]);
    let detail = app.get(Role::Viewer, &format!("/api/documents/{old}")).await.json(200);
    let versions: Vec<_> =
        detail["versions"].as_array().unwrap().iter().map(|it| it["version"].clone()).collect();
    assert_eq!(versions, [json!(2), json!(1)]);
    // The old words, sent again, are the latest version.
    let third = tell(&app, "House rules", "The laundry room closes at ten in the evening.").await;
    assert!(third != old && third != new);
    app.run_jobs().await;
    assert_eq!(listed("").await, [json!(third)]);
    assert_eq!(actions(&app, old).await, ["document.supersede", "document.add"]);
}

#[tokio::test]
async fn what_cannot_be_taken_in_is_said_file_by_file() {
    let app = app_with(|settings| settings.documents.max_mb = 1).await;
    let large = vec![b'x'; (1 << 20) + 1];
    let parts: [Part<'_>; 4] = [
        ("file", Some("large.txt"), &large),
        ("file", Some("house.txt"), HOUSE),
        ("file", Some("empty.txt"), b""),
        ("file", Some("x/house.txt"), b"another house"),
    ];
    let report = send(&app, &parts).await.json(202);
    assert_eq!(report["accepted"].as_array().unwrap().len(), 1);
    let refused = report["refused"].as_array().unwrap();
    let names: Vec<_> = refused.iter().map(|it| it["file_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["large.txt", "empty.txt", "house.txt"]);
    for (refusal, part) in refused.iter().zip(["1 MB", "is empty", "send it with a title"]) {
        assert!(refusal["reason"].as_str().unwrap().contains(part), "{refusal}");
    }
    send(&app, &[("file", Some("large.txt"), &large)]).await.problem(413);
    let cases: [(&[Part<'_>], &str); 7] = [
        (&[("title", None, b"x")], "file"),
        (&[("file", Some(""), b"")], "file"),
        (&[("file", Some("a.txt"), b"")], "file"),
        (&[("file", Some("a"), b"a"), ("file", Some("b"), b"b"), ("title", None, b"t")], "title"),
        (&[("file", Some("a"), b"a"), ("url", None, b"javascript:x")], "url"),
        (&[("file", Some("a"), b"a"), ("colour", None, b"red")], "colour"),
        (&[("file", Some("a"), b"a"), ("source", None, b"a\0")], "source"),
    ];
    for (parts, field) in cases {
        assert_eq!(send(&app, parts).await.wrong_field(), field, "{field}");
    }
    let path = "/ingest/doc";
    let text = Some(("text/plain", b"x".to_vec()));
    app.send(Role::Analyst, Method::POST, path, text).await.problem(415);
    let cut = Some(("multipart/form-data; boundary=XxX", b"--XxX\r\nContent-Dis".to_vec()));
    app.send(Role::Analyst, Method::POST, path, cut).await.problem(400);
    for (body, field) in [
        (json!({"title": " ", "text": "x"}), "title"),
        (json!({"title": "x", "text": " \n"}), "text"),
        (json!({"title": "x", "text": "x", "tags": ["x".repeat(61)]}), "tags[0]"),
    ] {
        let refused = app.post(Role::Analyst, "/ingest/text", &body).await;
        assert_eq!(refused.wrong_field(), field);
    }
    app.send(Role::Viewer, Method::POST, path, Some(form(&[]))).await.problem(403);
    assert_eq!(app.services.documents.counts().await.unwrap().total(), 1);
}

#[tokio::test]
async fn no_more_wait_than_may_wait() {
    let app = app_with(|settings| settings.documents.queue_max = 2).await;
    let parts: [Part<'_>; 3] = [
        ("file", Some("a.txt"), b"The first text of three."),
        ("file", Some("b.txt"), b"The second text of three."),
        ("file", Some("c.txt"), b"The third text of three."),
    ];
    let report = send(&app, &parts).await.json(202);
    assert_eq!(report["accepted"].as_array().unwrap().len(), 2);
    assert!(report["refused"][0]["reason"].as_str().unwrap().contains("2 may wait"), "{report}");
    let refused = send(&app, &parts[2..]).await;
    assert_eq!(refused.header(header::RETRY_AFTER), "30");
    refused.problem(429);
    app.run_jobs().await;
    send(&app, &parts[2..]).await.json(202);
}

#[tokio::test]
async fn lists_are_searched_and_go_on_where_a_page_ends() {
    let app = TestApp::new().await;
    for (title, text) in [
        ("100 % Solar", "Der Strom kommt vom Dach des Hauses und wird im Haus verbraucht."),
        ("Wind_Park", "The wind park delivers power to the houses in the valley every day."),
        ("Wasser", "L'eau du lac fait tourner la turbine de la centrale pendant la nuit."),
    ] {
        tell(&app, title, text).await;
        wait(&app, Duration::seconds(1));
    }
    app.run_jobs().await;
    let titles = async |query: &str| {
        let page = app.get(Role::Customer, &format!("/api/documents?{query}")).await.json(200);
        let items = page["items"].as_array().unwrap().iter();
        let titles: Vec<String> =
            items.map(|item| item["title"].as_str().unwrap().to_owned()).collect();
        (titles, page["next_cursor"].as_str().map(str::to_owned))
    };
    assert_eq!(titles("q=%25").await.0, ["100 % Solar"]);
    assert_eq!(titles("q=wind_").await.0, ["Wind_Park"]);
    assert_eq!(titles("q=d_p").await.0, ["Wind_Park"]);
    assert_eq!(titles("language=fr").await.0, ["Wasser"]);
    assert_eq!(titles("status=ready&q=a").await.0.len(), 3);
    assert!(titles("tag=none").await.0.is_empty());
    let (first, next) = titles("limit=2").await;
    assert_eq!(first, ["Wasser", "Wind_Park"]);
    let (second, end) = titles(&format!("limit=2&cursor={}", next.unwrap())).await;
    assert_eq!((second, end), (vec!["100 % Solar".to_owned()], None));
    let wrong = app.get(Role::Customer, "/api/documents?language=xx").await;
    assert_eq!(wrong.wrong_field(), "language");
}
