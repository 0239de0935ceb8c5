//! A Qdrant server, over gRPC.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use qdrant_client::{Qdrant, QdrantError};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use uuid::Uuid;

use super::model::{
    Collection, Engine, Filter, Found, Hit, IndexError, Point, Search, collection_name, version_of,
};
use super::order::{BEYOND, ask_again, ordered};
use super::settings::Settings;
use super::wire::{self, Asked};
use crate::base::timeline::Clock;
use crate::platform::outbound::Circuits;

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long the server may take for what touches every point: indexes, snapshots, removals.
const LONG: Duration = Duration::from_mins(5);
/// First release that computes the inverse document frequency by itself.
const RELEASE_MIN: (u32, u32) = (1, 10);

/// Codes of gRPC, by their numbers in its specification.
mod code {
    pub const INVALID_ARGUMENT: i32 = 3;
    pub const NOT_FOUND: i32 = 5;
    pub const ALREADY_EXISTS: i32 = 6;
    pub const PERMISSION_DENIED: i32 = 7;
    pub const UNAUTHENTICATED: i32 = 16;
}

/// A Qdrant server.
pub struct ServerEngine {
    url: String,
    /// For what somebody waits for, and for what takes its time.
    quick: Result<Qdrant, String>,
    slow: Result<Qdrant, String>,
    patience: Duration,
    circuits: Circuits,
}

impl ServerEngine {
    /// The server at `url`; nothing is asked yet.
    pub fn new(url: &str, settings: &Settings, clock: Clock) -> Self {
        let patience = Duration::from_secs(settings.patience_s.into());
        let client = |patience: Duration| {
            let key = settings.api_key.as_ref().map(|key| key.expose_secret().to_owned());
            Qdrant::from_url(url)
                .api_key(key)
                .timeout(patience)
                .connect_timeout(CONNECT_MAX)
                .keep_alive_while_idle()
                // It would be looked at here, before anybody asks, and print its opinion.
                .skip_compatibility_check()
                .build()
                .map_err(|error| error.to_string())
        };
        Self {
            url: url.to_owned(),
            quick: client(patience),
            slow: client(LONG),
            patience,
            circuits: Circuits::new(clock),
        }
    }

    /// The answer to a request somebody waits for.
    async fn quick<'a, T, F>(&'a self, ask: impl FnOnce(&'a Qdrant) -> F) -> Result<T, IndexError>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        self.ask(&self.quick, self.patience, ask).await
    }

    /// The answer to a request that takes its time.
    async fn slow<'a, T, F>(&'a self, ask: impl FnOnce(&'a Qdrant) -> F) -> Result<T, IndexError>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        self.ask(&self.slow, LONG, ask).await
    }

