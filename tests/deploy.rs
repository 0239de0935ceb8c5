//! The files that put Luna on a machine: compose, image, example of variables, recipes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_yaml_ng::Value;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn compose() -> Value {
    serde_yaml_ng::from_str(&file("docker-compose.yml")).unwrap()
}

/// Services of the compose file by name.
fn services(compose: &Value) -> Vec<(&str, &Value)> {
    let services = compose["services"].as_mapping().unwrap();
    services.iter().map(|(name, service)| (name.as_str().unwrap(), service)).collect()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_sequence().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Variables of `.env.example` that are set, with their values.
fn example_variables() -> BTreeMap<String, String> {
    let text = file(".env.example");
    let set =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// `${NAME:-default}` and `${NAME:?…}` in a text, as name and default.
fn substitutions(text: &str) -> Vec<(&str, Option<&str>)> {
    let inner =
        text.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(inner, _)| inner));
    inner
        .map(|inner| match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner.split([':', '?']).next().unwrap(), None),
        })
        .collect()
}

#[test]
fn every_service_is_watched_limited_restarted_and_on_the_shared_network() {
    let compose = compose();
    for (name, service) in services(&compose) {
        assert!(!service["healthcheck"]["test"].is_null(), "{name} has no health check");
        for key in ["interval", "timeout", "retries", "start_period"] {
            assert!(!service["healthcheck"][key].is_null(), "{name}: health check without {key}");
        }
        let limits = &service["deploy"]["resources"]["limits"];
        assert!(limits["cpus"].is_string() && limits["memory"].is_string(), "{name} is unlimited");
        assert_eq!(service["restart"].as_str(), Some("unless-stopped"), "{name}");
        assert_eq!(texts(&service["networks"]), ["luna-net"], "{name}");
        assert!(service["container_name"].is_null(), "{name}: a fixed name refuses a second stack");
        assert!(service["privileged"].is_null(), "{name}");
    }
    let network = &compose["networks"]["luna-net"];
    assert_eq!(network["name"].as_str(), Some("luna-net"));
    assert_eq!(network["external"].as_bool(), Some(true), "containers that already run are on it");
}

/// A file of `config/observability`, as YAML (which JSON is, too).
fn observability(name: &str) -> Value {
    serde_yaml_ng::from_str(&file(&format!("config/observability/{name}"))).unwrap()
}

#[test]
fn what_stands_beside_luna_is_a_profile_of_its_own_and_for_this_machine_only() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let expected: &[&str] = match name {
            "prometheus" | "loki" | "alloy" | "grafana" => &["observability"],
            "redpanda" => &["redpanda"],
            _ => &[],
        };
        assert_eq!(texts(&service["profiles"]), expected, "{name}");
        for port in texts(&service["ports"]).iter().filter(|_| !expected.is_empty()) {
            assert!(port.starts_with("127.0.0.1:"), "{name}: {port} asks nobody who they are");
        }
        for mount in texts(&service["volumes"]) {
            assert!(!mount.contains("docker.sock"), "{name}: {mount}");
            if let Some(path) = mount.strip_prefix("./") {
                let path = path.split(':').next().unwrap();
                assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists(), "{mount}");
            }
        }
    }
}

#[test]
fn the_watchers_ask_each_other_under_their_names_and_ports() {
    let scraped = observability("prometheus.yml");
    let targets: Vec<String> = scraped["scrape_configs"]
        .as_sequence()
        .unwrap()
        .iter()
        .flat_map(|job| texts(&job["static_configs"][0]["targets"]))
        .map(str::to_owned)
        .collect();
    assert_eq!(targets, ["luna:8001", "127.0.0.1:9090", "loki:3100", "alloy:12345"]);
    let sources = observability("grafana/provisioning/datasources/luna.yml");
    let known: Vec<(&str, &str)> = sources["datasources"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|source| (source["uid"].as_str().unwrap(), source["url"].as_str().unwrap()))
        .collect();
    assert_eq!(known, [("prometheus", "http://prometheus:9090"), ("loki", "http://loki:3100")]);
    let dashboard = observability("grafana/dashboards/luna.json");
    let panels = dashboard["panels"].as_sequence().unwrap();
    let shown: Vec<_> = panels.iter().filter(|panel| panel["type"] != "row").collect();
    assert!(shown.len() > 15, "{} panels", shown.len());
    for panel in shown {
        let uid = panel["datasource"]["uid"].as_str().unwrap();
        assert!(known.iter().any(|(name, _)| *name == uid), "{panel:?}");
        assert!(panel["targets"][0]["expr"].is_string() && panel["title"].is_string());
    }
    // Alloy reads the file that Luna writes.
    let log = "/var/lib/luna/data/logs/luna.log";
    let compose = compose();
    let luna = &compose["services"]["luna"]["environment"];
    assert_eq!(luna["LUNA_TELEMETRY__FILE"].as_str(), Some(log));
    let alloy = file("config/observability/config.alloy");
    assert!(alloy.contains(log) && alloy.contains("http://loki:3100/loki/api/v1/push"));
    assert!(
        texts(&compose["services"]["alloy"]["volumes"])
            .contains(&"luna-data:/var/lib/luna/data:ro")
    );
    let loki = observability("loki.yml");
    assert_eq!(loki["server"]["http_listen_port"], 3100);
    assert_eq!(loki["auth_enabled"], false);
}

