//! The pages of documents as browsers get them.

use bytes::Bytes;
use uuid::Uuid;

use crate::access::audit::By;
use crate::knowledge::documents::NewFile;
use crate::platform::web::Role;
use crate::testing::{ANYBODY, Browser, TestApp};

const SHEET: &str = "Vergütung für Rücklieferung 2026\n\nFür Anlagen bis 30 kW beträgt die Vergütung \
    mindestens 6.00 Rp./kWh, auch bei negativem Marktpreis 😀. Für grössere Anlagen gelten andere Ansätze.\n";

async fn app(change: impl FnOnce(&mut crate::config::Settings)) -> TestApp {
    TestApp::with("2026-03-28T12:00:00Z".parse().unwrap(), |settings| {
        settings.answers.confidence_min = 0.05;
        change(settings);
    })
    .await
}

async fn add(app: &TestApp, name: &str, text: &str) -> Uuid {
    let new = NewFile {
        name: name.to_owned(),
        bytes: Bytes::from(text.to_owned()),
        title: None,
        tags: Vec::new(),
        source: None,
        url: None,
        place: None,
        by: By::command(),
    };
    let added = app.services.documents.add_file(new).await.unwrap();
    app.run_jobs().await;
    added.item_id
}

#[tokio::test]
async fn an_empty_page_says_what_to_do() {
    let app = app(|_| {}).await;
    let admin = Browser::of(&app, Role::Admin).await;
    let html = admin.open("/documents").await.text().to_owned();
    assert!(html.contains("Noch keine Dokumente.") && html.contains("Ziehen Sie"), "{html}");
    assert!(html.contains("type=\"file\""));
    assert!(html.contains("ohne Sprachmodell"));
    let customer = Browser::of(&app, Role::Customer).await;
    let html = customer.open("/documents").await.text().to_owned();
    assert!(!html.contains("type=\"file\"") && html.contains("Wer Luna betreut"), "{html}");
    assert_eq!(
        app.get(ANYBODY, "/documents").await.status,
        303,
        "who is not logged in is asked to"
    );
}

#[tokio::test]
async fn a_file_is_brought_read_asked_and_looked_at() {
    let app = app(|_| {}).await;
    let admin = Browser::of(&app, Role::Admin).await;
    admin.open("/documents").await;
    let sent = admin
        .send_file("/documents", &[("tags", "tarif, 2026")], ("blatt.txt", SHEET.as_bytes()))
        .await;
    let html = admin.follow(&sent).await.text().to_owned();
    assert!(
        html.contains("blatt") && html.contains("wartet") && html.contains("every 3s"),
        "{html}"
    );
    app.run_jobs().await;
    let html = admin.open("/documents").await.text().to_owned();
    assert!(!html.contains("every 3s") && html.contains("Ein Dokument gibt Auskunft."), "{html}");

    let customer = Browser::of(&app, Role::Customer).await;
    customer.open("/documents").await;
    let question = [("question", "Wie hoch ist die Vergütung bis 30 kW?")];
    let html = customer.submit("/documents/ask", &question).await.text().to_owned();
    assert!(html.contains("<mark>") && html.contains("mindestens 6.00 Rp./kWh"), "{html}");
    assert!(html.contains("Auszug, kein Sprachmodell"), "{html}");
    let link = html.split("href=\"").find(|rest| rest.contains("start=")).unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let page = customer.open(link.split('#').next().unwrap()).await;
    let html = page.text();
    let marked = html.split("<mark id=\"hit\">").nth(1).unwrap().split("</mark>").next().unwrap();
    assert!(marked.contains("mindestens 6.00 Rp./kWh") && marked.contains("😀"), "{marked}");
    // Asked once more without being kept.
    let private = [question[0], ("private", "1")];
    let html = customer.submit("/documents/ask", &private).await.text().to_owned();
    assert!(html.contains("nicht aufbewahrt") && !html.contains("Hilft die Antwort?"), "{html}");
    let html = customer.open("/documents").await.text().to_owned();
    assert_eq!(
        html.matches(">Wie hoch ist die Vergütung bis 30 kW?</a>").count(),
        1,
        "once among the earlier ones"
    );
}

