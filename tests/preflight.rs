//! The recipe that looks before `make up`, with a made-up Docker: it must work before anything is built.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A Docker that has the volume of an earlier start, and its network once that was made.
const DOCKER: &str = r#"#!/bin/sh
here=$(dirname "$0")
case "$*" in
  "compose version"*) echo 2.29.1 ;;
  "compose ps"*) ;;
  "info --format {{.DockerRootDir}}") echo "$here" ;;
  "info "*) echo 27.1.1 ;;
  "ps "*) ;;
  "volume ls"*) echo luna_timescale-data ;;
  "network inspect"*) test -e "$here/network" ;;
  "network create"*) touch "$here/network" ;;
  *) exit 1 ;;
esac
"#;

/// A folder with a Docker and an `.env`.
struct Place(TempDir);

impl Place {
    fn new(env: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        // What documents use has ports as well; whoever listens there on this machine is none of ours.
        let names = ["QDRANT_HTTP_PORT", "QDRANT_GRPC_PORT", "OLLAMA_PORT", "TIKA_PORT"];
        let others = names.iter().zip(free_ports::<4>());
        let others: Vec<String> = others.map(|(name, port)| format!("{name}={port}")).collect();
        let env = format!("{env}\n{}\n", others.join("\n"));
        let docker = place.path().join("docker");
        fs::write(&docker, DOCKER).unwrap();
        fs::set_permissions(&docker, Permissions::from_mode(0o755)).unwrap();
        fs::write(place.path().join(".env"), env).unwrap();
        Self(place)
    }

    /// Standard output and error, and whether it passed.
    fn preflight(&self, arguments: &[&str]) -> (String, bool) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/preflight.py");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let run = Command::new("python3")
            .arg(script)
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", format!("{}:{}", self.0.path().display(), path.display()))
            .output()
            .unwrap();
        let said = String::from_utf8([run.stdout, run.stderr].concat()).unwrap();
        let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(run.status.success(), errors.is_empty(), "{said}");
        // Room on the disk is the one thing here that is not made up.
        let passed = errors.iter().all(|line| line.contains("GiB are free"));
        (said, passed)
    }
}

/// Ports that nobody listens on just now.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind(("0.0.0.0", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

#[test]
fn a_machine_that_is_ready_gets_its_network_and_keeps_its_volumes() {
    let [api, database] = free_ports();
    let env = format!("API_PORT={api}\nPOSTGRES_PORT='{database}'\nPOSTGRES_PASSWORD=x\n");
    let place = Place::new(&env);
    let (said, passed) = place.preflight(&[]);
    assert!(passed, "{said}");
    assert!(said.contains("created the network luna-net"), "{said}");
    assert!(said.contains("volumes of an earlier start are kept: luna_timescale-data"), "{said}");
    let (again, passed) = place.preflight(&[]);
    assert!(passed && again.contains("the network luna-net is there"), "{again}");
}

#[test]
fn a_taken_port_stops_the_start_with_its_holder_and_a_free_one() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = listener.local_addr().unwrap().port();
    let [api] = free_ports();
    let env = format!("API_PORT={api}\nPOSTGRES_PORT={taken}\nPOSTGRES_PASSWORD=x\n");
    let (said, passed) = Place::new(&env).preflight(&[]);
    assert!(!passed);
    let holder = format!("port {taken} (POSTGRES_PORT) is taken by ");
    assert!(said.contains(&holder), "{said}");
    assert!(said.contains(&format!("(process {})", std::process::id())), "{said}");
    assert!(said.contains("POSTGRES_PORT=18"), "{said}");
}

#[test]
fn parts_that_are_switched_on_bring_their_profile_and_their_ports() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = listener.local_addr().unwrap().port();
    let [api, database] = free_ports();
    let env = format!(
        "API_PORT={api}\nPOSTGRES_PORT={database}\nPOSTGRES_PASSWORD=x\nGRAFANA_PORT={taken}\n"
    );
    let without = Place::new(&env);
    let (said, passed) = without.preflight(&[]);
    assert!(passed, "nobody asked for Grafana: {said}");
    assert_eq!(without.preflight(&["--profiles"]).0, "\n");
    let log = Place::new(&format!("{env}ENABLE_REDPANDA=true\nKAFKA_PORT={taken}\n"));
    assert_eq!(log.preflight(&["--profiles"]).0, "--profile=redpanda\n");
    let (said, passed) = log.preflight(&[]);
    assert!(!passed && said.contains("(KAFKA_PORT) is taken by "), "{said}");
    let with = Place::new(&format!("{env}ENABLE_OBSERVABILITY=true\n"));
    assert_eq!(with.preflight(&["--profiles"]).0, "--profile=observability\n");
    let (said, passed) = with.preflight(&[]);
    assert!(!passed && said.contains("(GRAFANA_PORT) is taken by "), "{said}");
}

#[test]
fn mistakes_are_all_named_at_once() {
    let place = Place::new("API_PORT=many\nPOSTGRES_PORT=70000\n");
    fs::remove_file(place.0.path().join("docker")).unwrap();
    let (said, passed) = place.preflight(&[]);
    assert!(!passed);
    for part in
        ["API_PORT=many is not a port", "POSTGRES_PORT=70000", "POSTGRES_PASSWORD is not set"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}