#[test]
fn the_database_has_one_image_wherever_it_is_named() {
    let image = |text: &str| -> Vec<String> {
        let named = text.lines().filter_map(|line| line.split_once("image: "));
        let named = named.map(|(_, image)| image.trim().to_owned());
        named.filter(|image| image.contains("timescale")).collect()
    };
    let compose = image(&file("docker-compose.yml"));
    assert_eq!(compose.len(), 1, "{compose:?}");
    assert_eq!(image(&file(".github/workflows/ci.yml")), compose);
}

#[test]
fn luna_waits_for_a_healthy_database_and_keeps_its_data() {
    let compose = compose();
    let condition = &compose["services"]["luna"]["depends_on"]["timescaledb"]["condition"];
    assert_eq!(condition.as_str(), Some("service_healthy"));
    let named: BTreeSet<&str> =
        compose["volumes"].as_mapping().unwrap().keys().filter_map(Value::as_str).collect();
    for (name, service) in services(&compose) {
        let mounts = texts(&service["volumes"]);
        let keeps = mounts.iter().filter_map(|mount| mount.split(':').next());
        // One turns what it gets into text, the other asks its neighbour to keep something.
        let has_nothing_to_keep = ["tika", "ollama-models"].contains(&name);
        let keeps = keeps.into_iter().any(|volume| named.contains(volume));
        assert_eq!(keeps, !has_nothing_to_keep, "{name}");
    }
}

#[test]
fn luna_finds_the_services_that_documents_use_and_does_not_wait_for_them() {
    let compose = compose();
    let luna = &compose["services"]["luna"];
    for (variable, service, port) in [
        ("QDRANT_URL", "qdrant", "6333"),
        ("OLLAMA_URL", "ollama", "11434"),
        ("TIKA_URL", "tika", "9998"),
    ] {
        let url = format!("http://{service}:{port}");
        assert_eq!(luna["environment"][variable].as_str(), Some(url.as_str()));
        let ports = texts(&compose["services"][service]["ports"]);
        assert!(ports.iter().any(|mapped| mapped.ends_with(&format!(":{port}"))), "{service}");
        for mapped in ports {
            assert!(mapped.starts_with("127.0.0.1:"), "{service}: {mapped} asks nobody");
        }
        assert!(luna["depends_on"][service].is_null(), "what is away holds nothing up");
    }
    let models = &compose["services"]["ollama-models"];
    let model = models["environment"]["EMBEDDING_MODEL"].as_str();
    assert_eq!(luna["environment"]["LUNA_EMBEDDING__MODEL"].as_str(), model);
    assert_eq!(models["image"], compose["services"]["ollama"]["image"]);
}

#[test]
fn ports_come_from_variables_and_the_database_is_not_on_the_network() {
    let (compose, variables) = (compose(), example_variables());
    for (name, service) in services(&compose) {
        for port in texts(&service["ports"]) {
            let found = substitutions(port);
            let [(variable, Some(default))] = found[..] else { panic!("{name}: {port} is fixed") };
            assert_eq!(
                variables.get(variable).map(String::as_str),
                Some(default),
                "{name}: {port}"
            );
        }
    }
    let database = texts(&compose["services"]["timescaledb"]["ports"]);
    assert!(database.iter().all(|port| port.starts_with("127.0.0.1:")), "{database:?}");
}

#[test]
fn every_variable_of_the_compose_file_is_in_the_example() {
    let (text, variables) = (file("docker-compose.yml"), example_variables());
    let found = substitutions(&text);
    assert!(found.len() >= 6, "{found:?}");
    for (name, default) in found {
        let example = variables.get(name);
        assert!(example.is_some(), "{name} is not in .env.example");
        if default.is_some() {
            assert_eq!(example.map(String::as_str), default, "{name}");
        }
    }
}

