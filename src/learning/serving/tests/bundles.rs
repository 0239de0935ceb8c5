//! What is taken in, what is refused, and where a refusal points.

use std::io::Write;

use super::*;
use crate::learning::registry::State;
use crate::learning::serving::Bundles;
use crate::learning::serving::Settings;
use crate::platform::runtime::CpuPool;

#[actix_web::test]
async fn a_model_answers_the_same_in_another_installation() {
    let (home, away) = (services().await, services().await);
    let model = train(&home, Algorithm::Linear, true).await;
    let (_, bytes) = home.services.bundles.hand_out(model.model_id).await.unwrap();
    let by = By::system();
    let order = Order { by: &by, reason: "a gift", accepts_unproven: false };
    let taken =
        away.services.bundles.take_in(bytes.clone().into(), Origin::File, order).await.unwrap();
    assert!(taken.is_new);
    let copy = taken.model;
    assert_eq!((copy.state, copy.origin), (State::Validated, Origin::File));
    assert_ne!(copy.model_id, model.model_id);
    assert_eq!(
        (&copy.artifact_sha256, &copy.features, &copy.params, copy.train_end),
        (&model.artifact_sha256, &model.features, &model.params, model.train_end)
    );
    // It brought its scores, so that the gate is open.
    assert_eq!(copy.metrics, model.metrics);
    away.services.registry.activate(copy.model_id, order).await.unwrap();
    let request = about("2026-07-01T10:00:00Z");
    let here = home.services.predictor.predict(request.clone()).await.unwrap();
    let there = away.services.predictor.predict(request).await.unwrap();
    assert_eq!(here.first.value.unwrap().to_bits(), there.first.value.unwrap().to_bits());
    assert_eq!(here.first.features_hash, there.first.features_hash);
    // The same once more is no further model.
    let again = away.services.bundles.take_in(bytes.into(), Origin::File, order).await.unwrap();
    assert!(!again.is_new);
    assert_eq!(again.model.model_id, copy.model_id);
    let history = away.services.registry.history(copy.model_id, None, 9).await.unwrap();
    let actions: Vec<_> = history.iter().rev().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["import", "validate", "activate"]);
    assert_eq!(history[0].reason, "a gift");
}

/// Spoils a bundle that would be taken in.
type Spoil = fn(&mut Bundle);

#[actix_web::test]
async fn what_is_wrong_with_a_bundle_is_told_with_its_place_and_nothing_is_stored() {
    let test = TestServices::at("2026-06-30T18:00:00Z").await;
    let cases: [(&str, Spoil); 22] = [
        ("manifest.schema", |it| it.manifest.schema = 2),
        ("manifest.name", |it| it.manifest.name = "a b".into()),
        ("manifest.model_type", |it| it.manifest.model_type = "arima".into()),
        ("manifest.target_variable", |it| it.manifest.target_variable.clear()),
        ("manifest.task", |it| it.manifest.task = "dream".into()),
        ("manifest.event", |it| it.manifest.event = None),
        ("manifest.event", |it| it.manifest.task = "value".into()),
        ("manifest.features", |it| it.manifest.features.clear()),
        ("manifest.features[0]", |it| it.manifest.features[0] = "moon_phase".into()),
        ("manifest.features[1]", |it| it.manifest.features[1] = "hour".into()),
        ("manifest.features[1]", |it| it.manifest.features[1] = "lag 24h".into()),
        ("manifest.future_minutes", |it| it.manifest.future_minutes = -5),
        ("manifest.future_minutes", |it| it.manifest.future_minutes = i64::MAX),
        ("manifest.train_end", |it| it.manifest.train_end = it.manifest.train_start),
        ("manifest.missing_values.values", |it| {
            it.manifest.missing_values = MissingValues::Fill { values: vec![1.0] };
        }),
        ("manifest.model_sha256", |it| it.model.push(b'\n')),
        ("golden", |it| it.golden.clear()),
        ("golden[1].features", |it| it.golden[1].features.truncate(1)),
        ("model", |it| {
            it.model = b"tree\n".to_vec();
            it.manifest.model_sha256 = sha256_hex(&it.model);
        }),
        ("model", |it| {
            it.manifest.format = Format::Luna;
        }),
        ("model", |it| {
            // A value where a probability is asked for.
            it.model = trees("regression").into_bytes();
            it.manifest.model_sha256 = sha256_hex(&it.model);
        }),
        ("model", |it| {
            it.manifest.features.push("weekday".into());
            it.golden.iter_mut().for_each(|row| row.features.push(None));
        }),
    ];
    for (field, spoil) in cases {
        let mut bundle = event_bundle();
        spoil(&mut bundle);
        match take_in(&test, &bundle).await {
            Err(BundleError::Fault(fault)) => assert_eq!(fault.field, field, "{fault}"),
            other => panic!("{field}: {other:?}"),
        }
    }
    assert_eq!(test.services.registry.count().await.unwrap(), 0);
    assert!(take_in(&test, &event_bundle()).await.unwrap().is_new);
}

