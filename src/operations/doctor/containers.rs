//! Docker, where it is there: engine, network, volumes, the database's password.

use super::model::Finding;
use super::outside;
use super::repair::Repair;

/// Network that the containers share with others that run already.
pub(super) const NETWORK: &str = "luna-net";

/// What Docker says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Docker {
    /// Version of the command; absent without Docker.
    pub(super) client: Option<String>,
    /// Version of the engine; absent while it does not answer.
    pub(super) engine: Option<String>,
    /// Version of compose.
    pub(super) compose: Option<String>,
    pub(super) has_network: bool,
    /// Volumes of this project.
    pub(super) volumes: Vec<String>,
}

/// Asks Docker.
pub(super) async fn look(project: &str) -> Docker {
    let Some(client) = outside::run("docker", &["--version"]).await else {
        return Docker::default();
    };
    let engine = ["version", "--format", "{{.Server.Version}}"];
    let engine = outside::run("docker", &engine).await.filter(|version| !version.is_empty());
    let compose = outside::run("docker", &["compose", "version", "--short"]).await;
    if engine.is_none() {
        return Docker { client: Some(client), engine, compose, ..Docker::default() };
    }
    let has_network = outside::run("docker", &["network", "inspect", NETWORK]).await.is_some();
    let filter = format!("name=^{project}_");
    let volumes = ["volume", "ls", "--filter", &filter, "--format", "{{.Name}}"];
    let volumes = outside::run("docker", &volumes).await.unwrap_or_default();
    let volumes = volumes.lines().map(str::to_owned).collect();
    Docker { client: Some(client), engine, compose, has_network, volumes }
}

const NOT_THERE: &str = "Docker is not there; Luna runs without it";
const SILENT: &str = "the engine does not answer";

pub(super) fn judge_engine(docker: &Docker) -> Finding {
    match (&docker.client, &docker.engine, &docker.compose) {
        (None, ..) => Finding::skipped(NOT_THERE),
        (Some(_), None, _) => Finding::warn(
            "Docker's engine does not answer; only make up needs it",
            "sudo systemctl start docker   (may this user use it: docker ps)",
        ),
        (_, Some(engine), None) => Finding::warn(
            format!("the engine is {engine}, but docker compose is not installed"),
            "sudo apt-get install docker-compose-plugin",
        ),
        (_, Some(engine), Some(compose)) => {
            Finding::ok(format!("engine {engine}, compose {compose}"))
        }
    }
}

pub(super) fn judge_network(docker: &Docker) -> Finding {
    match (&docker.client, &docker.engine) {
        (None, _) => Finding::skipped(NOT_THERE),
        (_, None) => Finding::skipped(SILENT),
        _ if docker.has_network => Finding::ok(format!("{NETWORK} is there")),
        _ => Finding::warn(
            format!("{NETWORK} is not there; make up makes it"),
            format!("docker network create {NETWORK}"),
        )
        .mended_by(Repair::MakeNetwork),
    }
}

pub(super) fn judge_volumes(docker: &Docker, project: &str) -> Finding {
    match (&docker.client, &docker.engine) {
        (None, _) => Finding::skipped(NOT_THERE),
        (_, None) => Finding::skipped(SILENT),
        _ if docker.volumes.is_empty() => {
            Finding::ok(format!("there are none of the project {project} yet"))
        }
        _ => Finding::ok(format!("of an earlier start, kept: {}", docker.volumes.join(", "))),
    }
}

pub(super) fn judge_password(docker: &Docker, password: Option<&str>) -> Finding {
    if docker.client.is_none() {
        return Finding::skipped(NOT_THERE);
    }
    let fix = "echo POSTGRES_PASSWORD=$(openssl rand -hex 24) >>.env";
    match password.map_or(0, str::len) {
        0 => Finding::warn("POSTGRES_PASSWORD is not set; only make up needs it", fix),
        1..12 => Finding::warn("POSTGRES_PASSWORD is shorter than 12 characters", fix),
        _ => Finding::ok("POSTGRES_PASSWORD is set"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::model::Verdict;

    fn there() -> Docker {
        let version = || Some("27.1".to_owned());
        Docker {
            client: version(),
            engine: version(),
            compose: version(),
            has_network: false,
            volumes: Vec::new(),
        }
    }

    #[test]
    fn without_docker_nothing_is_wrong() {
        let none = Docker::default();
        for finding in [
            judge_engine(&none),
            judge_network(&none),
            judge_volumes(&none, "luna"),
            judge_password(&none, None),
        ] {
            assert_eq!(finding.verdict, Verdict::Skipped, "{finding:?}");
        }
    }

    #[test]
    fn a_missing_network_is_made_and_a_silent_engine_told() {
        let finding = judge_network(&there());
        assert_eq!((finding.verdict, finding.repair), (Verdict::Warn, Some(Repair::MakeNetwork)));
        let silent = Docker { engine: None, ..there() };
        assert_eq!(judge_engine(&silent).verdict, Verdict::Warn);
        assert_eq!(judge_network(&silent).verdict, Verdict::Skipped);
        assert_eq!(judge_engine(&Docker { compose: None, ..there() }).verdict, Verdict::Warn);
        let volumes = vec!["luna_timescale-data".to_owned()];
        let kept = judge_volumes(&Docker { volumes, ..there() }, "luna");
        assert!(kept.reason.contains("luna_timescale-data"), "{kept:?}");
    }

    #[test]
    fn a_password_is_set_and_long() {
        let judge = |password| judge_password(&there(), password).verdict;
        assert_eq!((judge(None), judge(Some("short"))), (Verdict::Warn, Verdict::Warn));
        assert_eq!(judge(Some("0123456789ab")), Verdict::Ok);
    }
}
