-- A value that is stated again unchanged stays known since it was first stated, but nothing that was
-- published before its latest statement may replace it: otherwise the order of arrival decides.
ALTER TABLE market_prices ADD COLUMN IF NOT EXISTS confirmed_at timestamptz;
ALTER TABLE smart_meter_readings ADD COLUMN IF NOT EXISTS confirmed_at timestamptz;
COMMENT ON COLUMN market_prices.confirmed_at IS
    'latest publication of the same value; absent while there was only one';
COMMENT ON COLUMN smart_meter_readings.confirmed_at IS
    'latest publication of the same value; absent while there was only one';
