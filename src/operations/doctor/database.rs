//! The database: the private one's files and process, the server, the schema, the line to it.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::model::{Finding, quoted, size};
use super::repair::Repair;
use super::store::ServerFacts;
use crate::access::accounts::KeyHealth;
use crate::platform::db::ServerCertificate;
use crate::platform::db::embedded::Look;

/// Oldest supported version.
const VERSION_MIN: i32 = 130_000;
/// Longest age of the newest signing key of a box that is used: two rotations.
const KEY_DAYS_MAX: i64 = 60;
/// Bytes of a key that nobody guesses: those of SHA-256.
const KEY_BYTES_MIN: usize = 32;
/// Days before its end at which a certificate should be renewed.
const CERTIFICATE_DAYS_WARN: i64 = 21;

pub(super) fn judge_binaries(look: &Look, is_private: bool) -> Finding {
    if !is_private {
        return Finding::skipped("DATABASE_URL names a server; none is needed here");
    }
    match &look.binaries {
        Ok((folder, major)) => Finding::ok(format!("PostgreSQL {major} in {}", folder.display())),
        Err(error) => Finding::fail(
            error.to_string(),
            match &look.made_by {
                Some(made_by) => format!("sudo apt-get install postgresql-{made_by}"),
                None => "sudo apt-get install postgresql".to_owned(),
            },
        ),
    }
}

pub(super) fn judge_reach(look: &Look, is_private: bool) -> Finding {
    if !is_private {
        return Finding::skipped("DATABASE_URL names a server");
    }
    match &look.run_as {
        Ok(None) => Finding::ok("it runs as this user"),
        Ok(Some(user)) => Finding::ok(format!("it runs as {user} and reaches its files")),
        Err(error) => {
            Finding::fail(error.to_string(), "see the sentence before, or run Luna as another user")
        }
    }
}

/// A lock file that outlived its server: the next start removes it too, but only a Luna's.
pub(super) fn judge_lock(look: &Look) -> Finding {
    match (&look.stale_lock, look.server) {
        (Some(lock), _) if look.users.is_empty() => Finding::warn(
            format!("{} names a process that is gone: the last stop was none", lock.display()),
            format!("rm {}   (Luna does it at its start too)", quoted(lock)),
        )
        .mended_by(Repair::RemoveStaleLock(lock.clone())),
        (Some(lock), _) => Finding::warn(
            format!(
                "{} names a process that is gone; Luna starts it again just now",
                lock.display()
            ),
            "luna doctor   (again, in a minute)",
        ),
        (None, Some(pid)) => Finding::ok(format!("its server runs (process {pid})")),
        (None, None) => Finding::ok("no lock file is left over"),
    }
}

/// Who uses the private database besides.
pub(super) fn judge_users(users: &[i32]) -> Finding {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let others: Vec<String> =
        users.iter().filter(|pid| **pid != own).map(ToString::to_string).collect();
    match others.len() {
        0 => Finding::ok("no other Luna uses it"),
        1 => Finding::ok(format!("one Luna uses it (process {})", others[0])),
        _ => Finding::warn(
            format!("{} processes use it: {}", others.len(), others.join(", ")),
            format!("ps -fp {}   (end those that are not meant to run)", others.join(",")),
        ),
    }
}

/// Why the database cannot be asked, with what to type.
pub(super) fn judge_connection(why: Option<&str>, place: &str) -> Finding {
    let Some(why) = why else { return Finding::ok(format!("answers at {place}")) };
    let fix = if why.contains("password authentication failed") || why.contains("28P01") {
        "put the right password into DATABASE_URL in .env, then: luna db status"
    } else if why.contains("does not exist") {
        "createdb --owner=luna luna   (with the server's options), then: luna db migrate"
    } else if why.contains("certificate") || why.contains("tls") || why.contains("TLS") {
        "echo LUNA_DATABASE__TLS_CA_FILE=ca.pem >>.env   (the authority that signed it)"
    } else if why.contains("refused") {
        "docker compose up --detach timescaledb   (or: sudo systemctl start postgresql)"
    } else {
        "luna db status   (after a look at DATABASE_URL in .env, network and firewall)"
    };
    Finding::fail(why, fix)
}

pub(super) fn judge_version(facts: &ServerFacts) -> Finding {
    if facts.version < VERSION_MIN {
        return Finding::fail(
            format!("PostgreSQL {} is too old, Luna needs 13 or newer", facts.version_text),
            "pg_upgrade, or a newer server with pg_dump | psql",
        );
    }
    Finding::ok(format!("PostgreSQL {}, {}", facts.version_text, size(facts.bytes.unsigned_abs())))
}

