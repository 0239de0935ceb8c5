//! Why a connection did not come about or broke, in words that help whoever has to mend it.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::CertificateError;

/// A name that could not be turned into an address.
#[derive(Debug)]
pub(super) struct Unresolved(pub Option<io::Error>);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(error) => error.fmt(f),
            None => f.write_str("the name has no address"),
        }
    }
}

impl Error for Unresolved {}

/// The first thing among the causes of `error` that says something.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(known) = known(error) {
            return known;
        }
        // What an I/O error carries is not among its causes, only the causes of that are.
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    "there is no connection, or it broke".to_owned()
}

fn known(error: &(dyn Error + 'static)) -> Option<String> {
    if error.is::<Unresolved>() {
        return Some("its name cannot be looked up; is there a network?".to_owned());
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(error));
    }
    let kind = error.downcast_ref::<io::Error>()?.kind();
    match kind {
        io::ErrorKind::ConnectionRefused => Some("it refuses the connection".to_owned()),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some("the connection broke".to_owned()),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            Some("there is no way to it; is there a network?".to_owned())
        }
        _ => None,
    }
}

fn of_tls(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(error) = error else {
        return "it does not encrypt as it should".to_owned();
    };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has ended, or this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet, or this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        _ => "nobody whom this machine trusts vouches for its certificate".to_owned(),
    }
}
