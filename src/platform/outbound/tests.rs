//! Calls against real servers on this box: slow, huge, packed, leading astray, failing.

use std::collections::HashMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::guard::{Lookup, system_names};
use super::service::Patience;
use super::tls::system_roots;
use super::*;
use crate::base::timeline::Clock;
use crate::platform::telemetry::{Metrics, Sample};

mod certificates; // whom calls believe

const LONG: Duration = Duration::from_hours(1);

/// Never waits between attempts for longer than a moment, nor for a silent server.
const IMPATIENT: Patience = Patience {
    connect: Duration::from_secs(5),
    idle: Duration::from_millis(200),
    pause: Duration::from_millis(1),
};

fn with(clock: Clock, patience: Patience, lookup: &Lookup) -> Result<Outbound, OutboundError> {
    Outbound::trusting(clock, patience, lookup, system_roots())
}

fn outbound() -> Outbound {
    with(Clock::system(), IMPATIENT, &system_names()).unwrap()
}

fn here(url: impl Into<String>) -> Call {
    Call { reach: Reach::Host, ..Call::get(url) }
}

/// A server that answers the requests of each connection with what `answer` writes for the request's
/// number and its text; nothing breaks the connection.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
    _running: JoinSet<()>,
}

impl Server {
    async fn new(answer: impl Fn(usize, &str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, log, answer) = (Arc::clone(&asked), Arc::clone(&heard), Arc::new(answer));
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (count, log, answer) =
                    (Arc::clone(&count), Arc::clone(&log), Arc::clone(&answer));
                connections.spawn(async move { serve(stream, &count, &log, &*answer).await });
            }
        });
        Self { address, asked, heard, _running: running }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    count: &AtomicUsize,
    log: &Mutex<Vec<String>>,
    answer: &(dyn Fn(usize, &str) -> Vec<u8> + Send + Sync),
) {
    loop {
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => text.push(byte),
                Err(_) => return,
            }
        }
        let text = String::from_utf8(text).unwrap();
        let number = count.fetch_add(1, Ordering::SeqCst);
        log.lock().unwrap().push(text.clone());
        let bytes = answer(number, &text);
        let ends = [SILENCE, DRIPS, FLOOD, RESET];
        let end = ends.into_iter().find(|end| bytes.ends_with(end)).unwrap_or_default();
        let said = &bytes[..bytes.len() - end.len()];
        if bytes.is_empty() || stream.write_all(said).await.is_err() {
            return;
        }
        match end {
            SILENCE => tokio::time::sleep(LONG).await,
            DRIPS => {
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(DRIP).await;
                }
            }
            FLOOD => {
                // The last part of what was said, for ever.
                let part = &said[said.len().saturating_sub(FLOOD_PART)..];
                while stream.write_all(part).await.is_ok() {}
            }
            RESET => {
                stream.set_zero_linger().unwrap();
                return;
            }
            _ => {}
        }
    }
}

/// At the end of an answer: nothing follows, and the connection stays open.
const SILENCE: &[u8] = b"<silence>";
/// One byte after the other, never long enough apart to be silence.
const DRIPS: &[u8] = b"<drips>";
const DRIP: Duration = Duration::from_millis(20);
/// The last [`FLOOD_PART`] bytes again and again.
const FLOOD: &[u8] = b"<flood>";
const FLOOD_PART: usize = 1_024;
/// The connection is reset.
const RESET: &[u8] = b"<reset>";

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", "", body.as_bytes())
}