pub(super) fn judge_timescale(facts: &ServerFacts, is_private: bool) -> Finding {
    match (&facts.timescale, &facts.timescale_available) {
        (Some(version), _) => Finding::ok(format!("TimescaleDB {version}")),
        (None, Some(version)) => Finding::warn(
            format!("TimescaleDB {version} is there but not used: plain tables stand in"),
            format!(
                "psql -d {} -c 'CREATE EXTENSION timescaledb' && luna db migrate",
                facts.database
            ),
        ),
        (None, None) if is_private => Finding::ok("not installed: plain tables stand in"),
        (None, None) => Finding::warn(
            "not installed on the server: plain tables stand in",
            "see the package timescaledb-2-postgresql-15, or use the compose file's server",
        ),
    }
}

pub(super) fn judge_privileges(facts: &ServerFacts) -> Finding {
    let ServerFacts { role, database, .. } = facts;
    if facts.is_read_only {
        return Finding::fail(
            "the server takes no writes: it is a replica or read-only",
            "set DATABASE_URL in .env to the primary server",
        );
    }
    if !facts.may_create {
        return Finding::fail(
            format!("{role} may not make tables in {database}"),
            format!("psql -d {database} -c 'GRANT CREATE, USAGE ON SCHEMA public TO \"{role}\"'"),
        );
    }
    if !facts.may_use_temporary {
        return Finding::fail(
            format!("{role} may not make temporary tables in {database}"),
            format!(
                "psql -d {database} -c 'GRANT TEMPORARY ON DATABASE \"{database}\" TO \"{role}\"'"
            ),
        );
    }
    Finding::ok(format!("{role} may make tables in {database}"))
}

pub(super) fn judge_encoding(facts: &ServerFacts, changed: Option<&(String, String)>) -> Finding {
    let ServerFacts { encoding, collation, database, .. } = facts;
    if encoding != "UTF8" {
        return Finding::fail(
            format!("{database} is encoded in {encoding}, Luna writes UTF-8"),
            format!(
                "createdb --encoding=UTF8 --template=template0 {database}_utf8   (and load a dump)"
            ),
        );
    }
    if let Some((noted, actual)) = changed {
        return Finding::warn(
            format!("indexes on texts were sorted by {collation} {noted}, the system has {actual}"),
            format!(
                "psql -d {database} -c 'REINDEX DATABASE \"{database}\"' \
                 -c 'ALTER DATABASE \"{database}\" REFRESH COLLATION VERSION'"
            ),
        );
    }
    Finding::ok(format!("UTF-8, sorted by {collation}"))
}

pub(super) fn judge_durability(facts: &ServerFacts) -> Finding {
    if facts.unsafe_settings.is_empty() {
        return Finding::ok("what is acknowledged is on the disk");
    }
    Finding::fail(
        format!("off: {}; a power cut loses or damages data", facts.unsafe_settings),
        "psql -c 'ALTER SYSTEM RESET fsync' -c 'ALTER SYSTEM RESET full_page_writes' \
         -c 'SELECT pg_reload_conf()'",
    )
}

pub(super) fn judge_connections(facts: &ServerFacts, pool_max: usize) -> Finding {
    let ServerFacts { connections, connections_max, .. } = facts;
    let free = i64::from(*connections_max) - connections;
    let reason =
        format!("{connections} of {connections_max} are in use, Luna takes up to {pool_max}");
    if free < i64::try_from(pool_max).unwrap_or(i64::MAX) {
        return Finding::warn(
            reason,
            "psql -c 'ALTER SYSTEM SET max_connections = 200'   (and restart the server)",
        );
    }
    Finding::ok(reason)
}

pub(super) fn judge_clock(
    server: DateTime<Utc>,
    asked: DateTime<Utc>,
    answered: DateTime<Utc>,
) -> Finding {
    // The server looked at its clock somewhere between question and answer.
    let off = if server < asked {
        (server - asked).as_seconds_f64()
    } else {
        (server - answered).as_seconds_f64().max(0.0)
    };
    let reason = format!("the server's is {off:+.1} s off this machine's");
    match off.abs() {
        ..2.0 => Finding::ok("the server's is this machine's"),
        2.0..60.0 => Finding::warn(reason, "sudo timedatectl set-ntp true   (on both machines)"),
        _ => Finding::fail(reason, "sudo timedatectl set-ntp true   (on both machines)"),
    }
}

