-- Retail tariffs, and their prices by component: the latest value per key; what it replaced lives in the _revisions twin.
CREATE TABLE IF NOT EXISTS tariffs (
    tariff_id      text        PRIMARY KEY CHECK (tariff_id ~ '^[a-z][a-z0-9_]*:[A-Za-z0-9_.-]+$'),
    name           text        NOT NULL CHECK (name <> ''),
    operator       text        NOT NULL CHECK (operator <> ''),
    kind           text        NOT NULL CHECK (kind IN ('dynamic', 'standard', 'feed_in', 'file')),
    preset         text        NOT NULL CHECK (preset ~ '^[a-z][a-z0-9_]*$'),
    currency       text        NOT NULL DEFAULT 'CHF' CHECK (currency = 'CHF'),
    time_zone      text        NOT NULL CHECK (time_zone <> ''),
    vat_percent    float8      NOT NULL CHECK (vat_percent BETWEEN 0 AND 30),
    base_chf_month float8      CHECK (base_chf_month BETWEEN 0 AND 10000),
    fallback       text,
    attribution    text        NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    changed_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tariffs_fallback CHECK (fallback <> tariff_id)
);

CREATE TABLE IF NOT EXISTS tariff_prices (
    tariff_id        text        NOT NULL REFERENCES tariffs (tariff_id) ON DELETE CASCADE,
    component        text        NOT NULL CHECK (component IN ('electricity', 'grid', 'grid_usage',
        'regional_fees', 'metering', 'integrated', 'feed_in', 'refund_storage')),
    ts               timestamptz NOT NULL,
    price_chf_kwh    float8      NOT NULL CHECK (price_chf_kwh BETWEEN -10 AND 10),
    interval_s       int         NOT NULL CHECK (interval_s = 900),
    known_at         timestamptz NOT NULL,
    known_at_assumed boolean     NOT NULL DEFAULT false,
    quality          text        NOT NULL DEFAULT 'ok'
        CHECK (quality IN ('ok', 'estimated', 'suspect', 'restated', 'simulated')),
    source           text        NOT NULL CHECK (source <> ''),
    CONSTRAINT tariff_prices_pkey PRIMARY KEY (tariff_id, component, ts)
);
CREATE INDEX IF NOT EXISTS tariff_prices_ts ON tariff_prices (ts);

CREATE TABLE IF NOT EXISTS tariff_price_revisions (
    tariff_id        text        NOT NULL REFERENCES tariffs (tariff_id) ON DELETE CASCADE,
    component        text        NOT NULL,
    ts               timestamptz NOT NULL,
    price_chf_kwh    float8      NOT NULL,
    interval_s       int         NOT NULL,
    known_at         timestamptz NOT NULL,
    known_at_assumed boolean     NOT NULL,
    quality          text        NOT NULL,
    source           text        NOT NULL,
    replaced_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT tariff_price_revisions_pkey
        PRIMARY KEY (tariff_id, component, ts, known_at, replaced_at)
);
