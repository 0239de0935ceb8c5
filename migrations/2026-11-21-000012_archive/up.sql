-- What sources sent, before anybody made sense of it; the payload itself is an object.
CREATE TABLE IF NOT EXISTS raw_files (
    raw_file_id     uuid        PRIMARY KEY,
    source          text        NOT NULL CHECK (source ~ '^[a-z][a-z0-9_]*$'),
    subject         text        NOT NULL CHECK (subject <> ''),
    range_from      timestamptz NOT NULL,
    range_to        timestamptz NOT NULL,
    url             text        NOT NULL CHECK (url <> ''),
    http_status     int         NOT NULL CHECK (http_status BETWEEN 100 AND 999),
    content_type    text        NOT NULL,
    size_bytes      bigint      NOT NULL CHECK (size_bytes >= 0),
    sha256          text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    object_key      text        NOT NULL CHECK (object_key <> ''),
    object_sha256   text        NOT NULL CHECK (object_sha256 ~ '^[0-9a-f]{64}$'),
    parse_result    text,
    fetched_at      timestamptz NOT NULL,
    last_fetched_at timestamptz NOT NULL,
    CONSTRAINT raw_files_once UNIQUE (source, url, sha256),
    CONSTRAINT raw_files_range CHECK (range_from < range_to),
    CONSTRAINT raw_files_last CHECK (fetched_at <= last_fetched_at)
);
CREATE INDEX IF NOT EXISTS raw_files_in_order ON raw_files (fetched_at, raw_file_id);

-- How asking a source for a market went last.
CREATE TABLE IF NOT EXISTS source_states (
    source          text        NOT NULL CHECK (source ~ '^[a-z][a-z0-9_]*$'),
    market          text        NOT NULL CHECK (market <> ''),
    asked_at        timestamptz NOT NULL,
    last_success_at timestamptz,
    last_failure_at timestamptz,
    failure         text,
    licence         text,
    PRIMARY KEY (source, market)
);