pub(super) fn judge_schema(pending: &[String], unknown: &[String], migrates: bool) -> Finding {
    if let Some(newest) = unknown.last() {
        return Finding::fail(
            format!("a newer Luna was here: schema {newest} is not known to this one"),
            "start the newer Luna, or restore a backup made with this one",
        );
    }
    if pending.is_empty() {
        return Finding::ok("is this program's");
    }
    let reason = format!("{} migration(s) are missing, from {} on", pending.len(), pending[0]);
    if migrates {
        return Finding::warn(format!("{reason}; the next start applies them"), "luna db migrate");
    }
    Finding::fail(format!("{reason}, and APPLY_MIGRATIONS is false"), "luna db migrate")
}

pub(super) fn judge_keys(keys: &KeyHealth, now: DateTime<Utc>) -> Finding {
    let Some(newest_at) = keys.newest_at else {
        return Finding::ok("there is none yet: the first login makes one");
    };
    let renew = "psql -d luna -c 'UPDATE signing_keys SET retired_at = now() WHERE retired_at IS NULL'   \
         (the next login makes a new one; everybody logs in again)";
    if keys.shortest_bytes < KEY_BYTES_MIN {
        let reason = format!("one has {} bytes, {KEY_BYTES_MIN} are needed", keys.shortest_bytes);
        return Finding::fail(reason, renew);
    }
    let days = (now - newest_at).num_days();
    if days > KEY_DAYS_MAX {
        return Finding::warn(
            format!("the newest is {days} days old; the next login makes a new one"),
            "luna admin token --email YOUR_LOGIN >/dev/null",
        );
    }
    Finding::ok(format!(
        "{} of at least {} bits, the newest {days} days old",
        keys.count,
        keys.shortest_bytes * 8
    ))
}

pub(super) fn judge_admin(has_admin: bool) -> Finding {
    if has_admin {
        return Finding::ok("somebody is admin");
    }
    Finding::warn(
        "nobody is admin yet",
        "open /setup with the one-time code of the start, or: \
         printf %s PASSWORD | luna admin create-user --email YOU --role admin --password-stdin",
    )
}

pub(super) fn judge_models(ready: usize, damaged: &[String]) -> Finding {
    match damaged {
        [] => Finding::ok(format!("{ready} are there, with the hash they were stored with")),
        [first, rest @ ..] => Finding::fail(
            format!("{} of {ready} cannot be used: {first}", rest.len() + 1),
            "luna train --market CH   (or put the file back from a backup)",
        ),
    }
}

pub(super) fn judge_certificate(
    seen: &Result<ServerCertificate, String>,
    is_encrypted: Option<bool>,
    now: DateTime<Utc>,
) -> Finding {
    let certbot = "renew it on the server, then: psql -c 'SELECT pg_reload_conf()'";
    match seen {
        Ok(ServerCertificate::LocalSocket) => {
            Finding::skipped("a socket of this machine needs none")
        }
        Ok(ServerCertificate::NotOffered) => Finding::warn(
            "the server does not encrypt: passwords and data are readable on the way",
            "psql -c 'ALTER SYSTEM SET ssl = on'   (with a certificate, then restart the server)",
        ),
        Err(why) => Finding::skipped(format!("it could not be asked for: {why}")),
        Ok(ServerCertificate::EndsAt(end)) => {
            let (days, day) = ((*end - now).num_days(), end.format("%Y-%m-%d"));
            if *end <= now {
                Finding::fail(format!("it ended on {day}"), certbot)
            } else if days < CERTIFICATE_DAYS_WARN {
                Finding::warn(format!("it ends on {day}, in {days} days"), certbot)
            } else if is_encrypted == Some(false) {
                Finding::warn(
                    format!("it is good until {day}, but this line is not encrypted"),
                    "echo LUNA_DATABASE__TLS=require >>.env",
                )
            } else {
                Finding::ok(format!("good until {day}"))
            }
        }
    }
}

/// The command that saves the database of this data folder, or that of the server.
pub(super) fn dump_command(data_dir: &Path, is_private: bool) -> String {
    let backups = data_dir.join("backups");
    let file = "luna-$(date +%F).dump";
    let from = if is_private {
        format!("-h {} -U luna luna", quoted(&data_dir.join("run")))
    } else {
        "\"$DATABASE_URL\"".to_owned()
    };
    format!("mkdir -p {0} && pg_dump -Fc {from} >{0}/{file}   (while Luna runs)", quoted(&backups))
}

#[cfg(test)]
mod tests;
