-- What changed: written in the transaction of the facts, read by consumers in the order of (writer, change_id). `writer` is
-- the number of that transaction: a row may be read once no transaction with a number up to it is open any more.
CREATE TABLE IF NOT EXISTS series_changes (
    writer     bigint      NOT NULL DEFAULT (pg_current_xact_id()::text::bigint) CHECK (writer >= 0),
    change_id  bigint      GENERATED ALWAYS AS IDENTITY,
    kind       text        NOT NULL CHECK (kind IN ('price', 'observation', 'meter', 'tariff')),
    name       text        NOT NULL CHECK (name <> ''),
    range_from timestamptz NOT NULL,
    range_to   timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT series_changes_pkey PRIMARY KEY (writer, change_id),
    CONSTRAINT series_changes_range CHECK (range_from < range_to)
);

-- How far each consumer is, and how its last attempt went.
CREATE TABLE IF NOT EXISTS change_cursors (
    consumer    text        PRIMARY KEY CHECK (consumer <> ''),
    writer      bigint      NOT NULL DEFAULT 0 CHECK (writer >= 0),
    change_id   bigint      NOT NULL DEFAULT 0 CHECK (change_id >= 0),
    attempts    int         NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    retry_at    timestamptz,
    error       text,
    lease_owner text,
    lease_until timestamptz,
    moved_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT change_cursors_lease CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
);

-- Changes that a consumer could not take, after its last attempt.
CREATE TABLE IF NOT EXISTS change_dead_letters (
    letter_id   uuid        PRIMARY KEY,
    consumer    text        NOT NULL CHECK (consumer <> ''),
    change_id   bigint      NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('price', 'observation', 'meter', 'tariff')),
    name        text        NOT NULL CHECK (name <> ''),
    range_from  timestamptz NOT NULL,
    range_to    timestamptz NOT NULL,
    reason      text        NOT NULL CHECK (reason <> ''),
    attempts    int         NOT NULL CHECK (attempts > 0),
    created_at  timestamptz NOT NULL,
    resolution  text        CHECK (resolution IN ('retried', 'discarded')),
    resolved_at timestamptz,
    resolved_by uuid,
    CONSTRAINT change_dead_letters_range CHECK (range_from < range_to),
    CONSTRAINT change_dead_letters_resolved CHECK ((resolution IS NULL) = (resolved_at IS NULL))
);
CREATE INDEX IF NOT EXISTS change_dead_letters_newest ON change_dead_letters (created_at DESC, letter_id DESC);
CREATE INDEX IF NOT EXISTS change_dead_letters_name ON change_dead_letters (consumer, kind, name)
    WHERE resolution IS DISTINCT FROM 'retried';

-- What the readings of an hour, and of a local day of the meter, add up to.
CREATE TABLE IF NOT EXISTS meter_hourly (
    meter_id        text        NOT NULL REFERENCES meters (meter_id) ON DELETE CASCADE,
    ts              timestamptz NOT NULL,
    consumption_kwh float8      CHECK (consumption_kwh >= 0),
    production_kwh  float8      CHECK (production_kwh >= 0),
    consumption_s   bigint      NOT NULL CHECK (consumption_s >= 0),
    production_s    bigint      NOT NULL CHECK (production_s >= 0),
    covered_s       bigint      NOT NULL CHECK (covered_s >= 0),
    missing_s       bigint      NOT NULL CHECK (missing_s >= 0),
    CONSTRAINT meter_hourly_pkey PRIMARY KEY (meter_id, ts)
);
CREATE TABLE IF NOT EXISTS meter_daily (
    meter_id        text        NOT NULL REFERENCES meters (meter_id) ON DELETE CASCADE,
    ts              timestamptz NOT NULL,
    interval_s      int         NOT NULL CHECK (interval_s BETWEEN 79200 AND 93600),
    consumption_kwh float8      CHECK (consumption_kwh >= 0),
    production_kwh  float8      CHECK (production_kwh >= 0),
    consumption_s   bigint      NOT NULL CHECK (consumption_s >= 0),
    production_s    bigint      NOT NULL CHECK (production_s >= 0),
    covered_s       bigint      NOT NULL CHECK (covered_s >= 0),
    missing_s       bigint      NOT NULL CHECK (missing_s >= 0),
    CONSTRAINT meter_daily_pkey PRIMARY KEY (meter_id, ts)
);

-- Up to when readings have been removed because of their age: what they added up to stays as it was.
CREATE TABLE IF NOT EXISTS reading_horizon (
    only_row boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    before   timestamptz NOT NULL
);

-- Local days of subjects that wait to be judged from what is stored.
CREATE TABLE IF NOT EXISTS quality_due (
    kind    text        NOT NULL CHECK (kind IN ('price', 'meter', 'tariff')),
    subject text        NOT NULL CHECK (subject <> ''),
    day     date        NOT NULL,
    since   timestamptz NOT NULL,
    CONSTRAINT quality_due_pkey PRIMARY KEY (kind, subject, day)
);

-- Whatever was read before anybody told of changes is told once.
INSERT INTO series_changes (kind, name, range_from, range_to)
SELECT 'meter', 'load:' || meter_id, min(ts), max(ts) + interval '1 hour'
FROM smart_meter_readings
WHERE NOT EXISTS (SELECT FROM series_changes)
GROUP BY meter_id;
