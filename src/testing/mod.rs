//! What tests share: a database of their own, an application around it.

mod app; // the whole application without a port
mod browser; // cookies, forms, redirects
mod database; // a migrated copy per test
mod mosquitto; // a broker
mod kafka; // a broker made of air
mod qdrant; // a server of vectors
mod s3; // a store that speaks S3
mod server; // somebody outside who answers
mod sshd; // a server that speaks SFTP
mod services; // the services without routes, made-up prices

pub use self::app::{ANYBODY, Answer, TestApp, from_this_box};
pub use self::browser::Browser;
pub use self::database::{TestDb, lines};
pub use self::kafka::MockKafka;
pub use self::mosquitto::{Door, Mosquitto};
pub use self::qdrant::QdrantLocal;
pub use self::s3::S3Server;
pub use self::server::Server;
pub use self::services::{TestServices, ch, hours, lively, point, utc};
pub use self::sshd::Sshd;
