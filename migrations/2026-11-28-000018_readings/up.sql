-- Answers to requests that bring a key of their own: the same request again gets the same answer and writes nothing.
CREATE TABLE IF NOT EXISTS reading_requests (
    user_id     uuid        NOT NULL REFERENCES users (user_id) ON DELETE CASCADE,
    request_key text        NOT NULL CHECK (length(request_key) BETWEEN 1 AND 200),
    body_sha256 text        NOT NULL CHECK (body_sha256 ~ '^[0-9a-f]{64}$'),
    answer      jsonb       NOT NULL,
    created_at  timestamptz NOT NULL,
    CONSTRAINT reading_requests_pkey PRIMARY KEY (user_id, request_key)
);
CREATE INDEX IF NOT EXISTS reading_requests_created ON reading_requests (created_at);

-- What counters showed at an instant; the energy between two of them is what flowed.
CREATE TABLE IF NOT EXISTS meter_counters (
    meter_id              text        NOT NULL REFERENCES meters (meter_id) ON DELETE CASCADE,
    ts                    timestamptz NOT NULL,
    consumption_kwh_total float8      CHECK (consumption_kwh_total BETWEEN 0 AND 1000000000000),
    production_kwh_total  float8      CHECK (production_kwh_total BETWEEN 0 AND 1000000000000),
    known_at              timestamptz NOT NULL,
    CONSTRAINT meter_counters_pkey PRIMARY KEY (meter_id, ts),
    CONSTRAINT meter_counters_say_something
        CHECK (consumption_kwh_total IS NOT NULL OR production_kwh_total IS NOT NULL)
);
