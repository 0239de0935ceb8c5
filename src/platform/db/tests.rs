//! Pool, schema, migrations, on a real database.
