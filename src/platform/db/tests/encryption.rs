//! TLS towards a server with a certificate that it made itself.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{Gid, Uid, User, chown, geteuid};

use super::lines;
use crate::platform::db::embedded::{Cluster, Profile};
use crate::platform::db::{Db, Settings, TlsMode};

/// A certificate for 127.0.0.1 and its key, made by openssl; absent when that is not installed.
fn certificate(folder: &Path) -> Option<(PathBuf, PathBuf)> {
    let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "3650", "-subj", "/CN=luna-test"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output();
    made.ok().filter(|output| output.status.success()).map(|_| (certificate, key))
}

/// Gives a file to the user that the server runs as, who alone may read it.
fn hand_over(file: &Path) {
    if geteuid().is_root() {
        let user = User::from_name("postgres").unwrap();
        let user =
            user.map_or((Uid::from_raw(65_534), Gid::from_raw(65_534)), |it| (it.uid, it.gid));
        chown(file, Some(user.0), Some(user.1)).unwrap();
    }
    fs::set_permissions(file, PermissionsExt::from_mode(0o600)).unwrap();
}

/// A server that takes only encrypted connections on a port of this machine.
struct Server {
    cluster: Cluster,
    port: u16,
}

impl Server {
    fn start(folder: &Path, certificate: &Path, key: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let access = folder.join("pg_hba.conf");
        fs::write(&access, "local all all trust\nhostssl all all 127.0.0.1/32 trust\n").unwrap();
        for file in [certificate, key, &access] {
            hand_over(file);
        }
        let settings = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", certificate.display()),
            format!("ssl_key_file={}", key.display()),
            format!("hba_file={}", access.display()),
        ];
        let cluster = Cluster::new(&folder.join("data"), Profile::Throwaway, None).unwrap();
        let cluster = cluster.with_settings(settings);
        cluster.start_and_leave().unwrap();
        Self { cluster, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cluster.stop();
    }
}

#[actix_web::test]
async fn encryption_is_as_strict_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let Some((certificate, key)) = certificate(folder.path()) else {
        eprintln!("skipped: encryption_is_as_strict_as_asked: no openssl to make a certificate");
        return;
    };
    let authority = folder.path().join("authority.pem");
    fs::copy(&certificate, &authority).unwrap();
    let server = Server::start(folder.path(), &certificate, &key);
    let url = format!("postgresql://luna@127.0.0.1:{}/postgres", server.port);
    let plain = Settings::default();
    let accepting = Settings { tls_accept_self_signed: true, ..plain.clone() };
    let trusting = Settings { tls_ca_file: Some(authority.clone()), ..plain.clone() };
    let strict = Settings { tls: Some(TlsMode::Verify), ..trusting.clone() };
    let root = format!("&sslrootcert={}", authority.display());
    let query = "SELECT ssl::text AS line FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

    for (settings, options, refusal) in [
        (&plain, String::new(), None),
        (&plain, "?sslmode=prefer".to_owned(), None),
        (&plain, "?sslmode=require".to_owned(), Some("certificate")),
        (&plain, "?sslmode=verify-full".to_owned(), Some("certificate")),
        (&plain, format!("?sslmode=verify-full{root}"), None),
        (&plain, "?sslmode=disable".to_owned(), Some("no encryption")),
        (&accepting, "?sslmode=require".to_owned(), None),
        (&trusting, "?sslmode=require".to_owned(), None),
        (&strict, "?sslmode=disable".to_owned(), None),
    ] {
        let db = Db::new(settings, &format!("{url}{options}").into()).unwrap();
        match (db.conn().await, refusal) {
            (Ok(_), None) => {
                assert_eq!(lines(&db, query).await, ["true"], "{options}");
                let copy = db.copy_client().await.unwrap();
                let row = copy.query_one(query, &[]).await.unwrap();
                assert_eq!(row.get::<_, &str>(0), "true", "{options}");
            }
            (Err(error), Some(words)) => {
                assert!(error.to_string().contains(words), "{options}: {error}");
            }
            (Ok(_), Some(_)) => panic!("{options} let in"),
            (Err(error), None) => panic!("{options}: {error}"),
        }
    }
    // The certificate is for another name.
    let elsewhere = url.replace("127.0.0.1", "localhost");
    let error = Db::new(&strict, &elsewhere.into()).unwrap().ping().await.unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");

    let no_file = Settings { tls_ca_file: Some(key), ..strict };
    let refusal = Db::new(&no_file, &url.into()).err().unwrap().to_string();
    assert!(refusal.contains("server.key cannot be used: it holds no certificate"), "{refusal}");
}
