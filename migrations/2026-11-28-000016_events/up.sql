-- What happened, for people and for learning; nothing in it tells who somebody is.
CREATE TABLE IF NOT EXISTS events (
    event_id uuid        NOT NULL,
    user_id  uuid        REFERENCES users (user_id) ON DELETE SET NULL,
    ts       timestamptz NOT NULL,
    type     text        NOT NULL CHECK (type ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$'),
    item_id  uuid,
    meta     jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(meta) = 'object'),
    CONSTRAINT events_pkey PRIMARY KEY (event_id, ts)
);
CREATE INDEX IF NOT EXISTS events_newest ON events (ts DESC, event_id DESC);
CREATE INDEX IF NOT EXISTS events_by_type ON events (type, ts DESC);

-- What the simulation writes while it runs: one row per stream, shared by all processes.
CREATE TABLE IF NOT EXISTS simulation_streams (
    stream        text        PRIMARY KEY CHECK (stream IN ('meters', 'market')),
    is_running    boolean     NOT NULL,
    started_at    timestamptz,
    stopped_at    timestamptz,
    interval_s    int         CHECK (interval_s BETWEEN 1 AND 60),
    written_until timestamptz,
    rows_written  bigint      NOT NULL DEFAULT 0 CHECK (rows_written >= 0),
    written_at    timestamptz,
    writer        text,
    CONSTRAINT simulation_streams_started CHECK (NOT is_running OR started_at IS NOT NULL)
);

DROP TRIGGER IF EXISTS simulation_streams_notify ON simulation_streams;
CREATE TRIGGER simulation_streams_notify AFTER INSERT OR UPDATE OF is_running ON simulation_streams
    FOR EACH STATEMENT EXECUTE FUNCTION luna_notify('luna_simulation');