    async fn ask<'a, T, F>(
        &self,
        client: &'a Result<Qdrant, String>,
        patience: Duration,
        ask: impl FnOnce(&'a Qdrant) -> F,
    ) -> Result<T, IndexError>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        let url = &self.url;
        let client =
            client.as_ref().map_err(|why| IndexError::Unavailable(format!("{url}: {why}")))?;
        self.circuits.admit(url).map_err(|wait| {
            let wait = wait.as_secs().max(1);
            IndexError::Unavailable(format!(
                "the Qdrant server at {url} failed several times in a row and is asked again in {wait} s"
            ))
        })?;
        let answer = match timeout(patience + CONNECT_MAX, ask(client)).await {
            Ok(answer) => answer.map_err(|error| self.judged(&error)),
            Err(_) => Err(IndexError::Unavailable(format!(
                "the Qdrant server at {url} did not answer in time"
            ))),
        };
        match &answer {
            Err(IndexError::Unavailable(_)) => self.circuits.failed(url),
            _ => self.circuits.succeeded(url),
        }
        answer
    }

    /// What the server's error means to the caller; its version is put in by who knows it.
    fn judged(&self, error: &QdrantError) -> IndexError {
        let url = &self.url;
        let QdrantError::ResponseError { status } = error else {
            let said = plainly(&error.to_string());
            return IndexError::Unavailable(format!("the Qdrant server at {url}: {said}"));
        };
        let said: String = plainly(status.message()).chars().take(300).collect();
        match i32::from(status.code()) {
            code::NOT_FOUND => IndexError::Unknown(0),
            code::INVALID_ARGUMENT | code::ALREADY_EXISTS => IndexError::Refused(said),
            code::UNAUTHENTICATED | code::PERMISSION_DENIED => IndexError::Unavailable(format!(
                "the Qdrant server at {url} refuses the key; set QDRANT_API_KEY to one that it takes"
            )),
            _ => IndexError::Unavailable(format!("the Qdrant server at {url}: {said}")),
        }
    }

    async fn list(
        &self,
        version: u32,
        asked: Asked<'_>,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut most = limit + BEYOND;
        loop {
            let request = wire::query(version, &asked, filter, most);
            let answer = self.quick(|client| client.query(request)).await;
            let points = answer.map_err(of(version))?.result.into_iter();
            let hits: Vec<Hit> =
                points.filter_map(|point| wire::hit(point.id, point.score)).collect();
            match ask_again(&hits, most, limit) {
                Some(more) => most = more,
                None => return Ok(ordered(hits, limit, matches!(asked, Asked::Words(_)))),
            }
        }
    }

    /// Vectors that are damaged or no longer wanted may be wanted once more; where they are kept is the
    /// server's matter.
    async fn keep_snapshot(&self, version: u32) {
        let name = collection_name(version);
        match self.slow(|client| client.create_snapshot(name.clone())).await {
            Ok(made) => {
                let file = made.snapshot_description.map(|file| file.name).unwrap_or_default();
                tracing::info!(
                    version,
                    file,
                    "Kept version {version} of the index as snapshot {file}"
                );
            }
            Err(error) => {
                tracing::warn!(version, %error, "No snapshot of version {version} was kept: {error}");
            }
        }
    }
}

/// Puts the version into the error that says it is not there.
fn of(version: u32) -> impl Fn(IndexError) -> IndexError {
    move |error| match error {
        IndexError::Unknown(_) => IndexError::Unknown(version),
        other => other,
    }
}

#[async_trait::async_trait]
impl Engine for ServerEngine {
    async fn create(&self, collection: &Collection) -> Result<(), IndexError> {
        let (version, name) = (collection.version, collection_name(collection.version));
        if !self.quick(|client| client.collection_exists(name.clone())).await? {
            let request = wire::create(collection);
            self.slow(|client| client.create_collection(request)).await?;
        }
        // Also on a collection that is there: whoever made it may have been cut off.
        for index in wire::field_indexes(version) {
            self.slow(|client| client.create_field_index(index)).await.map_err(of(version))?;
        }
        Ok(())
    }

    async fn put(&self, version: u32, points: Vec<Point>) -> Result<(), IndexError> {
        for request in wire::put(version, points) {
            self.slow(|client| client.upsert_points(request)).await.map_err(of(version))?;
        }
        Ok(())
    }

    async fn remove_item(&self, version: u32, item_id: Uuid) -> Result<(), IndexError> {
        let request = wire::remove_item(version, item_id);
        self.slow(|client| client.delete_points(request)).await.map_err(of(version))?;
        Ok(())
    }

    async fn search(&self, version: u32, search: Search) -> Result<Found, IndexError> {
        let (filter, limit) = (&search.filter, search.limit);
        let words = search.words.as_ref().filter(|words| !words.indices.is_empty());
        let words = async {
            match words {
                Some(words) => self.list(version, Asked::Words(words), filter, limit).await,
                None => Ok(Vec::new()),
            }
        };
        let dense = async {
            match &search.dense {
                Some(dense) => self.list(version, Asked::Dense(dense), filter, limit).await,
                None => Ok(Vec::new()),
            }
        };
        let (words, dense) = tokio::try_join!(words, dense)?;
        Ok(Found { words, dense })
    }

