//! Ports: who holds them, and which are free instead.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;

use super::model::Finding;
use super::outside;

/// Where a free port is looked for.
const SPARE: std::ops::Range<u16> = 18_000..19_000;
/// Number of the state in which a socket waits for connections.
const LISTENS: &str = "0A";

/// Ports of the containers that stand beside Luna, with their defaults.
const SERVICES: [(&str, u16); 11] = [
    ("POSTGRES_PORT", 8_301),
    ("QDRANT_HTTP_PORT", 6_333),
    ("QDRANT_GRPC_PORT", 6_334),
    ("S3_PORT", 9_000),
    ("S3_CONSOLE_PORT", 9_001),
    ("OLLAMA_PORT", 11_434),
    ("TIKA_PORT", 9_998),
    ("KAFKA_PORT", 9_092),
    ("GRAFANA_PORT", 3_000),
    ("LOKI_PORT", 3_100),
    ("PROMETHEUS_PORT", 9_090),
];
/// Older names of two of them.
const ALIASES: [(&str, &str); 2] =
    [("S3_PORT", "MINIO_API_PORT"), ("S3_CONSOLE_PORT", "MINIO_CONSOLE_PORT")];

/// A port by the variable that sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) variable: &'static str,
    pub(super) number: Result<u16, String>,
}

/// Who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) name: String,
    pub(super) pid: Option<i32>,
    pub(super) is_container: bool,
}

impl Holder {
    fn words(&self) -> String {
        match (self.is_container, self.pid) {
            (true, _) => format!("container {}", self.name),
            (false, Some(pid)) => format!("{} (process {pid})", self.name),
            (false, None) => self.name.clone(),
        }
    }
}

/// What became of the try to listen on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Free,
    Taken(Holder),
    /// The system says why not.
    Refused(String),
}

/// What a judgement about a port rests on besides its state.
#[derive(Debug, Clone, Default)]
pub(super) struct Surroundings {
    /// A port that is free.
    pub(super) spare: Option<u16>,
    /// Processes that hold this data folder's database.
    pub(super) users: Vec<i32>,
    /// Beginning of the names of this project's containers.
    pub(super) project: String,
}

impl Surroundings {
    fn other_port(&self, variable: &str) -> String {
        match self.spare {
            Some(spare) => format!("echo {variable}={spare} >>.env   ({spare} is free)"),
            None => format!("free one of the ports 18000 to 18999 and set {variable} in .env"),
        }
    }
}

/// The ports that the variables set, Luna's own left out.
pub(super) fn services(variables: &BTreeMap<String, String>) -> Vec<Port> {
    let value = |variable: &'static str| {
        let alias = ALIASES.iter().find(|(name, _)| *name == variable).map(|(_, alias)| *alias);
        let names = std::iter::once(variable).chain(alias);
        names.filter_map(|name| variables.get(name)).find(|value| !value.is_empty())
    };
    let port = |(variable, default): (&'static str, u16)| {
        let number = value(variable).map_or(Ok(default), |text| {
            text.parse().ok().filter(|port| *port > 0).ok_or_else(|| text.clone())
        });
        Port { variable, number }
    };
    SERVICES.map(port).into()
}

/// The port that Luna listens on.
pub(super) fn judge_own(port: u16, state: &State, around: &Surroundings) -> Finding {
    let other = || around.other_port("API_PORT");
    match state {
        State::Free => Finding::ok(format!("{port} is free")),
        State::Taken(Holder { pid: Some(pid), .. }) if around.users.contains(pid) => {
            Finding::ok(format!("this Luna serves on {port} (process {pid})"))
        }
        State::Taken(holder) if holder.name == "luna" || is_ours(holder, &around.project) => {
            Finding::warn(
                format!("a Luna serves on {port} already: {}", holder.words()),
                format!("if it is not this one: {}", other()),
            )
        }
        State::Taken(holder) => {
            Finding::fail(format!("{port} is taken by {}", holder.words()), other())
        }
        State::Refused(why) => Finding::fail(format!("{port} cannot be used: {why}"), other()),
    }
}

