-- What a person says a meter took and gave in a whole local month; never spread over its hours.
CREATE TABLE IF NOT EXISTS consumption_totals (
    meter_id        text        NOT NULL REFERENCES meters (meter_id) ON DELETE CASCADE,
    month           date        NOT NULL
        CHECK (extract(day FROM month) = 1 AND month >= DATE '2000-01-01'),
    consumption_kwh float8      NOT NULL CHECK (consumption_kwh BETWEEN 0 AND 100000000),
    production_kwh  float8      CHECK (production_kwh BETWEEN 0 AND 100000000),
    entered_by      uuid        REFERENCES users (user_id) ON DELETE SET NULL,
    entered_at      timestamptz NOT NULL,
    CONSTRAINT consumption_totals_pkey PRIMARY KEY (meter_id, month)
);

-- Files that somebody has sent and not yet confirmed; the bytes lie in the object store for an hour.
CREATE TABLE IF NOT EXISTS staged_files (
    staged_file_id uuid        PRIMARY KEY,
    user_id        uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    kind           text        NOT NULL CHECK (kind IN ('readings', 'prices', 'weather')),
    subject        text        NOT NULL CHECK (char_length(subject) BETWEEN 1 AND 64),
    file_name      text        NOT NULL CHECK (char_length(file_name) BETWEEN 1 AND 200),
    size_bytes     bigint      NOT NULL CHECK (size_bytes >= 0),
    sha256         text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    created_at     timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS staged_files_by_age ON staged_files (created_at);
