//! HTTP/1.1 over kept connections, as little of it as load needs, so that the client's own work
//! does not hide the server's.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::stream::{FuturesUnordered, TryStreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Requests per connection before the clock runs.
const WARM_UP: usize = 20;
/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_mins(2);
/// Longest answer that is read, in bytes.
const ANSWER_MAX: usize = 1 << 20;

/// A request that is sent again and again.
#[derive(Debug, Clone)]
pub(super) struct Target {
    address: SocketAddr,
    request: Vec<u8>,
}

impl Target {
    /// `GET path`, with the token when there is one.
    pub fn get(address: SocketAddr, path: &str, token: Option<&str>) -> Self {
        let who =
            token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{who}\r\n");
        Self { address, request: request.into_bytes() }
    }

    /// The body of one answer.
    pub async fn body(&self) -> io::Result<Vec<u8>> {
        Ok(Connection::open(self.address).await?.ask(&self.request).await?.to_vec())
    }
}

/// Where bodies are posted to, and as whom.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub address: SocketAddr,
    /// Path and query.
    pub path: String,
    pub media_type: String,
    pub token: String,
}

/// Posts `bodies` one after the other over one connection; the wait for each answer, which must be
/// a 200.
pub(super) async fn send_all(post: &Post, bodies: &[Bytes]) -> io::Result<Vec<Duration>> {
    let mut connection = Connection::open(post.address).await?;
    let mut waits = Vec::with_capacity(bodies.len());
    for body in bodies {
        let asked = Instant::now();
        let head = post.head(body.len());
        connection.stream.write_all(head.as_bytes()).await?;
        connection.ask(body).await?;
        waits.push(asked.elapsed());
    }
    Ok(waits)
}

/// The wait that `percent` of `waits`, shortest first, do not exceed, in seconds (nearest rank).
pub(super) fn percentile_s(waits: &[Duration], percent: usize) -> f64 {
    let rank = (waits.len() * percent).div_ceil(100).max(1);
    waits.get(rank - 1).map_or(f64::NAN, Duration::as_secs_f64)
}

/// How requests follow each other, whether they are answered or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paced {
    /// Connections that take turns.
    pub connections: usize,
    /// Time from one request to the next.
    pub every: Duration,
}

/// Posts `bodies`, one every `pace.every`, over connections that take turns. A request that has to
/// wait for its connection counts from when it should have been sent: a server that falls behind
/// does not thin out its own load.
pub(super) async fn paced(post: &Post, bodies: &[Bytes], pace: Paced) -> io::Result<Load> {
    let open = (0..pace.connections).map(|_| Connection::open(post.address));
    let open = try_join_all(open).await?;
    let started = tokio::time::Instant::now() + pace.every;
    let loops = open.into_iter().enumerate().map(|(first, mut connection)| async move {
        let mut waits = Vec::new();
        for (place, body) in bodies.iter().enumerate().skip(first).step_by(pace.connections) {
            let due = started + pace.every * u32::try_from(place).unwrap_or(u32::MAX);
            let is_late = tokio::time::Instant::now() > due;
            tokio::time::sleep_until(due).await;
            // The client's own timer is not the server's fault.
            let asked = if is_late { due } else { tokio::time::Instant::now() };
            connection.stream.write_all(post.head(body.len()).as_bytes()).await?;
            connection.ask(body).await?;
            waits.push(asked.elapsed());
        }
        Ok::<_, io::Error>(waits)
    });
    let all: FuturesUnordered<_> = loops.collect();
    let mut waits: Vec<Duration> = all.try_concat().await?;
    let elapsed = started.elapsed();
    waits.sort();
    Ok(Load { elapsed, waits })
}

impl Post {
    /// Head of a request with a body of `length` bytes.
    fn head(&self, length: usize) -> String {
        let Self { address, path, media_type, token } = self;
        format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
        )
    }
}

/// What a closed loop of requests measured.
#[derive(Debug, Clone)]
pub(super) struct Load {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Waits of all requests, shortest first.
    pub waits: Vec<Duration>,
}

impl Load {
    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.waits.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The wait that `percent` of the requests do not exceed, in seconds (nearest rank).
    pub fn percentile_s(&self, percent: usize) -> f64 {
        percentile_s(&self.waits, percent)
    }
}

/// Sends about `requests` requests over `connections` connections, each of which waits for the
/// answer before it asks again.
pub(super) async fn load(target: &Target, connections: usize, requests: usize) -> io::Result<Load> {
    let open = (0..connections).map(|_| Connection::open(target.address));
    let mut open = try_join_all(open).await?;
    let warm_up = open.iter_mut().map(|one| one.loop_over(&target.request, WARM_UP));
    try_join_all(warm_up).await?;
    let each = requests.div_ceil(connections);
    let started = Instant::now();
    let loops: FuturesUnordered<_> =
        open.iter_mut().map(|one| one.loop_over(&target.request, each)).collect();
    let mut waits: Vec<Duration> = loops.try_concat().await?;
    let elapsed = started.elapsed();
    waits.sort();
    Ok(Load { elapsed, waits })
}

/// A kept connection and the bytes of its latest answer.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4_096) })
    }

    async fn loop_over(&mut self, request: &[u8], times: usize) -> io::Result<Vec<Duration>> {
        let mut waits = Vec::with_capacity(times);
        for _ in 0..times {
            let asked = Instant::now();
            self.ask(request).await?;
            waits.push(asked.elapsed());
        }
        Ok(waits)
    }

    /// Sends a request and returns the body of the answer, which must be a 200.
    async fn ask(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let body = loop {
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
            if read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(body) = complete(&self.buffer)? {
                break body;
            }
        };
        Ok(&self.buffer[body..])
    }
}

/// Where the body begins once an answer is there in full.
pub(super) fn complete(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else {
        return if bytes.len() > ANSWER_MAX {
            Err(unreadable("its head is too long"))
        } else {
            Ok(None)
        };
    };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| unreadable("its head is no text"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(unreadable(status));
    }
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .filter(|length| *length <= ANSWER_MAX)
        .ok_or_else(|| unreadable("it does not say how long it is"))?;
    Ok((bytes.len() - end - 4 >= length).then_some(end + 4))
}

fn unreadable(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the answer is not the expected one: {why}"))
}
