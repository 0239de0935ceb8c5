//! Published prices through the commands a person would type: import, train, evaluate.

use serde_json::{Value, json};

use crate::program::{Home, shared_data};

#[tokio::test(flavor = "multi_thread")]
async fn swiss_prices_are_imported_learned_and_forecast_better_than_naively() {
    let test = "swiss_prices_are_imported_learned_and_forecast_better_than_naively";
    let Some(data) = shared_data(test) else { return };
    let home = Home::new();
    // One server for all commands: each of them would start and stop the database otherwise.
    let _served = home.serve().await;
    let file = data.join("prices/dayahead_CH_DE_AT_FR_2020_2023.csv.gz").display().to_string();
    let import = home.run(&["import", "prices", &file, "--market", "CH", "--json"]).json();
    // Counted in the text of the file: 35064 rows, four in hours that no clock showed, 3407 without
    // a value; four autumn hours stand for two each.
    assert_eq!((&import["rows_read"], &import["stored"]), (&json!(35_064), &json!(31_657)));
    let dropped: Vec<(&str, u64)> = import["dropped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| (part["reason"].as_str().unwrap(), part["rows"].as_u64().unwrap()))
        .collect();
    assert_eq!(dropped, [("hour does not exist (clock change in spring)", 4), ("no value", 3_407)]);

    let train = home.run(&[
        "train",
        "--market",
        "CH",
        "--model",
        "linear",
        "--until",
        "2023-06-30",
        "--window-days",
        "365",
        "--json",
    ]);
    let report = train.json();
    let (model, dataset) = (&report["model"], &report["dataset"]);
    assert_eq!((&report["serves"], &model["status"]), (&json!(true), &json!("READY")));
    assert_eq!(model["metrics"]["gate"]["passed"], true);
    assert_eq!(model["train_start"], "2022-06-30T22:00:00Z");
    assert_eq!(dataset["to_day"], "2023-06-30");
    assert!(home.data("datasets").join(dataset["name"].as_str().unwrap()).is_file());

    let evaluate = home.run(&[
        "evaluate",
        "--market",
        "CH",
        "--from",
        "2023-07-01",
        "--to",
        "2023-07-14",
        "--models",
        "naive,linear",
        "--window-days",
        "365",
        "--json",
    ]);
    let report = evaluate.json();
    let models = report["models"].as_array().unwrap();
    let figure = |index: usize, name: &str| models[index][name].as_f64().unwrap();
    assert_eq!(
        models.iter().map(|one| &one["model"]).collect::<Vec<&Value>>(),
        ["naive", "linear"]
    );
    assert_eq!(models[0]["n"], json!(14 * 24));
    assert!(figure(1, "rmae") < 1.0, "{report}");
    assert!(figure(1, "mae") < figure(0, "mae"), "{report}");
    assert!(figure(1, "rmse") >= figure(1, "mae"), "{report}");
}
