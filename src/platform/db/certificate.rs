//! The certificate that a database server shows, whoever vouches for it.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::Host;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::error::DbError;
use super::target::Target;
use super::tls::unverified;

/// PostgreSQL's request for encryption: length 8, code 80877103.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
/// Longest wait for each step.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a database server says about encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerCertificate {
    /// The way leads over a socket of this machine.
    LocalSocket,
    /// The server does not encrypt.
    NotOffered,
    /// The server's certificate ends at this instant.
    EndsAt(DateTime<Utc>),
}

/// Asks the server that `url` names for its certificate; blocks for some seconds at most.
pub fn server_certificate(url: &SecretString) -> Result<ServerCertificate, DbError> {
    let target = Target::parse(url.expose_secret())?;
    let Some(Host::Tcp(host)) = target.config.get_hosts().first() else {
        return Ok(ServerCertificate::LocalSocket);
    };
    let port = target.config.get_ports().first().copied().unwrap_or(5_432);
    let unavailable = |why: String| DbError::Unavailable(format!("{host}:{port}: {why}"));
    ask(host, port).map_err(|error| unavailable(error.to_string()))
}

fn ask(host: &str, port: u16) -> std::io::Result<ServerCertificate> {
    let address = (host, port).to_socket_addrs()?.next();
    let address = address.ok_or_else(|| std::io::Error::other("the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&SSL_REQUEST)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    if answer != *b"S" {
        return Ok(ServerCertificate::NotOffered);
    }
    let config = unverified().map_err(std::io::Error::other)?;
    let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
    let session = ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(session, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    let chain = stream.conn.peer_certificates().unwrap_or_default();
    let first = chain.first().ok_or_else(|| std::io::Error::other("it shows no certificate"))?;
    let certificate = Certificate::from_der(first).map_err(std::io::Error::other)?;
    let end = certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs();
    let end = i64::try_from(end).ok().and_then(|end| DateTime::from_timestamp(end, 0));
    end.map(ServerCertificate::EndsAt).ok_or_else(|| std::io::Error::other("its end is no instant"))
}
