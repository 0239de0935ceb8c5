//! The engine that the settings name, with its metrics.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::edge::EdgeEngine;
use super::model::{Collection, Engine, Found, IndexError, Point, Search};
use super::server::ServerEngine;
use super::settings::Settings;
use crate::base::timeline::Clock;

/// The index of chunks. Cloning is cheap.
///
/// A configured server that is away is an error, never a reason to take the engine in the process: the
/// two hold different data.
#[derive(Clone)]
pub struct Index {
    engine: Arc<dyn Engine>,
    clock: Clock,
}

impl Index {
    /// The engine that the settings name; nothing is asked, opened or locked yet.
    pub fn new(settings: &Settings, data_dir: &Path, clock: Clock) -> Self {
        let engine: Arc<dyn Engine> = match settings.server() {
            Some(url) => Arc::new(ServerEngine::new(&url, settings, clock.clone())),
            None => Arc::new(EdgeEngine::new(data_dir, clock.clone())),
        };
        Self { engine, clock }
    }
}

#[async_trait::async_trait]
impl Engine for Index {
    async fn create(&self, collection: &Collection) -> Result<(), IndexError> {
        self.engine.create(collection).await
    }

    async fn put(&self, version: u32, points: Vec<Point>) -> Result<(), IndexError> {
        self.engine.put(version, points).await
    }

    async fn remove_item(&self, version: u32, item_id: Uuid) -> Result<(), IndexError> {
        self.engine.remove_item(version, item_id).await
    }

    async fn search(&self, version: u32, search: Search) -> Result<Found, IndexError> {
        let started = self.clock.elapsed();
        let found = self.engine.search(version, search).await;
        let took = self.clock.elapsed().saturating_sub(started);
        metrics::histogram!("luna_vector_search_seconds").record(took.as_secs_f64());
        found
    }

    async fn vectors(
        &self,
        version: u32,
        chunk_ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<f32>>, IndexError> {
        self.engine.vectors(version, chunk_ids).await
    }

    async fn count(&self, version: u32) -> Result<u64, IndexError> {
        self.engine.count(version).await
    }

    async fn settle(&self, version: u32) -> Result<(), IndexError> {
        self.engine.settle(version).await
    }

    async fn point_alias(&self, version: u32) -> Result<(), IndexError> {
        self.engine.point_alias(version).await
    }

    async fn versions(&self) -> Result<Vec<u32>, IndexError> {
        self.engine.versions().await
    }

    async fn drop_version(&self, version: u32, set_aside: bool) -> Result<(), IndexError> {
        self.engine.drop_version(version, set_aside).await
    }

    async fn standing(&self) -> (String, bool) {
        self.engine.standing().await
    }
}
