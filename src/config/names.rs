//! Variables with fixed names: which setting they mean, or who else reads them.

/// What a variable with a fixed name is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Sets this key.
    Setting(&'static str),
    /// Read by docker compose or by recipes, not by the program.
    Elsewhere,
    /// Known from earlier installations, without effect; says why.
    Unused(&'static str),
}

/// Prefix of the variables that can name every setting, `LUNA_<SECTION>__<KEY>`.
pub const PREFIX: &str = "LUNA_";

/// Every variable with a fixed name. Of two for one key the earlier one wins.
pub const FIXED: &[(&str, Use)] = &[
    ("API_PORT", Use::Setting("server.port")),
    ("APPLY_MIGRATIONS", Use::Setting("server.apply_migrations")),
    ("DATABASE_URL", Use::Setting("database.url")),
    ("DB_DSN", Use::Setting("database.url")),
    ("LOG_LEVEL", Use::Setting("telemetry.level")),
    ("LUNA_DATA_DIR", Use::Setting("storage.data_dir")),
    ("LUNA_PG_BIN", Use::Setting("database.postgres_bin")),
    ("S3_BUCKET", Use::Setting("objects.bucket")),
    ("S3_ENDPOINT", Use::Setting("objects.endpoint")),
    ("S3_REGION", Use::Setting("objects.region")),
    ("S3_PREFIX", Use::Setting("objects.prefix")),
    ("S3_ALLOW_HTTP", Use::Setting("objects.allow_http")),
    ("S3_ACCESS_KEY", Use::Setting("objects.access_key")),
    ("S3_SECRET_KEY", Use::Setting("objects.secret_key")),
    ("MQTT_URL", Use::Setting("mqtt.url")),
    ("MQTT_USER", Use::Setting("mqtt.user")),
    ("MQTT_PASSWORD", Use::Setting("mqtt.password")),
    ("KAFKA_BROKERS", Use::Setting("kafka.brokers")),
    ("KAFKA_TLS", Use::Setting("kafka.tls")),
    ("KAFKA_SASL", Use::Setting("kafka.sasl")),
    ("KAFKA_USERNAME", Use::Setting("kafka.username")),
    ("KAFKA_PASSWORD", Use::Setting("kafka.password")),
    ("N8N_WEBHOOK_URL", Use::Setting("alerts.webhook_url")),
    ("N8N_WEBHOOK_SECRET", Use::Setting("alerts.webhook_secret")),
    ("QDRANT_URL", Use::Setting("vectors.qdrant_url")),
    ("QDRANT_API_KEY", Use::Setting("vectors.api_key")),
    ("TIKA_URL", Use::Setting("extraction.tika_url")),
    ("OLLAMA_URL", Use::Setting("embedding.url")),
    ("EMBEDDING_PROVIDER", Use::Elsewhere),
    ("EMBEDDING_MODEL", Use::Elsewhere),
    ("LUNA_CONFIG_DIR", Use::Elsewhere),
    ("LUNA_SHARED_DIR", Use::Elsewhere),
    ("PROJECT_NAME", Use::Elsewhere),
    ("POSTGRES_PORT", Use::Elsewhere),
    ("POSTGRES_PASSWORD", Use::Elsewhere),
    ("QDRANT_HTTP_PORT", Use::Elsewhere),
    ("QDRANT_GRPC_PORT", Use::Elsewhere),
    ("S3_PORT", Use::Elsewhere),
    ("S3_CONSOLE_PORT", Use::Elsewhere),
    ("MINIO_API_PORT", Use::Elsewhere),
    ("MINIO_CONSOLE_PORT", Use::Elsewhere),
    ("OLLAMA_PORT", Use::Elsewhere),
    ("TIKA_PORT", Use::Elsewhere),
    ("KAFKA_PORT", Use::Elsewhere),
    ("GRAFANA_PORT", Use::Elsewhere),
    ("LOKI_PORT", Use::Elsewhere),
    ("PROMETHEUS_PORT", Use::Elsewhere),
    ("ENABLE_REDPANDA", Use::Elsewhere),
    ("ENABLE_OBSERVABILITY", Use::Elsewhere),
    ("REDIS_PORT", Use::Unused("caches live in the process")),
];

/// What the fixed name `name` is for.
pub fn fixed(name: &str) -> Option<Use> {
    FIXED.iter().find(|(known, _)| *known == name).map(|(_, used)| *used)
}

/// The key that `LUNA_<SECTION>__<KEY>` means.
pub fn key_of(name: &str) -> Option<String> {
    let path = name.strip_prefix(PREFIX)?;
    path.contains("__").then(|| path.to_ascii_lowercase().replace("__", "."))
}

/// The known word nearest to `word`, if one is near enough to have been meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR_ENOUGH: f64 = 0.8;
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= NEAR_ENOUGH)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_only_when_it_is_near() {
        let known = ["port", "host", "apply_migrations"];
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("apply_migration", known), Some("apply_migrations"));
        assert_eq!(nearest("colour", known), None);
    }

    #[test]
    fn a_double_underscore_separates_section_and_key() {
        assert_eq!(key_of("LUNA_JOBS__LEASE_S").as_deref(), Some("jobs.lease_s"));
        assert_eq!(key_of("LUNA_DATA_DIR"), None);
        assert_eq!(key_of("PATH"), None);
    }
}
