//! Feature tables exported to Parquet, named, hashed, in time order.