#[test]
fn the_promised_variables_have_the_promised_values() {
    let variables = example_variables();
    for (name, value) in [
        ("API_PORT", "8001"),
        ("POSTGRES_PORT", "8301"),
        ("QDRANT_HTTP_PORT", "6333"),
        ("QDRANT_GRPC_PORT", "6334"),
        ("OLLAMA_PORT", "11434"),
        ("TIKA_PORT", "9998"),
        ("GRAFANA_PORT", "3000"),
        ("LOKI_PORT", "3100"),
        ("PROMETHEUS_PORT", "9090"),
        ("KAFKA_PORT", "9092"),
        ("ENABLE_REDPANDA", "false"),
        ("ENABLE_OBSERVABILITY", "false"),
        ("APPLY_MIGRATIONS", "true"),
    ] {
        assert_eq!(variables.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(variables.contains_key("PROJECT_NAME") && variables.contains_key("LOG_LEVEL"));
    assert_eq!(variables["POSTGRES_PASSWORD"], "", "nobody gets a password that others know");
}

#[test]
fn the_image_runs_the_program_as_a_user_without_rights() {
    let text = file("Dockerfile");
    let last_stage = text.rsplit("\nFROM ").next().unwrap();
    let instructions: Vec<&str> = last_stage.lines().collect();
    let user = instructions.iter().position(|line| line.starts_with("USER ")).unwrap();
    let command = instructions.iter().position(|line| line.starts_with("CMD ")).unwrap();
    assert!(user < command && !instructions[user].contains("root"));
    assert!(last_stage.contains("HEALTHCHECK") && last_stage.contains("libgomp1"));
    assert!(last_stage.contains(r#"CMD ["/usr/local/bin/luna", "serve"]"#), "signals reach it");
    assert!(text.contains("--locked"));
    for line in text.lines().filter(|line| line.starts_with("FROM ")) {
        assert!(line.contains(':') && !line.contains(":latest"), "{line}: name a version");
    }
    for (name, service) in services(&compose()) {
        let image = service["image"].as_str().unwrap_or("built:here");
        assert!(image.contains(':') && !image.ends_with(":latest"), "{name}: {image}");
    }
}

#[test]
fn the_workflow_lints_tests_checks_the_contract_and_the_containers() {
    let workflow: Value = serde_yaml_ng::from_str(&file(".github/workflows/ci.yml")).unwrap();
    let jobs = workflow["jobs"].as_mapping().unwrap();
    let names: Vec<&str> = jobs.keys().filter_map(Value::as_str).collect();
    assert_eq!(names, ["lint", "test", "contract", "containers"]);
    for (name, job) in jobs {
        assert!(job["timeout-minutes"].is_u64(), "{name:?} may run for ever");
    }
}

#[test]
fn recipes_exist_for_what_is_promised_and_name_files_that_exist() {
    let makefile = file("Makefile");
    let targets = "preflight up down logs migrate seed simulate testping run test bench doctor";
    for target in targets.split(' ') {
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
    for word in makefile.split_whitespace().filter(|word| word.starts_with(".ci/")) {
        let script = word.trim_end_matches(';');
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(script).is_file(), "{script}");
    }
}

/// What the counting of a test log prints, and whether it passes.
fn counted(steps: &str, log: &str) -> (String, bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.log");
    fs::write(&path, log).unwrap();
    let run = Command::new("awk")
        .args(["-v", &format!("steps={steps}"), "-f", ".ci/counts.awk"])
        .arg(path)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    (String::from_utf8(run.stdout).unwrap(), run.status.success())
}

#[test]
fn the_closing_line_counts_skipped_tests_apart_and_fails_when_anything_failed() {
    let first = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n";
    let skips = "skipped: reads_open_data: ../shared is absent\nskipped: reads_open_data: again\n";
    let second = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
    let (text, passes) = counted("", &format!("{skips}{first}{second}"));
    assert_eq!(text.lines().last(), Some("14 passed, 0 failed, 2 skipped"), "{text}");
    assert!(passes && text.contains("skipped: reads_open_data: again"));

    let broken = "test a::b ... FAILED\ntest result: FAILED. 2 passed; 1 failed; 0 ignored\n";
    let (text, passes) = counted("tests", broken);
    assert_eq!(text.lines().last(), Some("2 passed, 1 failed, 0 skipped"), "{text}");
    assert!(!passes && text.contains("test a::b ... FAILED"));

    let (text, passes) = counted("lints", first);
    assert_eq!(text.lines().last(), Some("12 passed, 1 failed, 1 skipped"), "{text}");
    assert!(!passes);

    let (text, passes) = counted("tests", "error: could not compile\n");
    assert_eq!(text.lines().last(), Some("0 passed, 1 failed, 0 skipped"), "{text}");
    assert!(!passes && text.contains("no test ran"));
}
