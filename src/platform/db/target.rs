//! Where a connection string leads: the form tokio-postgres reads, and the `sslmode`s it does not know.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};

use super::error::{DbError, with_causes};
use super::settings::TlsMode;

/// How long what was sent may stay without the other side's acknowledgement.
const VANISHED: Duration = Duration::from_secs(4);
/// Silence after which the system asks whether the other side is there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);

/// A connection string taken apart.
pub(super) struct Target {
    pub(super) config: tokio_postgres::Config,
    /// What `sslmode` asks for; absent when the string does not say.
    pub(super) tls: Option<TlsMode>,
    /// What `sslrootcert` names.
    pub(super) ca_file: Option<PathBuf>,
}

impl Target {
    /// Reads `postgresql://…` (also `postgresql:///db?host=/folder/of/socket`) or `key=value` pairs.
    pub(super) fn parse(text: &str) -> Result<Self, DbError> {
        let (text, tls, ca_file) = without_tls_options(text)?;
        let mut config: tokio_postgres::Config = text.parse().map_err(|error| {
            // The parser's messages name options, never values, so no password gets out.
            let why = with_causes(&error);
            DbError::Settings(format!("the database's connection string cannot be read: {why}"))
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(DbError::Settings(
                "the database's connection string names no host".to_owned(),
            ));
        }
        config.application_name("luna").connect_timeout(Duration::from_secs(5));
        // A server that vanished without a word must not hold a request for the system's hours.
        config
            .tcp_user_timeout(VANISHED)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(Duration::from_secs(2))
            .keepalives_retries(3);
        let tls = tls.or_else(|| tls_of_pairs(&text, &config));
        Ok(Self { config, tls, ca_file })
    }

    /// Whether every way to the server stays on this machine's file system.
    pub(super) fn is_local_socket(&self) -> bool {
        self.config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)))
            && self.config.get_hostaddrs().is_empty()
    }
}

/// Host, port and database for people; no user, no password.
pub(super) fn place(config: &tokio_postgres::Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(index, host)| {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => format!("socket {}/.s.PGSQL.{port}", folder.display()),
        }
    });
    let hosts = hosts.collect::<Vec<_>>().join(", ");
    let name = config.get_dbname().or(config.get_user()).unwrap_or("postgres");
    format!("{hosts}, database {name}")
}

/// Takes `sslmode` and `sslrootcert` out of a URL, since the driver knows only three modes.
fn without_tls_options(text: &str) -> Result<(String, Option<TlsMode>, Option<PathBuf>), DbError> {
    let Some((start, query)) = text.split_once('?').filter(|_| text.contains("://")) else {
        return Ok((text.to_owned(), None, None));
    };
    let (mut tls, mut ca_file, mut kept) = (None, None, Vec::new());
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => tls = Some(mode_of(mode)?),
            Some(("sslrootcert", "system")) => {}
            Some(("sslrootcert", path)) => ca_file = Some(PathBuf::from(path)),
            _ => kept.push(pair),
        }
    }
    Ok((format!("{start}?{}", kept.join("&")), tls, ca_file))
}

fn mode_of(sslmode: &str) -> Result<TlsMode, DbError> {
    match sslmode {
        "disable" => Ok(TlsMode::Off),
        "allow" | "prefer" => Ok(TlsMode::Prefer),
        "require" => Ok(TlsMode::Require),
        "verify-ca" | "verify-full" => Ok(TlsMode::Verify),
        other => Err(DbError::Settings(format!(
            "sslmode={other} in the database's connection string is none of disable, allow, \
             prefer, require, verify-ca, verify-full"
        ))),
    }
}

fn tls_of_pairs(text: &str, config: &tokio_postgres::Config) -> Option<TlsMode> {
    let is_said = !text.contains("://") && text.contains("sslmode");
    is_said.then(|| match config.get_ssl_mode() {
        SslMode::Disable => TlsMode::Off,
        SslMode::Require => TlsMode::Require,
        _ => TlsMode::Prefer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_are_read() {
        for (text, place, tls) in [
            ("postgresql://u:geheim@db.example:8301/luna", "db.example:8301, database luna", None),
            (
                "postgres://u@h/luna?sslmode=verify-full&connect_timeout=3",
                "h:5432, database luna",
                Some(TlsMode::Verify),
            ),
            (
                "postgresql:///luna?host=/run/luna%20db&sslmode=disable",
                "socket /run/luna db/.s.PGSQL.5432, database luna",
                Some(TlsMode::Off),
            ),
            ("host=h user=u sslmode=require", "h:5432, database u", Some(TlsMode::Require)),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!((super::place(&target.config).as_str(), target.tls), (place, tls), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_showing_the_password() {
        for (text, part) in [
            ("postgresql://u:geheim@h/db?sslmode=perhaps", "sslmode=perhaps"),
            ("postgresql://u:geheim@h:port/db", "cannot be read"),
            ("postgresql:///luna", "names no host"),
            ("nothing", "cannot be read"),
        ] {
            let refusal = Target::parse(text).err().unwrap().to_string();
            assert!(refusal.contains(part) && !refusal.contains("geheim"), "{refusal}");
        }
    }
}
