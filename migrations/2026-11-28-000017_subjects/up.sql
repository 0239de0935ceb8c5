-- Sources are asked about more than prices: what was a market becomes a subject, e.g. `price:CH`.
DO $$
BEGIN
    IF EXISTS (SELECT FROM information_schema.columns
               WHERE table_schema = current_schema() AND table_name = 'source_states' AND column_name = 'market') THEN
        ALTER TABLE source_states RENAME COLUMN market TO subject;
    END IF;
END
$$;
UPDATE source_states SET subject = 'price:' || subject WHERE subject !~ ':';
UPDATE raw_files SET subject = 'price:' || subject WHERE subject !~ ':';
-- Start of the newest value that the source delivered.
ALTER TABLE source_states ADD COLUMN IF NOT EXISTS newest timestamptz;

-- An interrupted back-fill looks for what it has already.
CREATE INDEX IF NOT EXISTS raw_files_of_source ON raw_files (source, last_fetched_at DESC);

-- Models learn from series that are known before their instant; measurements and rates are not among them.
ALTER TABLE series ADD COLUMN IF NOT EXISTS is_feature boolean NOT NULL DEFAULT true;