    async fn vectors(
        &self,
        version: u32,
        chunk_ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<f32>>, IndexError> {
        if chunk_ids.is_empty() {
            return Ok(HashMap::new());
        }
        let request = wire::vectors(version, chunk_ids);
        let answer = self.slow(|client| client.get_points(request)).await.map_err(of(version))?;
        Ok(answer.result.into_iter().filter_map(wire::vector).collect())
    }

    async fn count(&self, version: u32) -> Result<u64, IndexError> {
        let request = wire::count(version);
        let answer = self.slow(|client| client.count(request)).await.map_err(of(version))?;
        Ok(answer.result.map_or(0, |result| result.count))
    }

    /// A server does that by itself; here it is only asked whether it has the version.
    async fn settle(&self, version: u32) -> Result<(), IndexError> {
        let name = collection_name(version);
        let exists = self.quick(|client| client.collection_exists(name)).await?;
        if exists { Ok(()) } else { Err(IndexError::Unknown(version)) }
    }

    async fn point_alias(&self, version: u32) -> Result<(), IndexError> {
        let request = wire::point_alias(version);
        self.quick(|client| client.create_alias(request)).await.map_err(of(version))?;
        Ok(())
    }

    async fn versions(&self) -> Result<Vec<u32>, IndexError> {
        let answer = self.quick(Qdrant::list_collections).await?;
        let names = answer.collections.iter();
        let mut versions: Vec<u32> = names.filter_map(|it| version_of(&it.name)).collect();
        versions.sort_unstable();
        Ok(versions)
    }

    /// A server cannot rename: what is set aside is a snapshot.
    async fn drop_version(&self, version: u32, set_aside: bool) -> Result<(), IndexError> {
        let name = collection_name(version);
        if !self.quick(|client| client.collection_exists(name.clone())).await? {
            return Ok(());
        }
        if set_aside {
            self.keep_snapshot(version).await;
        }
        self.slow(|client| client.delete_collection(name)).await?;
        Ok(())
    }

    async fn standing(&self) -> (String, bool) {
        let url = &self.url;
        match self.quick(Qdrant::health_check).await {
            Ok(answer) if is_too_old(&answer.version) => {
                let (major, minor) = RELEASE_MIN;
                let is = answer.version;
                (
                    format!("Qdrant {is} at {url} is too old; Luna wants {major}.{minor} or newer"),
                    false,
                )
            }
            Ok(answer) => (format!("Qdrant {} at {url}", answer.version), true),
            Err(error) => (error.to_string(), false),
        }
    }
}

/// Whether a release like `1.9.2` cannot do what is asked of it; one that cannot be read can.
fn is_too_old(release: &str) -> bool {
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) < RELEASE_MIN,
        _ => false,
    }
}

/// What the client says, without the names of its types: of those around a cause the innermost one's message is left.
fn plainly(said: &str) -> String {
    let cause = said.rsplit_once("message: \"").and_then(|(_, rest)| rest.split_once('"'));
    match cause {
        Some((cause, _)) if said.contains("transport::Error") => {
            format!("no connection ({cause})")
        }
        _ => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_releases_are_told_from_new_ones() {
        for (release, expected) in [
            ("1.9.7", true),
            ("1.10.0", false),
            ("1.19.2", false),
            ("2.0.0-dev", false),
            ("dev", false),
        ] {
            assert_eq!(is_too_old(release), expected, "{release}");
        }
    }

    #[test]
    fn a_connection_that_fails_is_told_without_the_names_of_types() {
        let said = "Failed to connect to http://127.0.0.1:1/: tonic::transport::Error(Transport, \
                    ConnectError(ConnectError(\"tcp connect error\", 127.0.0.1:1, Os { code: 111, \
                    kind: ConnectionRefused, message: \"Connection refused\" })))";
        assert_eq!(plainly(said), "no connection (Connection refused)");
        assert_eq!(plainly("Wrong input: message: \"x\""), "Wrong input: message: \"x\"");
        assert_eq!(plainly("operation was cancelled"), "operation was cancelled");
    }
}
