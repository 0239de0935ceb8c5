-- Which meter the metering point of a grid operator is; files name points, never meters.
CREATE TABLE IF NOT EXISTS metering_points (
    point      text        PRIMARY KEY CHECK (point ~ '^[A-Za-z0-9]{4,64}$'),
    meter_id   text        NOT NULL REFERENCES meters (meter_id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS metering_points_meter ON metering_points (meter_id);

-- Every file that came over the watched folder or from a server, and what became of it.
CREATE TABLE IF NOT EXISTS dropped_files (
    dropped_file_id uuid        PRIMARY KEY,
    road            text        NOT NULL CHECK (road ~ '^(folder|sftp:[a-z0-9][a-z0-9_-]{0,39})$'),
    name            text        NOT NULL CHECK (name <> '' AND length(name) <= 500),
    -- Empty for a file that is too large to be read.
    sha256          text        NOT NULL CHECK (sha256 ~ '^([0-9a-f]{64})?$'),
    size_bytes      bigint      NOT NULL CHECK (size_bytes >= 0),
    modified_at     timestamptz,
    -- The meter that the place of a table says it is about.
    meter_hint      text        NOT NULL DEFAULT '',
    format          text        NOT NULL CHECK (format IN ('', 'sdat', 'mscons', 'table')),
    outcome         text        NOT NULL CHECK (outcome IN ('stored', 'unchanged', 'empty', 'failed')),
    rows_read       bigint      NOT NULL CHECK (rows_read >= 0),
    inserted        bigint      NOT NULL CHECK (inserted >= 0),
    replaced        bigint      NOT NULL CHECK (replaced >= 0),
    unchanged       bigint      NOT NULL CHECK (unchanged >= 0),
    left_out        bigint      NOT NULL CHECK (left_out >= 0),
    reason          text,
    raw_file_id     uuid,
    attempts        int         NOT NULL CHECK (attempts > 0),
    first_at        timestamptz NOT NULL,
    last_at         timestamptz NOT NULL,
    CONSTRAINT dropped_files_once UNIQUE (road, name, sha256),
    CONSTRAINT dropped_files_failed_says_why CHECK (outcome <> 'failed' OR reason <> ''),
    CONSTRAINT dropped_files_last CHECK (first_at <= last_at)
);
CREATE INDEX IF NOT EXISTS dropped_files_newest ON dropped_files (last_at DESC, dropped_file_id DESC);
CREATE INDEX IF NOT EXISTS dropped_files_sha256 ON dropped_files (sha256);

-- What documents said of one direction of one meter: the last created document counts, whatever the
-- order in which they came. Readings are put together from both directions.
CREATE TABLE IF NOT EXISTS dropped_values (
    meter_id   text        NOT NULL REFERENCES meters (meter_id) ON DELETE CASCADE,
    direction  text        NOT NULL CHECK (direction IN ('consumption', 'production')),
    ts         timestamptz NOT NULL,
    interval_s int         NOT NULL CHECK (interval_s BETWEEN 1 AND 3600),
    power_kw   float8      CHECK (power_kw BETWEEN 0 AND 1000000),
    quality    text        NOT NULL CHECK (quality IN ('ok', 'estimated', 'missing')),
    -- The code of the source, as it was written.
    condition  text        NOT NULL DEFAULT '',
    known_at   timestamptz NOT NULL,
    CONSTRAINT dropped_values_pkey PRIMARY KEY (meter_id, direction, ts),
    CONSTRAINT dropped_values_missing_is_null CHECK ((quality = 'missing') = (power_kw IS NULL))
);

-- Host keys that were accepted when a server was met first.
CREATE TABLE IF NOT EXISTS sftp_hosts (
    address     text        PRIMARY KEY CHECK (address <> ''),
    fingerprint text        NOT NULL CHECK (fingerprint LIKE 'SHA256:%'),
    created_at  timestamptz NOT NULL
);
