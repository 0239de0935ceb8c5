-- Meters of sites. A simulated one has a name of its own kind, so that it is never taken for a real one.
CREATE TABLE IF NOT EXISTS meters (
    meter_id     text        PRIMARY KEY CHECK (meter_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    site_id      uuid        NOT NULL REFERENCES sites (site_id) ON DELETE RESTRICT,
    name         text        NOT NULL CHECK (name <> '' AND length(name) <= 200),
    role         text        NOT NULL
        CHECK (role IN ('grid', 'pv', 'battery', 'ev', 'heat_pump', 'device', 'house')),
    is_simulated boolean     NOT NULL,
    time_zone    text        NOT NULL DEFAULT 'Europe/Zurich' CHECK (time_zone <> ''),
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT meters_simulated_by_name CHECK (is_simulated = (meter_id LIKE 'sim-%'))
);
CREATE INDEX IF NOT EXISTS meters_site ON meters (site_id);

-- Mean power of intervals: the latest value per key; what it replaced lives in the revisions.
CREATE TABLE IF NOT EXISTS smart_meter_readings (
    meter_id       text        NOT NULL CHECK (meter_id <> ''),
    ts             timestamptz NOT NULL,
    consumption_kw float8      CHECK (consumption_kw BETWEEN 0 AND 1000000),
    production_kw  float8      CHECK (production_kw BETWEEN 0 AND 1000000),
    voltage        float8      CHECK (voltage BETWEEN 0 AND 1000000),
    quality        text        NOT NULL DEFAULT 'ok'
        CHECK (quality IN ('ok', 'estimated', 'missing', 'suspect', 'restated', 'simulated')),
    interval_s     int         NOT NULL CHECK (interval_s BETWEEN 1 AND 3600),
    known_at       timestamptz NOT NULL,
    CONSTRAINT smart_meter_readings_pkey PRIMARY KEY (meter_id, ts),
    CONSTRAINT smart_meter_readings_missing_is_null CHECK (
        (quality = 'missing') = (consumption_kw IS NULL AND production_kw IS NULL)
        AND (quality <> 'missing' OR voltage IS NULL)
    ),
    CONSTRAINT smart_meter_readings_simulated_by_name CHECK (
        quality = 'missing' OR (quality = 'simulated') = (meter_id LIKE 'sim-%')
    )
);
CREATE INDEX IF NOT EXISTS smart_meter_readings_ts ON smart_meter_readings (ts);

CREATE TABLE IF NOT EXISTS meter_reading_revisions (
    meter_id       text        NOT NULL,
    ts             timestamptz NOT NULL,
    consumption_kw float8,
    production_kw  float8,
    voltage        float8,
    quality        text        NOT NULL,
    interval_s     int         NOT NULL,
    known_at       timestamptz NOT NULL,
    replaced_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT meter_reading_revisions_pkey PRIMARY KEY (meter_id, ts, known_at, replaced_at)
);
