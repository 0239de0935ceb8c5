//! The doctor with the services it asks.

use std::sync::Arc;

use super::documents::{extraction, index};
use super::services::assemble;
use crate::base::timeline::Clock;
use crate::config::Mistake;
use crate::config::Settings;
use crate::config::Sources;
use crate::facts::kafka::Cluster;
use crate::knowledge::embedding::Embedding;
use crate::operations::doctor::Knowledge;
use crate::operations::doctor::Parts;
use crate::operations::doctor::Report;
use crate::operations::doctor::Subject;
use crate::operations::doctor::examine;
use crate::platform::objects::Objects;
use crate::platform::runtime::CpuPool;

/// Looks at the box that these settings describe, mistakes among them; with `fixes` mends what is
/// safe to mend.
pub(crate) async fn look_at_box(
    sources: &Sources,
    settings: &Settings,
    mistakes: &[Mistake],
    fixes: bool,
) -> Report {
    let clock = Clock::system();
    let data_dir = settings.storage.data_dir.clone();
    let subject = Subject {
        mistakes: mistakes.iter().map(|at| format!("{}: {}", at.place, at.what)).collect(),
        env_file: sources.env_file.clone(),
        config_dir: sources.config_dir.clone(),
        variables: sources.variables(),
        host: settings.server.host.clone(),
        port: settings.server.port,
        data_dir: settings.storage.data_dir.clone(),
        database_url: settings.database_url.clone(),
        database: settings.database.clone(),
        apply_migrations: settings.server.apply_migrations,
        telemetry: settings.telemetry.clone(),
        sources: settings.ingest.clone(),
        mqtt: (*settings.mqtt).clone(),
        objects: Objects::new(&settings.objects, data_dir, clock.clone()),
        kafka: Cluster::new(&settings.kafka),
        knowledge: Knowledge {
            index: index(settings, &clock),
            qdrant: settings.vectors.server(),
            embedding: Embedding::new(&settings.embedding, CpuPool::new(None), clock.clone()),
            extraction: Arc::new(extraction(settings, &clock)),
            tika: settings.extraction.tika_url.clone().filter(|url| !url.is_empty()),
        },
    };
    examine(&subject, &clock, fixes, |db| {
        let services = assemble(settings, db, clock.clone());
        Parts { accounts: services.accounts, registry: services.registry }
    })
    .await
}
