-- What the payloads of a topic say about a meter.
CREATE TABLE IF NOT EXISTS mqtt_mappings (
    mapping_id   uuid        PRIMARY KEY,
    topic_filter text        NOT NULL CHECK (length(topic_filter) BETWEEN 1 AND 500),
    value_path   text        NOT NULL CHECK (length(value_path) <= 500),
    meter_id     text        NOT NULL CHECK (length(meter_id) BETWEEN 1 AND 64),
    field        text        NOT NULL CHECK (field IN ('consumption_kw', 'production_kw', 'power_kw',
        'consumption_kwh_total', 'production_kwh_total', 'voltage')),
    unit         text        NOT NULL CHECK (unit IN ('W', 'kW', 'Wh', 'kWh', 'V')),
    is_inverted  boolean     NOT NULL DEFAULT false,
    interval_s   int         NOT NULL CHECK (interval_s BETWEEN 1 AND 3600),
    time_path    text        CHECK (length(time_path) BETWEEN 1 AND 500),
    preset       text        CHECK (preset IN ('tasmota', 'shelly', 'home_assistant', 'esphome',
        'dsmr_reader')),
    is_enabled   boolean     NOT NULL DEFAULT true,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    CONSTRAINT mqtt_mappings_once UNIQUE (topic_filter, value_path, meter_id, field)
);
DROP TRIGGER IF EXISTS mqtt_mappings_notify ON mqtt_mappings;
CREATE TRIGGER mqtt_mappings_notify AFTER INSERT OR UPDATE OR DELETE ON mqtt_mappings
    FOR EACH STATEMENT EXECUTE FUNCTION luna_notify('luna_mqtt');

-- Powers and voltages as they came; intervals follow from all of them, not from the order of arrival.
CREATE TABLE IF NOT EXISTS mqtt_samples (
    meter_id text        NOT NULL CHECK (meter_id <> ''),
    field    text        NOT NULL CHECK (field IN ('consumption_kw', 'production_kw', 'voltage')),
    ts       timestamptz NOT NULL,
    value    float8      NOT NULL CHECK (value BETWEEN 0 AND 1000000),
    known_at timestamptz NOT NULL,
    CONSTRAINT mqtt_samples_pkey PRIMARY KEY (meter_id, field, ts)
);
CREATE INDEX IF NOT EXISTS mqtt_samples_known ON mqtt_samples (known_at);

-- When payloads without a time of their own first came: a broker may send them again.
CREATE TABLE IF NOT EXISTS mqtt_seen (
    topic       text        NOT NULL,
    digest      text        NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    received_at timestamptz NOT NULL,
    CONSTRAINT mqtt_seen_pkey PRIMARY KEY (topic, digest)
);
CREATE INDEX IF NOT EXISTS mqtt_seen_received ON mqtt_seen (received_at);

-- The last messages of each topic, for the page that maps them.
CREATE TABLE IF NOT EXISTS mqtt_topics (
    topic      text        PRIMARY KEY CHECK (topic <> ''),
    last_at    timestamptz NOT NULL,
    messages   bigint      NOT NULL CHECK (messages >= 0),
    refused    bigint      NOT NULL CHECK (refused >= 0),
    last       jsonb       NOT NULL CHECK (jsonb_typeof(last) = 'array'),
    reason     text,
    refused_at timestamptz,
    CONSTRAINT mqtt_topics_refusal CHECK ((reason IS NULL) = (refused_at IS NULL))
);
CREATE INDEX IF NOT EXISTS mqtt_topics_last ON mqtt_topics (last_at);

-- The one process that reads the broker, and how that goes.
CREATE TABLE IF NOT EXISTS mqtt_consumer (
    consumer_id     int         PRIMARY KEY CHECK (consumer_id = 1),
    holder          uuid,
    held_until      timestamptz,
    client_id       text        NOT NULL CHECK (client_id <> ''),
    state           text        NOT NULL CHECK (state IN ('connecting', 'connected', 'disconnected')),
    broker          text        NOT NULL,
    detail          text        NOT NULL,
    since           timestamptz NOT NULL,
    messages        bigint      NOT NULL DEFAULT 0 CHECK (messages >= 0),
    rows_stored     bigint      NOT NULL DEFAULT 0 CHECK (rows_stored >= 0),
    rows_refused    bigint      NOT NULL DEFAULT 0 CHECK (rows_refused >= 0),
    last_message_at timestamptz
);