/// The archive of `files`.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn an_archive_that_is_none_or_has_other_fields_is_refused() {
    let field = |bytes: &[u8]| Bundle::unpack(bytes).unwrap_err().field;
    assert_eq!(field(b"PK"), "file");
    assert_eq!(field(&archive(&[("readme", b"")])), "manifest.json");
    let manifest = json!(event_bundle().manifest);
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut manifest = manifest.clone();
        change(&mut manifest);
        field(&archive(&[("manifest.json", manifest.to_string().as_bytes())]))
    };
    assert_eq!(with(&|it| it["extra"] = json!(1)), "manifest.extra");
    assert_eq!(with(&|it| drop(it.as_object_mut().unwrap().remove("name"))), "manifest.name");
    assert_eq!(with(&|it| it["features"][1] = json!(7)), "manifest.features[1]");
    assert_eq!(with(&|it| it["event"]["threshold"] = json!("x")), "manifest.event.threshold");
    assert_eq!(with(&|it| it["train_end"] = json!("soon")), "manifest.train_end");
    let manifest = manifest.to_string();
    let golden = |rows: &serde_json::Value| {
        let rows = rows.to_string();
        let files: [(&str, &[u8]); 2] =
            [("manifest.json", manifest.as_bytes()), ("golden.json", rows.as_bytes())];
        field(&archive(&files))
    };
    assert_eq!(golden(&json!([{"features": [1.0]}])), "golden[0].expected");
    assert_eq!(golden(&json!([{"features": ["x"], "expected": 1.0}])), "golden[0].features[0]");
    assert_eq!(golden(&json!([])), "model.bin");
}

#[actix_web::test]
async fn a_model_that_answers_otherwise_is_kept_as_failed_and_may_do_nothing() {
    let test = services().await;
    let mut bundle = event_bundle();
    bundle.golden[2].expected += 1e-9;
    let Err(BundleError::Failed { fault, .. }) = take_in(&test, &bundle).await else {
        panic!("it was taken in");
    };
    assert_eq!(fault.field, "golden[2].expected");
    let registry = &test.services.registry;
    let kept = registry.list(None, None, 9).await.unwrap().remove(0);
    assert_eq!(kept.state, State::Failed);
    assert!(kept.error.as_ref().unwrap().starts_with("golden[2].expected: the model answers"));
    let by = By::system();
    let order = Order { by: &by, reason: "", accepts_unproven: true };
    for refused in [
        registry.activate(kept.model_id, order).await.err(),
        registry.shadow(kept.model_id, order).await.err(),
    ] {
        assert!(refused.unwrap().to_string().contains("is failed"));
    }
    assert!(test.services.bundles.hand_out(kept.model_id).await.is_err());
    // Within the tolerance it is the same model; the failed one is not in its way.
    bundle.golden[2].expected -= 1e-9;
    bundle.golden[0].expected += 5e-13;
    assert!(take_in(&test, &bundle).await.unwrap().is_new);
}

#[actix_web::test]
async fn a_model_of_this_registry_is_looked_at_anew() {
    let test = services().await;
    let model = train(&test, Algorithm::Linear, false).await;
    assert_eq!(model.state, State::Validated);
    let by = By::system();
    let order = Order::from(&by);
    let file = test.folder().join(format!("models/{}.bin", model.model_id));
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, b"damaged").unwrap();
    let (bundles, registry) = (&test.services.bundles, &test.services.registry);
    let refused = bundles.look_at(model.model_id, order).await.unwrap_err();
    assert!(matches!(refused, BundleError::Failed { .. }), "{refused}");
    assert_eq!(registry.get(model.model_id).await.unwrap().state, State::Failed);
    std::fs::write(&file, bytes).unwrap();
    let back = bundles.look_at(model.model_id, order).await.unwrap().model;
    assert_eq!((back.state, back.error), (State::Validated, None));
    assert!(registry.golden(model.model_id).await.unwrap().len() >= 8);
}