/// A port that a container beside Luna would use.
pub(super) fn judge_service(
    port: &Port,
    earlier: Option<&str>,
    state: &State,
    around: &Surroundings,
) -> Finding {
    let other = around.other_port(port.variable);
    let number = match &port.number {
        Ok(number) => number,
        Err(text) => {
            let reason = format!("{}={text} is not a port from 1 to 65535", port.variable);
            return Finding::fail(reason, other);
        }
    };
    if let Some(earlier) = earlier {
        return Finding::fail(format!("{number} is the port of {earlier} already"), other);
    }
    match state {
        State::Free => Finding::ok(format!("{number} is free")),
        State::Taken(holder) if is_ours(holder, &around.project) => {
            Finding::ok(format!("{number} is held by this project's {}", holder.words()))
        }
        State::Taken(holder) => Finding::warn(
            format!("{number} is taken by {}; only make up needs it", holder.words()),
            other,
        ),
        State::Refused(why) => Finding::warn(format!("{number} cannot be used: {why}"), other),
    }
}

fn is_ours(holder: &Holder, project: &str) -> bool {
    let rest = holder.name.strip_prefix(project);
    holder.is_container && rest.is_some_and(|rest| rest.starts_with('-'))
}

/// Whether a server could listen on `host:port`, and who does where not.
pub(super) async fn state(host: &str, port: u16) -> State {
    match TcpListener::bind((host, port)) {
        Ok(_) => State::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => State::Taken(holder(port).await),
        Err(error) => State::Refused(error.to_string()),
    }
}

/// A port that nobody listens on and that is not in `chosen`.
pub(super) fn spare(chosen: &[u16]) -> Option<u16> {
    let mut candidates = SPARE.filter(|port| !chosen.contains(port));
    candidates.find(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok())
}

async fn holder(port: u16) -> Holder {
    let filter = format!("publish={port}");
    let containers = ["ps", "--filter", &filter, "--format", "{{.Names}}"];
    let listed = outside::run("docker", &containers).await;
    if let Some(name) = listed.as_deref().and_then(|text| text.lines().next())
        && !name.is_empty()
    {
        return Holder { name: name.to_owned(), pid: None, is_container: true };
    }
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let sockets = tables.iter().flatten().flat_map(|table| listening(table, port));
    let sockets: Vec<String> = sockets.map(|inode| format!("socket:[{inode}]")).collect();
    process_with(&sockets).unwrap_or_else(|| Holder {
        name: "a process of another user".to_owned(),
        pid: None,
        is_container: false,
    })
}

/// Numbers of the sockets that wait for connections on `port`, in a table of the kernel's.
fn listening(table: &str, port: u16) -> Vec<u64> {
    let wanted = format!("{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| {
        let local = row.get(1).and_then(|address| address.rsplit(':').next());
        local == Some(wanted.as_str()) && row.get(3) == Some(&LISTENS)
    })
    .filter_map(|row| row.get(9)?.parse().ok())
    .collect()
}