#[tokio::test]
async fn an_answer_comes_back_whole_and_luna_says_who_it_is() {
    let server = Server::new(|_, _| answer("404 Not Found", "x-a: b\r\n", b"none")).await;
    let answer = outbound().send(here(server.url("/x?key=1"))).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (404, &b"none"[..]));
    assert_eq!(answer.headers["x-a"], "b");
    let heard = &server.heard()[0];
    assert!(heard.starts_with("GET /x?key=1 HTTP/1.1\r\n"), "{heard}");
    let agent = format!("user-agent: Luna/{}\r\n", env!("CARGO_PKG_VERSION"));
    assert!(heard.to_lowercase().contains(&agent.to_lowercase()), "{heard}");
    let again = outbound().send(here(server.url("/"))).await.unwrap();
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn this_box_and_its_network_are_out_of_reach_however_they_are_written() {
    let server = Server::new(|_, _| ok("secret")).await;
    let (outbound, port) = (outbound(), server.address.port());
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "127\u{3002}0.0.1",
        "\u{ff11}27.0.0.1",
        "%31%32%37.0.0.1",
        "0",
        "0.0.0.0",
        "[::]",
        "10.0.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "[fe80::1]",
        "[fd00:ec2::254]",
    ] {
        let call = Call::get(format!("http://{host}:{port}/"));
        let refused = outbound.send(call).await.unwrap_err();
        assert!(matches!(refused, OutboundError::Forbidden { .. }), "{host}: {refused:?}");
    }
    for url in [
        format!("http://example.ch@127.0.0.1:{port}/"),
        format!("http://anna:pw@127.0.0.1:{port}/"),
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
        "//127.0.0.1/".to_owned(),
        "http://".to_owned(),
        String::new(),
    ] {
        let refused = outbound.send(Call::get(&url)).await.unwrap_err();
        assert!(matches!(refused, OutboundError::BadUrl(_)), "{url}: {refused:?}");
    }
    // Where an admin says so, the network is allowed, but neither this box nor a cloud's keys.
    for host in ["127.0.0.1", "localhost", "169.254.169.254", "[::1]"] {
        let call = Call { reach: Reach::Network, ..Call::get(format!("http://{host}:{port}/")) };
        let refused = outbound.send(call).await.unwrap_err();
        assert!(matches!(refused, OutboundError::Forbidden { .. }), "{host}: {refused:?}");
    }
    assert_eq!(server.asked(), 0);
}