#[actix_web::test]
async fn bundles_are_small_and_come_from_listed_places() {
    let test = services().await;
    let limited = |settings: Settings| {
        let (db, registry) = (test.services.db.clone(), test.services.registry.clone());
        Bundles::new(db, registry, (CpuPool::new(None), test.clock.clone()), settings)
    };
    let by = By::system();
    let order = Order::from(&by);
    let small = limited(Settings { bundle_mb_max: 1, ..Settings::default() });
    let large = Bytes::from(vec![0; (1 << 20) + 1]);
    let refused = small.take_in(large, Origin::File, order).await.unwrap_err();
    assert!(refused.to_string().starts_with("file: it is longer than"), "{refused}");

    let mut bundle = event_bundle();
    let tree = trees("binary sigmoid:1");
    let (head, rest) = tree.split_once("\n\nTree=0\n").unwrap();
    let body = rest.strip_suffix("\n\nend of trees\n").unwrap();
    let two = format!("{head}\n\nTree=0\n{body}\n\nTree=1\n{body}\n\nend of trees\n");
    bundle.model = two.into_bytes();
    bundle.manifest.model_sha256 = sha256_hex(&bundle.model);
    let few = limited(Settings { trees_max: 1, ..Settings::default() });
    let bytes = Bytes::from(bundle.pack().unwrap());
    let refused = few.take_in(bytes, Origin::File, order).await.unwrap_err();
    assert!(refused.to_string().contains("it has 2 trees; 1 are allowed"), "{refused}");

    let refused = few.fetch("http://127.0.0.1:1/bundle", None, order).await.unwrap_err();
    assert!(matches!(refused, BundleError::NotListed), "{refused}");
}

