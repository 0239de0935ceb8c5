//! The way to the broker: options, encryption, and why it is barred, in sentences with the fix.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Packet};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, MqttOptions, StateError};
use rumqttc::{TlsConfiguration, Transport};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::settings::Settings;
use crate::platform::outbound;

/// Longest wait for a connection.
const CONNECT_S: u64 = 10;
/// Longest message that is taken; the broker keeps longer ones to itself.
pub(super) const MESSAGE_BYTES_MAX: u32 = 1 << 20;

/// Options that lead to the broker of the settings, as a session of this name.
///
/// # Errors
/// A sentence when there is no broker or its certificates cannot be read.
pub(super) fn options(settings: &Settings, client_id: &str) -> Result<MqttOptions, String> {
    let address = settings.address().ok_or("no broker is set; set MQTT_URL")?;
    let mut options = MqttOptions::new(client_id, address.host.clone(), address.port);
    options.set_connection_timeout(CONNECT_S);
    options.set_max_packet_size(Some(MESSAGE_BYTES_MAX));
    if let Some(user) = &settings.user {
        let password = settings.password.as_ref().map_or("", ExposeSecret::expose_secret);
        options.set_credentials(user, password);
    }
    if address.has_tls {
        let unusable = |why: String| match &settings.ca_file {
            Some(file) => format!("the certificates of {} cannot be used: {why}", file.display()),
            None => format!("the certificates of the system cannot be used: {why}"),
        };
        let roots = outbound::authorities(settings.ca_file.as_deref()).map_err(&unusable)?;
        let tls = outbound::tls(roots).map_err(|error| unusable(error.to_string()))?;
        options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::new(tls))));
    }
    Ok(options)
}

/// A name for a session that nobody comes back to.
pub(super) fn passing_name(purpose: &str) -> String {
    format!("luna-{purpose}-{:08x}", rand::rng().random::<u32>())
}

/// Why the broker cannot be used, with what to do about it.
pub(super) fn sentence(error: &ConnectionError, settings: &Settings) -> String {
    let broker = settings.broker().unwrap_or_default();
    let user = settings.user.as_deref();
    match error {
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => match code {
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => match user
            {
                Some(user) => format!(
                    "{broker} refuses the login of '{user}': name or password is wrong; mend \
                     MQTT_USER and MQTT_PASSWORD"
                ),
                None => format!("{broker} wants a login; set MQTT_USER and MQTT_PASSWORD"),
            },
            ConnectReturnCode::UnsupportedProtocolVersion
            | ConnectReturnCode::RefusedProtocolVersion => {
                format!("{broker} does not speak MQTT 5; use a broker that does, like Mosquitto 2")
            }
            ConnectReturnCode::ClientIdentifierNotValid | ConnectReturnCode::BadClientId => {
                format!(
                    "{broker} refuses the name of the session; choose another client_id in [mqtt]"
                )
            }
            code => format!("{broker} refuses the connection ({code:?}); its log says why"),
        },
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            let code = format!("{reason_code:?}");
            if code == "SessionTakenOver" {
                return format!(
                    "another program logs in to {broker} under Luna's name; give each box a \
                     client_id of its own in [mqtt]"
                );
            }
            format!("{broker} ended the connection ({code})")
        }
        ConnectionError::Timeout(_) => {
            format!(
                "{broker} does not answer within {CONNECT_S} s; check host and port of MQTT_URL"
            )
        }
        ConnectionError::Tls(error) => format!(
            "no encrypted connection to {broker}: {}; name the authority of its certificate in \
             ca_file of [mqtt], or mend the host in MQTT_URL",
            causes(error)
        ),
        ConnectionError::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            format!("nothing listens at {broker}; start the broker, or mend MQTT_URL")
        }
        other => format!("the connection to {broker} failed: {}", causes(other)),
    }
}

/// An error with its causes in one line.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}

/// Logs in to the broker once, as somebody who does not come back: whether it can be used.
///
/// # Errors
/// A sentence that says why not, with what to do about it.
pub async fn probe(settings: &Settings) -> Result<String, String> {
    let options = options(settings, &passing_name("probe"))?;
    let (client, mut events) = AsyncClient::new(options, 4);
    let greeted = async {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(sentence(&error, settings)),
            }
        }
    };
    let broker = settings.broker().unwrap_or_default();
    let patience = Duration::from_secs(CONNECT_S + 1);
    let greeted = timeout(patience, greeted).await;
    greeted.unwrap_or_else(|_| Err(format!("{broker} does not answer in time")))?;
    drop(client.try_disconnect());
    // Politeness: the broker need not guess that we are gone.
    drop(timeout(Duration::from_millis(200), events.poll()).await);
    Ok(match &settings.user {
        Some(user) => format!("{broker} lets '{user}' in"),
        None => format!("{broker} answers"),
    })
}
