//! Real TLS on this box with certificates made on the spot: who is believed, and what the others hear.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::platform::outbound::tls::authorities;

/// What `openssl ca` needs to know to sign with dates of our choice.
const CONFIG: &str = "[ca]\ndefault_ca = luna\n[luna]\ndatabase = index\nserial = serial\n\
    new_certs_dir = .\ndefault_md = sha256\npolicy = any\nx509_extensions = leaf\nunique_subject = no\n\
    [any]\ncommonName = supplied\n[leaf]\nbasicConstraints = CA:FALSE\n\
    subjectAltName = DNS:good.example\n[req]\ndistinguished_name = dn\n[dn]\n";

/// Runs openssl in `folder`; false where it is not installed.
fn openssl(folder: &Path, arguments: &str) -> bool {
    let run = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    let Ok(run) = run else { return false };
    assert!(run.status.success(), "{arguments}: {}", String::from_utf8_lossy(&run.stderr));
    true
}

/// An authority, and certificates for `good.example`: in force, ended, not yet begun; and one that
/// vouches for itself.
fn make_certificates(folder: &Path) -> bool {
    fs::write(folder.join("c.cnf"), CONFIG).unwrap();
    fs::write(folder.join("index"), "").unwrap();
    fs::write(folder.join("serial"), "01\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config c.cnf";
    if !openssl(
        folder,
        &format!(
            "req -x509 {key} -keyout ca.key -out ca.pem -days 3650 -subj /CN=authority -addext basicConstraints=critical,CA:TRUE"
        ),
    ) {
        return false;
    }
    openssl(folder, &format!("req {key} -keyout leaf.key -out leaf.csr -subj /CN=good.example"));
    for (name, from, to) in [
        ("good", "20200101000000Z", "20991231000000Z"),
        ("ended", "20200101000000Z", "20200201000000Z"),
        ("early", "20980101000000Z", "20991231000000Z"),
    ] {
        openssl(
            folder,
            &format!(
                "ca -batch -notext -config c.cnf -cert ca.pem -keyfile ca.key -in leaf.csr -out {name}.pem \
             -startdate {from} -enddate {to}"
            ),
        );
    }
    openssl(
        folder,
        "req -x509 -key leaf.key -out self.pem -days 3650 -subj /CN=good.example -config c.cnf -addext subjectAltName=DNS:good.example",
    )
}

/// A server with the certificate `name` that answers every connection with «ok» over TLS.
fn serve_tls(folder: &Path, name: &str) -> SocketAddr {
    let chain = CertificateDer::pem_file_iter(folder.join(format!("{name}.pem"))).unwrap();
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(folder.join("leaf.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = StreamOwned::new(connection, stream.unwrap());
            let mut request = [0; 4_096];
            // A caller who does not believe the certificate goes away.
            if tls.read(&mut request).is_ok_and(|read| read > 0) {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
                drop(tls.write_all(answer).and_then(|()| tls.flush()));
            }
        }
    });
    address
}

#[tokio::test]
async fn only_a_certificate_in_force_for_the_name_and_from_somebody_trusted_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if !make_certificates(folder) {
        eprintln!("skipped: only_a_certificate_in_force_…: no openssl to make certificates");
        return;
    }
    let (lookup, _) =
        names(&[("good.example", &[&["127.0.0.1"]]), ("other.example", &[&["127.0.0.1"]])]);
    let roots = || authorities(Some(&folder.join("ca.pem"))).unwrap();
    let trusting = Outbound::trusting(Clock::system(), IMPATIENT, &lookup, roots()).unwrap();
    let stranger = with(Clock::system(), IMPATIENT, &lookup).unwrap();
    let good = serve_tls(folder, "good");
    let ask = async |outbound: &Outbound, host: &str, address: SocketAddr| {
        let url = format!("https://{host}:{}/?key=c4n4ry", address.port());
        outbound.send(Call { may_repeat: false, ..here(url) }).await
    };
    assert_eq!(ask(&trusting, "good.example", good).await.unwrap().body, "ok");
    for (outbound, host, certificate, expected) in [
        (&trusting, "other.example", "good", "its certificate is for another name"),
        (&trusting, "127.0.0.1", "good", "its certificate is for another name"),
        (&trusting, "good.example", "ended", "its certificate has ended, or"),
        (&trusting, "good.example", "early", "its certificate is not valid yet, or"),
        (&trusting, "good.example", "self", "nobody whom this machine trusts"),
        (&stranger, "good.example", "good", "nobody whom this machine trusts"),
    ] {
        let address = if certificate == "good" { good } else { serve_tls(folder, certificate) };
        let error = ask(outbound, host, address).await.unwrap_err();
        let told = told(&error, &format!("{host}:{}", address.port()));
        assert!(told.contains(expected), "{certificate} for {host}: {told}: {error:?}");
    }
    // Who speaks no TLS at all.
    let plain = Server::new(|_, _| ok("plain")).await;
    let error = ask(&trusting, "good.example", plain.address).await.unwrap_err();
    told(&error, "good.example");
}