/// Names with the addresses of the first lookup, the second one, and so on; the last stays.
fn names(table: &[(&'static str, &[&[&str]])]) -> (Lookup, Arc<AtomicUsize>) {
    let parse =
        |list: &&[&str]| -> Vec<IpAddr> { list.iter().map(|it| it.parse().unwrap()).collect() };
    let table: HashMap<&'static str, Vec<Vec<IpAddr>>> =
        table.iter().map(|(name, answers)| (*name, answers.iter().map(parse).collect())).collect();
    let lookups = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&lookups);
    let lookup: Lookup = Arc::new(move |name| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        let answers = table[name.as_str()].clone();
        let found = answers[number.min(answers.len() - 1)].clone();
        Box::pin(async move { Ok(found) })
    });
    (lookup, lookups)
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_connected_to_where_it_was_checked() {
    let server = Server::new(|_, _| ok("secret")).await;
    let port = server.address.port();
    for (addresses, what) in [
        (&["127.0.0.1"][..], "inward"),
        (&["8.8.8.8", "127.0.0.1"][..], "mixed"),
        (&["::ffff:127.0.0.1"][..], "mapped"),
    ] {
        let (lookup, _) = names(&[("evil.example", &[addresses])]);
        let outbound = with(Clock::system(), IMPATIENT, &lookup).unwrap();
        let call = Call::get(format!("http://evil.example:{port}/"));
        let refused = outbound.send(call).await.unwrap_err();
        assert!(matches!(refused, OutboundError::Forbidden { .. }), "{what}: {refused:?}");
    }
    // The first answer is fine, the second would lead elsewhere: nobody asks for it.
    let (lookup, lookups) = names(&[("twice.example", &[&["127.0.0.1"], &["127.0.0.2"]])]);
    let outbound = with(Clock::system(), IMPATIENT, &lookup).unwrap();
    let call = here(format!("http://twice.example:{port}/"));
    assert_eq!(outbound.send(call).await.unwrap().body, "secret");
    assert_eq!(lookups.load(Ordering::SeqCst), 1);
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn redirects_are_checked_like_the_first_address() {
    let inner = Server::new(|_, _| ok("secret")).await;
    let inner_url = inner.url("/");
    let locations = [
        inner_url.clone(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        format!("http://localhost:{}/", inner.address.port()),
        "file:///etc/passwd".to_owned(),
    ];
    for location in locations {
        let to = location.clone();
        let outer =
            Server::new(move |_, _| answer("302 Found", &format!("location: {to}\r\n"), b"")).await;
        // The outer server has a public name; as the test knows, it is on this box.
        let port = outer.address.port();
        let (lookup, _) =
            names(&[("outer.example", &[&["127.0.0.1"]]), ("localhost", &[&["127.0.0.1"]])]);
        let outbound = with(Clock::system(), IMPATIENT, &lookup).unwrap();
        let call =
            Call { reach: Reach::Network, ..Call::get(format!("http://outer.example:{port}/")) };
        // Even the first step is refused here, so let it be this box, and look at the next one.
        assert!(matches!(outbound.send(call).await, Err(OutboundError::Forbidden { .. })));
        let refused = outbound.send(here(format!("http://outer.example:{port}/"))).await;
        match location.as_str() {
            at if at.starts_with("file:") => {
                assert!(matches!(refused, Err(OutboundError::Redirected { .. })), "{refused:?}");
            }
            at if at.contains("169.254") => {
                assert!(matches!(refused, Err(OutboundError::Forbidden { .. })), "{refused:?}");
            }
            _ => assert_eq!(refused.unwrap().body, "secret"),
        }
    }
}

#[tokio::test]
async fn redirects_end_and_take_no_secrets_to_another_origin() {
    let round = Server::new(|_, _| answer("302 Found", "location: /again\r\n", b"")).await;
    let endless = outbound().send(here(round.url("/"))).await.unwrap_err();
    assert!(matches!(endless, OutboundError::Redirected { .. }), "{endless:?}");
    assert_eq!(round.asked(), 6, "the first and five more");

    let other = Server::new(|_, _| ok("there")).await;
    let to = other.url("/there");
    let first = Server::new(move |number, _| match number {
        0 => answer("307 Temporary Redirect", "location: /same\r\n", b""),
        _ => answer("302 Found", &format!("location: {to}\r\n"), b""),
    })
    .await;
    let mut call = here(first.url("/"));
    call.headers
        .insert(HeaderName::from_static("authorization"), HeaderValue::from_static("c4n4ry"));
    assert_eq!(outbound().send(call).await.unwrap().body, "there");
    assert!(first.heard().iter().all(|heard| heard.contains("c4n4ry")), "{:?}", first.heard());
    assert!(!other.heard()[0].contains("c4n4ry"), "{:?}", other.heard());

    // What changes something is not sent on to somebody else.
    let moved = Server::new(|_, _| answer("307 Temporary Redirect", "location: /x\r\n", b"")).await;
    let call = Call { method: Method::POST, may_repeat: false, ..here(moved.url("/")) };
    assert_eq!(outbound().send(call).await.unwrap().status, 307);
    assert_eq!(moved.asked(), 1);
}

#[tokio::test]
async fn answers_are_cut_at_their_size_also_when_they_are_packed() {
    let call = |server: &Server, bytes_max| Call { bytes_max, ..here(server.url("/")) };
    let told = Server::new(|_, _| ok(&"x".repeat(1_001))).await;
    let refused = outbound().send(call(&told, 1_000)).await.unwrap_err();
    assert!(matches!(refused, OutboundError::TooLarge { bytes_max: 1_000, .. }), "{refused:?}");
    assert_eq!(outbound().send(call(&told, 1_001)).await.unwrap().body.len(), 1_001);

    // Nothing says how much will come.
    let untold = Server::new(|_, _| {
        let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400)).repeat(10_000);
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}").into_bytes()
    })
    .await;
    let refused = outbound().send(call(&untold, 100_000)).await.unwrap_err();
    assert!(matches!(refused, OutboundError::TooLarge { .. }), "{refused:?}");

    // 100 MiB of zeros in a tenth of a MiB.
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..100 {
        packer.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = packer.finish().unwrap();
    assert!(bomb.len() < 200_000, "{}", bomb.len());
    let bomb = Server::new(move |_, _| answer("200 OK", "content-encoding: gzip\r\n", &bomb)).await;
    let refused = outbound().send(call(&bomb, 1 << 20)).await.unwrap_err();
    assert!(matches!(refused, OutboundError::TooLarge { .. }), "{refused:?}");

    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(b"packed").unwrap();
    let packed = packer.finish().unwrap();
    let packed =
        Server::new(move |_, _| answer("200 OK", "content-encoding: gzip\r\n", &packed)).await;
    assert_eq!(outbound().send(call(&packed, 1_000)).await.unwrap().body, "packed");
}

#[tokio::test]
async fn silence_ends_in_time() {
    let dumb = Server::new(|_, _| SILENCE.to_vec()).await;
    let halfway = Server::new(|_, _| {
        [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin", SILENCE].concat()
    })
    .await;
    for server in [dumb, halfway] {
        let call = Call { may_repeat: false, ..here(server.url("/")) };
        let refused = outbound().send(call).await.unwrap_err();
        assert!(matches!(refused, OutboundError::TimedOut { .. }), "{refused:?}");
        assert_eq!(server.asked(), 1);
    }
    // Whoever sends a byte now and then is not silent; the call as a whole is bounded, too.
    let patient = Patience { idle: LONG, ..IMPATIENT };
    let outbound = with(Clock::system(), patient, &system_names()).unwrap();
    let slow = Server::new(|_, _| SILENCE.to_vec()).await;
    let call = Call { total: Duration::from_millis(200), ..here(slow.url("/")) };
    assert!(matches!(outbound.send(call).await, Err(OutboundError::TimedOut { .. })));
}

#[tokio::test]
async fn what_fails_in_passing_is_tried_again_and_only_where_that_does_no_harm() {
    for status in ["429 Too Many Requests", "502 Bad Gateway", "503 Service Unavailable"] {
        let server = Server::new(
            move |number, _| {
                if number < 2 { answer(status, "", b"") } else { ok("third") }
            },
        )
        .await;
        assert_eq!(outbound().send(here(server.url("/"))).await.unwrap().body, "third");
        assert_eq!(server.asked(), 3);
    }
    // A connection that is reset after the request.
    let resets = Server::new(|number, _| if number < 2 { vec![] } else { ok("third") }).await;
    assert_eq!(outbound().send(here(resets.url("/"))).await.unwrap().body, "third");

    let always = Server::new(|_, _| answer("503 Service Unavailable", "", b"")).await;
    assert_eq!(outbound().send(here(always.url("/"))).await.unwrap().status, 503);
    assert_eq!(always.asked(), 3);

    for (server, expected) in [
        (Server::new(|_, _| answer("503 Service Unavailable", "", b"")).await, "503"),
        (Server::new(|_, _| vec![]).await, "reset"),
        (Server::new(|_, _| answer("500 Internal Server Error", "", b"")).await, "500"),
    ] {
        let may_repeat = expected == "500";
        let call = Call { method: Method::POST, may_repeat, ..here(server.url("/")) };
        let result = outbound().send(call).await;
        let told = result.map_or("reset".to_owned(), |answer| answer.status.as_str().to_owned());
        assert_eq!((told.as_str(), server.asked()), (expected, 1));
    }
}

#[tokio::test]
async fn the_other_side_says_when_to_come_back() {
    // Our own pause would be an hour.
    let patient = Patience { pause: LONG, ..IMPATIENT };
    let outbound = |clock| with(clock, patient, &system_names()).unwrap();
    let soon = Server::new(|number, _| match number {
        0 => answer("429 Too Many Requests", "retry-after: 0\r\n", b""),
        _ => ok("second"),
    })
    .await;
    assert_eq!(outbound(Clock::system()).send(here(soon.url("/"))).await.unwrap().body, "second");
    // An instant that has passed by our clock.
    let past = Server::new(|number, _| match number {
        0 => {
            answer("503 Service Unavailable", "retry-after: Sat, 28 Mar 2026 11:59:00 GMT\r\n", b"")
        }
        _ => ok("second"),
    })
    .await;
    let clock = Clock::fixed("2026-03-28T12:00:00Z".parse().unwrap());
    assert_eq!(outbound(clock).send(here(past.url("/"))).await.unwrap().body, "second");
    // Later than the call may last: the answer as it is, at once.
    let late =
        Server::new(|_, _| answer("429 Too Many Requests", "retry-after: 61\r\n", b"")).await;
    let answer = outbound(Clock::system()).send(here(late.url("/"))).await.unwrap();
    assert_eq!((answer.status.as_u16(), late.asked()), (429, 1));
    let header = |text: &str| format!("retry-after: {text}\r\n");
    for far in [
        "18446744073709551615",
        "99999999999999999999999",
        "Sat, 28 Mar 2026 12:02:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "-1",
        "soon",
        "",
    ] {
        let headers = header(far);
        let server =
            Server::new(move |_, _| self::answer("503 Service Unavailable", &headers, b"")).await;
        let clock = Clock::fixed("2026-03-28T12:00:00Z".parse().unwrap());
        let answer = outbound(clock).send(here(server.url("/"))).await.unwrap();
        assert_eq!((answer.status.as_u16(), server.asked()), (503, 1), "{far}");
    }
}

#[tokio::test]
async fn a_host_that_keeps_failing_is_left_alone_and_tried_once() {
    let clock = Clock::fixed("2026-03-28T12:00:00Z".parse().unwrap());
    let outbound = with(clock.clone(), IMPATIENT, &system_names()).unwrap();
    let server = Server::new(|number, _| match number {
        0..6 => answer("500 Internal Server Error", "", b""),
        _ => ok("back"),
    })
    .await;
    let ask = async || outbound.send(here(server.url("/"))).await;
    let (metrics, host) = (Metrics::install().unwrap(), server.address.to_string());
    let state = || {
        let of_host = |sample: &Sample| sample.labels.get("host") == Some(&host);
        let mut all = metrics.samples().into_iter();
        let found = all.find(|it| it.name == "luna_circuit_state" && of_host(it));
        found.map(|sample| sample.value)
    };
    for _ in 0..5 {
        assert_eq!(ask().await.unwrap().status, 500);
    }
    assert!(matches!(ask().await, Err(OutboundError::LeftAlone { .. })));
    assert_eq!((server.asked(), state()), (5, Some(2.0)), "nothing was sent");
    clock.set("2026-03-28T12:00:30Z".parse().unwrap());
    assert_eq!(ask().await.unwrap().status, 500);
    assert!(matches!(ask().await, Err(OutboundError::LeftAlone { .. })));
    clock.set("2026-03-28T12:01:00Z".parse().unwrap());
    assert_eq!(ask().await.unwrap().body, "back");
    assert_eq!((ask().await.unwrap().body, state()), ("back".into(), Some(0.0)));
}

#[tokio::test]
async fn nobody_there_is_told_without_the_query() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let refused = outbound().send(here(format!("http://{address}/?key=c4n4ry"))).await.unwrap_err();
    let told = format!("{refused} {refused:?}");
    assert!(matches!(refused, OutboundError::Unreachable { .. }), "{told}");
    assert!(told.contains(&address.to_string()) && !told.contains("c4n4ry"), "{told}");
    assert!(refused.to_string().ends_with("it refuses the connection"), "{told}");
}

/// What a failed call tells, which names the host and never the query.
fn told(error: &OutboundError, host: &str) -> String {
    let (told, all) = (error.to_string(), format!("{error} {error:?}"));
    assert!(told.contains(host) && !all.contains("c4n4ry"), "{all}");
    told
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_told() {
    let failing: Lookup = Arc::new(|_| {
        Box::pin(async { Err(std::io::Error::other("temporary failure in name resolution")) })
    });
    let empty: Lookup = Arc::new(|_| Box::pin(async { Ok(Vec::new()) }));
    for lookup in [failing, empty] {
        let outbound = with(Clock::system(), IMPATIENT, &lookup).unwrap();
        let error = outbound.send(Call::get("https://gone.example/?key=c4n4ry")).await.unwrap_err();
        let told = told(&error, "gone.example:443");
        assert!(told.ends_with("its name cannot be looked up; is there a network?"), "{told}");
    }
    // The system's own resolver, with a name that no network gives to anybody (RFC 6761).
    let call = Call { may_repeat: false, ..Call::get("https://gone.invalid/?key=c4n4ry") };
    let error = outbound().send(call).await.unwrap_err();
    assert!(told(&error, "gone.invalid:443").contains("cannot be looked up"), "{error}");
}

#[tokio::test]
async fn whoever_drips_is_cut_off_and_holds_up_nobody_else() {
    let head = &b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"[..];
    let slow = Server::new(move |_, _| [head, DRIPS].concat()).await;
    let brisk = Server::new(|_, _| ok("brisk")).await;
    let outbound = outbound();
    let call = Call { total: Duration::from_millis(400), ..here(slow.url("/?key=c4n4ry")) };
    let (dripped, others) = tokio::join!(outbound.send(call), async {
        let mut answers = 0;
        while answers < 20 {
            assert_eq!(outbound.send(here(brisk.url("/"))).await.unwrap().body, "brisk");
            answers += 1;
        }
        answers
    });
    let error = dripped.unwrap_err();
    assert!(matches!(error, OutboundError::TimedOut { .. }), "{error:?}");
    told(&error, &slow.address.to_string());
    assert_eq!((others, slow.asked()), (20, 1));
    // A head that never comes to its end.
    let endless = Server::new(|_, _| [&b"HTTP/1.1 200 OK\r\nx-a: "[..], DRIPS].concat()).await;
    let call = Call { total: Duration::from_millis(400), ..here(endless.url("/")) };
    assert!(matches!(outbound.send(call).await, Err(OutboundError::TimedOut { .. })));
}

#[tokio::test]
async fn an_endless_answer_is_cut_where_the_call_says_also_when_it_is_packed() {
    let head = |headers: &str| format!("HTTP/1.1 200 OK\r\n{headers}connection: close\r\n\r\n");
    let plain = head("") + &"x".repeat(FLOOD_PART);
    let plain = [plain.as_bytes(), FLOOD].concat();
    // Zeros, packed to blocks of which the last can follow itself for ever.
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        packer.write_all(&vec![0; 1 << 20]).unwrap();
    }
    packer.flush().unwrap();
    let before = packer.get_ref().len();
    while packer.get_ref().len() < before + FLOOD_PART {
        packer.write_all(&[0; 258]).unwrap();
        packer.flush().unwrap();
    }
    let packed = packer.get_ref()[..before].to_vec();
    let packed = [head("content-encoding: gzip\r\n").as_bytes(), &packed, FLOOD].concat();
    for answer in [plain, packed] {
        let server = Server::new(move |_, _| answer.clone()).await;
        let call = Call { bytes_max: 8 << 20, ..here(server.url("/?key=c4n4ry")) };
        let error = outbound().send(call).await.unwrap_err();
        assert!(matches!(error, OutboundError::TooLarge { .. }), "{error:?}");
        told(&error, &server.address.to_string());
    }
    // Headers without end are cut, too.
    let headers = "HTTP/1.1 200 OK\r\n".to_owned() + &"x-a: b\r\n".repeat(FLOOD_PART / 8);
    let server = Server::new(move |_, _| [headers.as_bytes(), FLOOD].concat()).await;
    let error = outbound().send(here(server.url("/?key=c4n4ry"))).await.unwrap_err();
    told(&error, &server.address.to_string());
}

/// Keeps every tenth byte, and says when the end has come.
struct Tenth(usize);

impl Sieve for Tenth {
    fn take(&mut self, bytes: &[u8], kept: &mut BytesMut) {
        for byte in bytes {
            if self.0.is_multiple_of(10) {
                kept.extend_from_slice(&[*byte]);
            }
            self.0 += 1;
        }
    }

    fn finish(&mut self, kept: &mut BytesMut) {
        kept.extend_from_slice(b".");
    }
}

#[tokio::test]
async fn of_a_long_answer_what_a_sieve_keeps_is_bounded_and_so_is_the_rest() {
    let tenth = |read_max| Some(Sifting::new(read_max, || Box::new(Tenth(0))));
    let head = &b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"[..];
    let long = "0123456789".repeat(400_000);
    let whole = ok(&long);
    let expected = "0".repeat(400_000) + ".";
    // Broken off at first: the second attempt begins anew.
    let half = [b"HTTP/1.1 200 OK\r\ncontent-length: 4000000\r\n\r\n0123", RESET].concat();
    let server =
        Server::new(move |number, _| if number == 0 { half.clone() } else { whole.clone() }).await;
    let call = Call { bytes_max: 500_000, sifting: tenth(5_000_000), ..here(server.url("/")) };
    assert_eq!(outbound().send(call.clone()).await.unwrap().body, expected);
    assert_eq!(server.asked(), 2);
    // What is kept has a limit of its own, and so has what is read.
    for (bytes_max, read_max, limit) in [(1_000, 5_000_000, 1_000), (500_000, 3_000_000, 3_000_000)]
    {
        let call = Call { bytes_max, sifting: tenth(read_max), ..call.clone() };
        let error = outbound().send(call).await.unwrap_err();
        assert!(
            matches!(error, OutboundError::TooLarge { bytes_max, .. } if bytes_max == limit),
            "{error:?}"
        );
    }
    let endless = [head, "x".repeat(FLOOD_PART).as_bytes(), FLOOD].concat();
    let endless = Server::new(move |_, _| endless.clone()).await;
    let call = Call { sifting: tenth(8 << 20), bytes_max: 8 << 20, ..here(endless.url("/")) };
    let error = outbound().send(call).await.unwrap_err();
    assert!(matches!(error, OutboundError::TooLarge { bytes_max: 8_388_608, .. }), "{error:?}");
    // An error page is not sifted.
    let away = Server::new(|_, _| answer("404 Not Found", "", b"not here")).await;
    let call = Call { sifting: tenth(100), ..here(away.url("/")) };
    assert_eq!(outbound().send(call).await.unwrap().body, "not here");
}

#[tokio::test]
async fn a_connection_that_is_reset_in_the_middle_is_tried_again_and_told() {
    let broken = || [&b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"[..], RESET].concat();
    let twice = Server::new(move |number, _| if number < 2 { broken() } else { ok("whole") }).await;
    assert_eq!(outbound().send(here(twice.url("/"))).await.unwrap().body, "whole");
    assert_eq!(twice.asked(), 3);
    let always = Server::new(move |_, _| broken()).await;
    let error = outbound().send(here(always.url("/?key=c4n4ry"))).await.unwrap_err();
    let told = told(&error, &always.address.to_string());
    assert!(told.contains("broke"), "{told}");
    // Cut short, without a reset.
    let short = Server::new(|number, _| match number {
        0 => b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf".to_vec(),
        _ => vec![],
    })
    .await;
    let call = Call { may_repeat: false, total: Duration::from_secs(20), ..here(short.url("/")) };
    assert!(outbound().send(call).await.is_err(), "half an answer is none");
}

#[tokio::test]
async fn a_redirect_leads_to_nobodys_secrets_however_it_is_written() {
    for location in [
        "http://169.254.169.254/latest/",
        "http://0xa9fea9fe/",
        "http://2852039166/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://0/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://169.254.169.254./",
        "//169.254.169.254/",
        "\\\\169.254.169.254/",
        "http://metadata.example/",
    ] {
        let header = format!("location: {location}\r\n");
        let outer = Server::new(move |_, _| answer("302 Found", &header, b"")).await;
        let (lookup, _) = names(&[("metadata.example", &[&["169.254.169.254"]])]);
        let outbound = with(Clock::system(), IMPATIENT, &lookup).unwrap();
        let refused = outbound.send(here(outer.url("/?key=c4n4ry"))).await.unwrap_err();
        assert!(matches!(refused, OutboundError::Forbidden { .. }), "{location}: {refused:?}");
        assert!(!format!("{refused:?}").contains("c4n4ry"));
    }
    for location in ["http://example.ch@169.254.169.254/", "http://a:c4n4ry@host/", "gopher://x/"] {
        let header = format!("location: {location}\r\n");
        let outer = Server::new(move |_, _| answer("302 Found", &header, b"")).await;
        let error = outbound().send(here(outer.url("/"))).await.unwrap_err();
        assert!(matches!(error, OutboundError::Redirected { .. }), "{location}: {error:?}");
        told(&error, &outer.address.to_string());
    }
}