/// The process that has one of these open.
fn process_with(sockets: &[String]) -> Option<Holder> {
    let pids = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let pid = pids.find(|pid| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut links = files.filter_map(|file| fs::read_link(file.path()).ok());
        links.any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
    })?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(Holder { name: name.trim().to_owned(), pid: Some(pid), is_container: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::model::Verdict;

    fn around() -> Surroundings {
        Surroundings { spare: Some(18_003), users: vec![4_711], project: "luna".to_owned() }
    }

    fn taken(name: &str, pid: i32) -> State {
        State::Taken(Holder { name: name.to_owned(), pid: Some(pid), is_container: false })
    }

    fn container(name: &str) -> State {
        State::Taken(Holder { name: name.to_owned(), pid: None, is_container: true })
    }

    #[test]
    fn the_own_port_fails_when_somebody_else_has_it() {
        for (state, verdict, part) in [
            (State::Free, Verdict::Ok, "8001 is free"),
            (taken("luna", 4_711), Verdict::Ok, "this Luna serves on 8001 (process 4711)"),
            (taken("luna", 12), Verdict::Warn, "a Luna serves on 8001 already"),
            (container("luna-luna-1"), Verdict::Warn, "container luna-luna-1"),
            (taken("python3", 12), Verdict::Fail, "8001 is taken by python3 (process 12)"),
            (State::Refused("no rights".into()), Verdict::Fail, "cannot be used: no rights"),
        ] {
            let finding = judge_own(8_001, &state, &around());
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.reason.contains(part), "{finding:?}");
            if verdict != Verdict::Ok {
                assert!(finding.fix.unwrap().contains("echo API_PORT=18003 >>.env"));
            }
        }
    }

    #[test]
    fn a_services_port_is_judged_for_the_containers() {
        let port = Port { variable: "GRAFANA_PORT", number: Ok(3_000) };
        let judge = |port: &Port, earlier, state| judge_service(port, earlier, &state, &around());
        for (finding, verdict) in [
            (judge(&port, None, State::Free), Verdict::Ok),
            (judge(&port, None, container("luna-grafana-1")), Verdict::Ok),
            (judge(&port, None, container("lunatic-1")), Verdict::Warn),
            (judge(&port, None, taken("node", 9)), Verdict::Warn),
            (judge(&port, Some("API_PORT"), State::Free), Verdict::Fail),
            (
                judge(&Port { number: Err("x".into()), ..port.clone() }, None, State::Free),
                Verdict::Fail,
            ),
        ] {
            assert_eq!(finding.verdict, verdict, "{finding:?}");
        }
    }

    #[test]
    fn without_a_free_port_the_advice_says_so() {
        let around = Surroundings { spare: None, ..around() };
        let finding = judge_own(8_001, &taken("python3", 12), &around);
        assert!(finding.fix.unwrap().starts_with("free one of the ports"));
    }

    #[test]
    fn variables_and_older_names_set_the_ports() {
        let pairs = [("GRAFANA_PORT", "3005"), ("MINIO_API_PORT", "9005"), ("LOKI_PORT", "many")];
        let variables = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let ports = services(&variables);
        let number =
            |name: &str| ports.iter().find(|port| port.variable == name).unwrap().number.clone();
        assert_eq!(number("GRAFANA_PORT"), Ok(3_005));
        assert_eq!(number("S3_PORT"), Ok(9_005));
        assert_eq!(number("S3_CONSOLE_PORT"), Ok(9_001));
        assert_eq!(number("LOKI_PORT"), Err("many".to_owned()));
    }

    #[test]
    fn the_kernels_table_names_the_sockets_that_listen() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 00000000:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 77 1 0 100\n\
            1: 0100007F:1F41 0100007F:9999 01 00000000:00000000 00:00000000 00000000  0 0 78 1 0 100\n\
            2: 0100007F:1F42 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 79 1 0 100\n";
        assert_eq!(listening(table, 8_001), [77]);
        assert_eq!(listening(table, 8_002), [79]);
        assert_eq!(listening("", 8_001), [0_u64; 0]);
    }

    #[tokio::test]
    async fn a_port_that_this_process_holds_is_found_with_its_holder() {
        // Not one of those that the system hands out: given back, the next test would get it.
        let held = (18_500..19_000).rev().find_map(|at| TcpListener::bind(("127.0.0.1", at)).ok());
        let listener = held.unwrap();
        let port = listener.local_addr().unwrap().port();
        let State::Taken(holder) = state("127.0.0.1", port).await else { panic!("{port} is held") };
        let own = i32::try_from(std::process::id()).unwrap();
        if holder.pid.is_none() {
            eprintln!("skipped: a_port_that_this_process_holds_is_found_with_its_holder: no /proc");
            return;
        }
        assert_eq!(holder.pid, Some(own));
        drop(listener);
        assert_eq!(state("127.0.0.1", port).await, State::Free);
        assert!(matches!(state("203.0.113.1", port).await, State::Refused(_)));
    }
}
