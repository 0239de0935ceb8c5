//! What of a long answer is kept while it comes: the rest never stays in memory.

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;

/// Keeps of an answer what is wanted, piece by piece.
pub trait Sieve: Send {
    /// Takes the next bytes, which may begin and end anywhere, and adds to `kept` what is wanted.
    fn take(&mut self, bytes: &[u8], kept: &mut BytesMut);

    /// The answer has come to its end.
    fn finish(&mut self, kept: &mut BytesMut);
}

/// Makes a sieve for each attempt of a call.
type Make = Arc<dyn Fn() -> Box<dyn Sieve> + Send + Sync>;

/// How an answer is sifted; one with another status than 2xx is not.
#[derive(Clone)]
pub struct Sifting {
    make: Make,
    /// Longest answer, unpacked, before it is sifted.
    pub read_max: u64,
}

impl Sifting {
    /// Sifts answers of up to `read_max` bytes with what `make` makes.
    pub fn new(read_max: u64, make: impl Fn() -> Box<dyn Sieve> + Send + Sync + 'static) -> Self {
        Self { make: Arc::new(make), read_max }
    }

    /// A sieve for one attempt.
    pub fn sieve(&self) -> Box<dyn Sieve> {
        (self.make)()
    }
}

impl fmt::Debug for Sifting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sifting").field("read_max", &self.read_max).finish_non_exhaustive()
    }
}
