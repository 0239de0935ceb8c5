//! Encryption towards the server, with rustls.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
    WantsVerifier,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::DbError;
use crate::platform::outbound;

/// Whose certificate is good enough.
pub(super) enum Trust<'a> {
    /// Anybody's: the line is encrypted, the other end is not known.
    Anybody,
    /// One that the system's authorities or those of the file vouch for, issued for the host's name.
    Authorities { extra: Option<&'a Path> },
}

/// The connector for one pool.
pub(super) fn connector(trust: &Trust<'_>) -> Result<MakeRustlsConnect, DbError> {
    let config = match trust {
        Trust::Anybody => unverified()?,
        Trust::Authorities { extra } => {
            builder()?.1.with_root_certificates(authorities(*extra)?).with_no_client_auth()
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

/// Encryption towards anybody.
pub(super) fn unverified() -> Result<ClientConfig, DbError> {
    let (provider, builder) = builder()?;
    let anybody = Arc::new(AnyCertificate(provider));
    Ok(builder.dangerous().with_custom_certificate_verifier(anybody).with_no_client_auth())
}

type Builder = ConfigBuilder<ClientConfig, WantsVerifier>;

fn builder() -> Result<(Arc<CryptoProvider>, Builder), DbError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| DbError::Settings(format!("TLS cannot be set up: {error}")))?;
    Ok((provider, builder))
}

fn authorities(extra: Option<&Path>) -> Result<RootCertStore, DbError> {
    outbound::authorities(extra).map_err(|why| {
        let path = extra.unwrap_or(Path::new("")).display();
        DbError::Settings(format!("tls_ca_file {path} cannot be used: {why}"))
    })
}

/// Accepts every certificate, but insists that the server holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