#[tokio::test]
async fn an_answer_is_rated_from_the_page() {
    let app = app(|_| {}).await;
    add(&app, "blatt.txt", SHEET).await;
    let customer = Browser::of(&app, Role::Customer).await;
    customer.open("/documents").await;
    let asked = [("question", "Wie hoch ist die Vergütung bis 30 kW?")];
    let html = customer.submit("/documents/ask", &asked).await.text().to_owned();
    let path = html.split("action=\"/documents/questions/").nth(1).unwrap();
    let path = format!("/documents/questions/{}", path.split('"').next().unwrap());
    let rated = customer.submit(&path, &[("value", "1")]).await;
    let html = customer.follow(&rated).await.text().to_owned();
    assert!(html.contains("Danke, das ist festgehalten."), "{html}");
    let viewer = Browser::of(&app, Role::Viewer).await;
    viewer.open("/documents").await;
    assert_eq!(viewer.submit(&path, &[("value", "1")]).await.status, 404);
    assert_eq!(customer.forge(&path, &[("value", "1")]).await.status, 403);
}

#[tokio::test]
async fn what_cannot_be_asked_or_taken_is_said_in_words() {
    let app = app(|_| {}).await;
    let admin = Browser::of(&app, Role::Admin).await;
    admin.open("/documents").await;
    let empty = admin.submit("/documents/ask", &[("question", "  ")]).await;
    assert_eq!(empty.status, 422);
    assert!(empty.text().contains("Schreiben Sie, was Sie wissen möchten."));
    let long = "x".repeat(2_001);
    let long = admin.submit("/documents/ask", &[("question", &long)]).await;
    assert!(long.text().contains("Die Frage ist zu lang"), "{}", long.text());
    let none = admin.send_file("/documents", &[], ("leer.txt", b"")).await;
    assert_eq!(none.status, 422);
    assert!(none.text().contains("leer.txt: Die Datei ist leer."), "{}", none.text());
    let customer = Browser::of(&app, Role::Customer).await;
    customer.open("/documents").await;
    let refused = customer.send_file("/documents", &[], ("a.txt", b"x")).await;
    assert_eq!(refused.status, 403);
    let nothing = customer.submit("/documents/ask", &[("question", "Wann fährt der Zug?")]).await;
    assert!(
        nothing.text().contains("In Ihren Dokumenten steht dazu nichts."),
        "{}",
        nothing.text()
    );
}

#[tokio::test]
async fn admins_approve_and_delete() {
    let app = app(|settings| settings.documents.approval_required = true).await;
    let id = add(&app, "blatt.txt", SHEET).await;
    let customer = Browser::of(&app, Role::Customer).await;
    let html = customer.open("/documents").await.text().to_owned();
    assert!(!html.contains("blatt"), "{html}");
    assert_eq!(customer.open(&format!("/documents/{id}")).await.status, 404);
    let admin = Browser::of(&app, Role::Admin).await;
    let html = admin.open("/documents").await.text().to_owned();
    assert!(html.contains("nicht freigegeben"), "{html}");
    for path in ["approve", "delete"] {
        let path = format!("/documents/{id}/{path}");
        assert_eq!(customer.submit(&path, &[]).await.status, 403);
        let done = admin.submit(&path, &[]).await;
        assert_eq!(done.status, 303, "{}", done.text());
        let seen = customer.open(&format!("/documents/{id}")).await.status;
        assert_eq!(seen, if path.ends_with("approve") { 200 } else { 404 });
    }
    // Pressed twice, it is gone all the same.
    assert_eq!(admin.submit(&format!("/documents/{id}/delete"), &[]).await.status, 303);
}

#[tokio::test]
async fn a_document_is_shown_as_letters() {
    let app = app(|_| {}).await;
    let hostile = "Vergütung <script>alert(1)</script> 30 kW <img src=x onerror=alert(2)> \"'&amp;";
    let id = add(&app, "<b>boese</b>.txt", hostile).await;
    let admin = Browser::of(&app, Role::Admin).await;
    let one = admin.open(&format!("/documents/{id}?start=0&end=9")).await.text().to_owned();
    let list = admin.open("/documents").await.text().to_owned();
    for html in [&one, &list] {
        assert!(!html.contains("<script>alert") && !html.contains("<img src=x"), "{html}");
        assert!(!html.contains("<b>boese"), "{html}");
    }
    assert!(one.contains("<mark id=\"hit\">Vergütung</mark>"), "{one}");
    let english = admin.open("/preferences?lang=en&back=/documents").await;
    let html = admin.follow(&english).await.text().to_owned();
    assert!(html.contains("Question to your documents"), "{html}");
}
