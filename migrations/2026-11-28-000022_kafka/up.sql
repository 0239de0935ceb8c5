-- How far each partition of a topic has been read: moved in the transaction that stores the rows, so that
-- none is lost and none is stored twice, whatever breaks off when.
CREATE TABLE IF NOT EXISTS kafka_offsets (
    topic          text        NOT NULL CHECK (topic ~ '^[A-Za-z0-9._-]{1,249}$'),
    partition      int         NOT NULL CHECK (partition >= 0),
    -- The record to read next; absent until the first look at the partition.
    next_offset    bigint      CHECK (next_offset >= 0),
    -- What the broker last called the end of the partition.
    high_watermark bigint      CHECK (high_watermark >= 0),
    records_read   bigint      NOT NULL DEFAULT 0 CHECK (records_read >= 0),
    rows_taken     bigint      NOT NULL DEFAULT 0 CHECK (rows_taken >= 0),
    rows_refused   bigint      NOT NULL DEFAULT 0 CHECK (rows_refused >= 0),
    -- Records that the broker had let go before they were read.
    records_lost   bigint      NOT NULL DEFAULT 0 CHECK (records_lost >= 0),
    lost_at        timestamptz,
    last_record_at timestamptz,
    updated_at     timestamptz NOT NULL,
    trouble        text        CHECK (length(trouble) BETWEEN 1 AND 1000),
    trouble_at     timestamptz,
    -- The process that reads the partition, and until when others keep away.
    holder         text        CHECK (length(holder) BETWEEN 1 AND 200),
    held_until     timestamptz,
    CONSTRAINT kafka_offsets_pkey PRIMARY KEY (topic, partition),
    CONSTRAINT kafka_offsets_holder CHECK ((holder IS NULL) = (held_until IS NULL)),
    CONSTRAINT kafka_offsets_trouble CHECK ((trouble IS NULL) = (trouble_at IS NULL))
);

-- Records and rows that could not be stored, the newest of each partition.
CREATE TABLE IF NOT EXISTS kafka_refusals (
    topic         text        NOT NULL,
    partition     int         NOT NULL,
    record_offset bigint      NOT NULL CHECK (record_offset >= 0),
    -- Place of the row in its record, from 0; -1 is the record as a whole.
    row_index     int         NOT NULL CHECK (row_index >= -1),
    field         text        NOT NULL CHECK (length(field) <= 200),
    reason        text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    excerpt       text        NOT NULL CHECK (length(excerpt) <= 500),
    refused_at    timestamptz NOT NULL,
    CONSTRAINT kafka_refusals_pkey PRIMARY KEY (topic, partition, record_offset, row_index),
    CONSTRAINT kafka_refusals_of FOREIGN KEY (topic, partition)
        REFERENCES kafka_offsets (topic, partition) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS kafka_refusals_newest ON kafka_refusals (refused_at DESC);
