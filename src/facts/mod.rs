//! What is known, and when it became known.

pub mod holidays; // public holidays that shape demand
pub mod changes; // what changed and when, for whoever keeps something up to date
pub mod market; // day-ahead prices with revisions
pub mod series; // everything observed or forecast that is not a price
pub mod rates; // euro into francs
pub mod tariffs; // what a kilowatt hour costs at home, component by component
pub mod meters; // meters of sites and what they read
pub mod readings; // what meters and gateways send
pub mod events; // what happened, without saying to whom
pub mod archive; // what sources sent, byte by byte
pub mod quality; // how good it is
pub mod imports; // CSV and Parquet files into facts
pub mod drops; // files that grid operators leave behind
pub mod consumption; // what people bring about their own consumption
pub mod uploads; // files that wait to be confirmed
pub mod ingest; // sources of the internet into facts
pub mod mqtt; // messages of a broker into readings
pub mod kafka; // logs with the Kafka API into facts, and out of them
pub mod simulation; // a market and houses that do not exist, for boxes without data
