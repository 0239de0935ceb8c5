-- Day-ahead prices: the latest value per key; what it replaced lives in the _revisions twin.
CREATE TABLE IF NOT EXISTS market_prices (
    market           text        NOT NULL CHECK (market <> ''),
    product          text        NOT NULL CHECK (product <> ''),
    ts               timestamptz NOT NULL,
    price_eur_mwh    float8      CHECK (price_eur_mwh BETWEEN -100000 AND 100000),
    volume           float8      CHECK (volume >= 0),
    interval_s       int         NOT NULL CHECK (interval_s IN (900, 1800, 3600)),
    quality          text        NOT NULL DEFAULT 'ok'
        CHECK (quality IN ('ok', 'estimated', 'missing', 'suspect', 'restated', 'simulated')),
    known_at         timestamptz NOT NULL,
    known_at_assumed boolean     NOT NULL DEFAULT false,
    source           text        NOT NULL,
    CONSTRAINT market_prices_pkey PRIMARY KEY (market, product, ts),
    CONSTRAINT market_prices_missing_is_null CHECK ((quality = 'missing') = (price_eur_mwh IS NULL))
);
CREATE INDEX IF NOT EXISTS market_prices_ts ON market_prices (ts);

CREATE TABLE IF NOT EXISTS market_price_revisions (
    market           text        NOT NULL,
    product          text        NOT NULL,
    ts               timestamptz NOT NULL,
    price_eur_mwh    float8,
    volume           float8,
    interval_s       int         NOT NULL,
    quality          text        NOT NULL,
    known_at         timestamptz NOT NULL,
    known_at_assumed boolean     NOT NULL,
    source           text        NOT NULL,
    replaced_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT market_price_revisions_pkey PRIMARY KEY (market, product, ts, known_at, replaced_at)
);