#[actix_web::test]
async fn a_bundle_is_fetched_from_a_listed_installation_with_its_key() {
    let test = TestServices::at("2026-06-30T18:00:00Z").await;
    let packed = Bytes::from(event_bundle().pack().unwrap());
    let server = actix_web::HttpServer::new(move || {
        let packed = packed.clone();
        let hand_out = move |request: actix_web::HttpRequest| {
            let packed = packed.clone();
            async move {
                match request
                    .headers()
                    .get("x-api-key")
                    .map(actix_web::http::header::HeaderValue::as_bytes)
                {
                    Some(b"luna_key") => actix_web::HttpResponse::Ok().body(packed),
                    _ => actix_web::HttpResponse::Unauthorized().finish(),
                }
            }
        };
        actix_web::App::new().route("/api/models/7/bundle", actix_web::web::get().to(hand_out))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let listed = format!("http://{address}/api/models/");
    let settings = Settings { import_urls: vec![listed.clone()], ..Settings::default() };
    let registry = test.services.registry.clone();
    let bundles = Bundles::new(
        test.services.db.clone(),
        registry,
        (CpuPool::new(None), test.clock.clone()),
        settings,
    );
    let by = By::system();
    let (order, url) = (Order::from(&by), format!("{listed}7/bundle"));
    let refused = bundles.fetch(&url, None, order).await.unwrap_err();
    assert!(matches!(refused, BundleError::Status(401)), "{refused}");
    let taken = bundles.fetch(&url, Some("luna_key"), order).await.unwrap();
    assert_eq!((taken.model.origin, taken.model.state), (Origin::Url, State::Validated));
    let elsewhere = format!("http://{address}/other");
    let refused = bundles.fetch(&elsewhere, None, order).await.unwrap_err();
    assert!(matches!(refused, BundleError::NotListed), "{refused}");
    handle.stop(false).await;
}

#[actix_web::test]
async fn a_bundle_is_signed_and_a_signature_that_does_not_fit_is_refused_always() {
    let (home, away) = (services().await, services().await);
    let model = train(&home, Algorithm::Linear, true).await;
    let own = home.services.bundles.public_key().await.unwrap();
    // The key is made once, whoever asks at the same time.
    let again = futures_util::future::join_all((0..4).map(|_| away.services.bundles.public_key()));
    let keys: std::collections::BTreeSet<_> = again.await.into_iter().map(Result::unwrap).collect();
    let kept = away.services.bundles.public_key().await.unwrap();
    assert!(keys.contains(&kept) && kept != own);
    let (_, bytes) = home.services.bundles.hand_out(model.model_id).await.unwrap();
    assert_eq!(Bundle::unpack(&bytes).unwrap().signed_by.as_deref(), Some(own.as_str()));

    let by = By::system();
    let order = Order::from(&by);
    let with = |settings: Settings| {
        let (db, registry) = (away.services.db.clone(), away.services.registry.clone());
        Bundles::new(db, registry, (CpuPool::new(None), away.clock.clone()), settings)
    };
    let strict = |keys: &[&str]| {
        with(Settings {
            require_signature: true,
            trusted_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            ..Settings::default()
        })
    };
    let field = async |bundles: &Bundles, bytes: Vec<u8>| match bundles
        .take_in(bytes.into(), Origin::File, order)
        .await
    {
        Err(BundleError::Fault(fault)) => fault.field,
        other => panic!("{other:?}"),
    };
    let changed = |part: &str, from: &str, to: &str| {
        let mut source = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for place in 0..source.len() {
            let mut file = source.by_index(place).unwrap();
            let (name, mut content) = (file.name().unwrap().into_owned(), Vec::new());
            std::io::Read::read_to_end(&mut file, &mut content).unwrap();
            if name == part {
                content = String::from_utf8(content).unwrap().replacen(from, to, 1).into_bytes();
            }
            files.push((name, content));
        }
        let files: Vec<_> = files.iter().map(|(name, it)| (name.as_str(), it.as_slice())).collect();
        archive(&files)
    };
    // Changed after it was signed, here and there; trusted or not, wanted or not.
    for bundles in [&with(Settings::default()), &strict(&[&own])] {
        for spoiled in [
            changed("manifest.json", "\"name\": \"price", "\"name\": \"prize"),
            changed("golden.json", "\"slot\":", "\"slot\": "),
            changed("signature.json", &own, &"ab".repeat(32)),
        ] {
            assert_eq!(field(bundles, spoiled).await, "signature.signature");
        }
        let cut = changed("signature.json", &own, &own[1..]);
        assert_eq!(field(bundles, cut).await, "signature.public_key");
        let named = changed("signature.json", "public_key", "secret_key");
        assert_eq!(field(bundles, named).await, "signature.secret_key");
    }
    // Sound, but of somebody who is not trusted; and not signed at all.
    assert_eq!(field(&strict(&[]), bytes.clone()).await, "signature.public_key");
    let plain = event_bundle().pack().unwrap();
    assert_eq!(field(&strict(&[&own]), plain.clone()).await, "signature");
    assert_eq!(away.services.registry.count().await.unwrap(), 0);

    let taken = strict(&[&own]).take_in(bytes.into(), Origin::File, order).await.unwrap();
    assert_eq!(taken.model.signed_by, Some(own));
    let taken = with(Settings::default()).take_in(plain.into(), Origin::File, order).await.unwrap();
    assert_eq!(taken.model.signed_by, None);
    // What this installation hands out it takes in again, whatever it asks of others.
    let (_, back) = away.services.bundles.hand_out(taken.model.model_id).await.unwrap();
    let back = strict(&[]).take_in(back.into(), Origin::File, order).await.unwrap();
    assert!(!back.is_new);
}

#[actix_web::test]
async fn a_model_that_takes_too_long_for_a_row_is_not_taken_in() {
    let test = services().await;
    let by = By::system();
    let bundles = |row_ms_max| {
        let (db, registry) = (test.services.db.clone(), test.services.registry.clone());
        let settings = Settings { row_ms_max, ..Settings::default() };
        Bundles::new(db, registry, (CpuPool::new(None), test.clock.clone()), settings)
    };
    // No clock is so coarse that a row takes no time at all.
    let bytes = Bytes::from(event_bundle().pack().unwrap());
    let refused = bundles(0).take_in(bytes.clone(), Origin::File, Order::from(&by)).await;
    let Err(BundleError::Fault(fault)) = refused else { panic!("{refused:?}") };
    assert!(fault.field == "model" && fault.what.contains("models.row_ms_max"), "{fault}");
    assert_eq!(test.services.registry.count().await.unwrap(), 0);
    assert!(bundles(60_000).take_in(bytes, Origin::File, Order::from(&by)).await.unwrap().is_new);
}

#[actix_web::test]
async fn a_bundle_says_which_phases_its_model_has_learned_from() {
    let test = services().await;
    let mut bundle = event_bundle();
    bundle.manifest.regime = Some("season=winter".parse().unwrap());
    let taken = take_in(&test, &bundle).await.unwrap().model;
    assert_eq!(taken.regime, bundle.manifest.regime);
    let (_, bytes) = test.services.bundles.hand_out(taken.model_id).await.unwrap();
    assert_eq!(Bundle::unpack(&bytes).unwrap().manifest.regime, taken.regime);
}
