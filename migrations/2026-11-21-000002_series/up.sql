-- Everything observed or forecast that is not a price: load, wind and solar, temperature.
CREATE TABLE IF NOT EXISTS series (
    series_id    serial      PRIMARY KEY,
    name         text        NOT NULL UNIQUE CHECK (name <> ''),
    unit         text        NOT NULL,
    source       text        NOT NULL,
    market       text,
    resolution_s int         NOT NULL CHECK (resolution_s > 0),
    attribution  text        NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS observations (
    series_id        int         NOT NULL REFERENCES series (series_id) ON DELETE CASCADE,
    ts               timestamptz NOT NULL,
    known_at         timestamptz NOT NULL,
    known_at_assumed boolean     NOT NULL DEFAULT false,
    value            float8      NOT NULL,
    CONSTRAINT observations_pkey PRIMARY KEY (series_id, ts, known_at)
);
