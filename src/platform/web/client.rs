//! Where a request comes from, as far as it can be believed.
//!
//! What a proxy says counts only when the connection comes from one that is listed: headers are free
//! text for everybody else. Where nothing certain can be said, the address is [`UNKNOWN`], which no
//! list contains.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::web::Data;

use super::networks::Networks;
use super::protections::Protections;

/// Stands for an address that a trusted proxy does not tell, or tells in two ways.
const UNKNOWN: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Address of whoever sent `request`: the last one that no trusted proxy has.
pub(super) fn client_address(request: &HttpRequest) -> IpAddr {
    Client::of(request).address
}

/// Whether the caller reached us, or a trusted proxy in front of us, over https.
pub fn is_https(request: &HttpRequest) -> bool {
    Client::of(request).https
}

/// What is known of the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Client {
    address: IpAddr,
    https: bool,
}

impl Client {
    fn of(request: &HttpRequest) -> Self {
        let peer = request.peer_addr().map_or(UNKNOWN, |peer| peer.ip().to_canonical());
        let direct = Self { address: peer, https: request.app_config().secure() };
        let Some(protections) = request.app_data::<Data<Protections>>() else { return direct };
        let rules = protections.rules();
        let trusted = rules.trusted_proxies();
        if trusted.contains(peer) { direct.behind(request.headers(), trusted) } else { direct }
    }

    /// The client that the trusted proxy `self` speaks for.
    fn behind(self, headers: &HeaderMap, trusted: &Networks) -> Self {
        let plain = list(headers, &header::X_FORWARDED_FOR);
        let plain = farthest(plain.iter().map(|text| address(text)), trusted);
        let elements: Vec<Element> =
            list(headers, &header::FORWARDED).iter().map(|text| Element::parse(text)).collect();
        let standard = farthest(elements.iter().map(|element| element.client), trusted);
        let address = match (plain, standard) {
            (None, None) => self.address,
            (Some((_, address)), None) | (None, Some((_, address))) => address,
            // A proxy writes one of the two and passes the other on as it came, from anybody.
            (Some((_, one)), Some((_, other))) => {
                if one == other {
                    one
                } else {
                    UNKNOWN
                }
            }
        };
        let schemes = list(headers, &header::X_FORWARDED_PROTO);
        let said = [
            schemes.last().map(String::as_str),
            standard.and_then(|(at, _)| elements[at].scheme.as_deref()),
        ];
        let said: Vec<&str> = said.into_iter().flatten().collect();
        let https = said.iter().all(|scheme| scheme.eq_ignore_ascii_case("https"));
        Self { address, https: if said.is_empty() { self.https } else { https } }
    }
}

/// Place and address of the farthest hop that is vouched for: each hop was written by the one behind
/// it, so the first one that is not trusted is the client, and nothing before it counts.
fn farthest(
    hops: impl DoubleEndedIterator<Item = Option<IpAddr>> + ExactSizeIterator,
    trusted: &Networks,
) -> Option<(usize, IpAddr)> {
    let mut found = None;
    for (at, hop) in hops.enumerate().rev() {
        let hop = hop.unwrap_or(UNKNOWN);
        found = Some((at, hop));
        if !trusted.contains(hop) {
            break;
        }
    }
    found
}

/// The entries of a header that is a list, from all its lines in order.
fn list(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let lines = headers.get_all(name).map(|line| line.to_str().unwrap_or("?"));
    lines.flat_map(|line| split(line, ',')).collect()
}

/// The parts of `text` between separators that stand outside of quotes.
fn split(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut quoted) = (vec![String::new()], false);
    for letter in text.chars() {
        quoted ^= letter == '"';
        if letter == separator && !quoted {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

/// The address in `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]` or `[::1]:5`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// One hop of the header `Forwarded` (RFC 7239).
#[derive(Debug, Default, PartialEq, Eq)]
struct Element {
    client: Option<IpAddr>,
    scheme: Option<String>,
}

impl Element {
    fn parse(text: &str) -> Self {
        let mut element = Self::default();
        for pair in split(text, ';') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "for" => element.client = address(value),
                "proto" => element.scheme = Some(value.to_owned()),
                _ => {}
            }
        }
        element
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::base::timeline::Clock;
    use crate::platform::web::settings::Settings;

    /// What is believed of a request from `peer` with these headers, where `10.0.0.0/8` and
    /// `fd00::/8` are proxies.
    fn client(peer: &str, headers: &[(&'static str, &str)]) -> (String, bool) {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(str::to_owned).to_vec();
        let settings =
            Settings { trusted_proxies: proxies.try_into().unwrap(), ..Settings::default() };
        let protections = Protections::new(&settings, Clock::system());
        let mut request = TestRequest::default().app_data(Data::new(protections));
        if !peer.is_empty() {
            request = request.peer_addr(SocketAddr::new(peer.parse().unwrap(), 4711));
        }
        for (name, value) in headers {
            request = request.append_header((*name, *value));
        }
        let request = request.to_http_request();
        (client_address(&request).to_string(), is_https(&request))
    }

    const XFF: &str = "x-forwarded-for";
    const PROTO: &str = "x-forwarded-proto";

    #[test]
    fn strangers_speak_for_themselves_only() {
        for peer in ["203.0.113.9", "192.168.1.5", "127.0.0.1", "::ffff:203.0.113.9", ""] {
            let headers =
                [(XFF, "10.0.0.1"), (PROTO, "https"), ("forwarded", "for=10.0.0.1;proto=https")];
            let own = peer.strip_prefix("::ffff:").unwrap_or(peer);
            let own = if own.is_empty() { "0.0.0.0" } else { own };
            assert_eq!(client(peer, &headers), (own.to_owned(), false), "{peer}");
        }
    }

    #[test]
    fn a_trusted_proxy_is_believed_for_the_last_hop_that_is_none() {
        for (peer, forwarded, address) in [
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("fd00::1", "2001:db8::7", "2001:db8::7"),
            // What a client claims stands left of what the proxy saw.
            ("10.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "10.0.0.5, 203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "192.168.1.1,203.0.113.9, 10.0.0.2", "203.0.113.9"),
            ("10.0.0.1", "203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"),
            ("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "203.0.113.9:5123", "203.0.113.9"),
            ("10.0.0.1", "[2001:db8::7]:5123", "2001:db8::7"),
            // Everybody on the way is a proxy: the farthest one asks for itself.
            ("10.0.0.1", "10.0.0.7, 10.0.0.2", "10.0.0.7"),
            // What is no address names nobody, and nothing before it counts.
            ("10.0.0.1", "127.0.0.1, unknown", "0.0.0.0"),
            ("10.0.0.1", "127.0.0.1, ", "0.0.0.0"),
            ("10.0.0.1", "", "0.0.0.0"),
        ] {
            assert_eq!(client(peer, &[(XFF, forwarded)]).0, address, "{peer} {forwarded}");
        }
        assert_eq!(client("10.0.0.1", &[]), ("10.0.0.1".to_owned(), false));
        let two_lines = [(XFF, "127.0.0.1"), (XFF, "203.0.113.9")];
        assert_eq!(client("10.0.0.1", &two_lines).0, "203.0.113.9");
    }

    #[test]
    fn the_standard_header_is_read_the_same_way() {
        for (forwarded, address, https) in [
            ("for=203.0.113.9", "203.0.113.9", false),
            ("For=\"203.0.113.9:80\"; Proto=HTTPS", "203.0.113.9", true),
            ("for=\"[2001:db8::7]:80\";by=10.0.0.1;proto=https", "2001:db8::7", true),
            ("for=127.0.0.1;proto=https, for=203.0.113.9;proto=http", "203.0.113.9", false),
            ("for=203.0.113.9;proto=https, for=10.0.0.2;proto=http", "203.0.113.9", true),
            ("for=\"a,b\", for=203.0.113.9", "203.0.113.9", false),
            ("for=_hidden", "0.0.0.0", false),
            ("proto=https", "0.0.0.0", true),
        ] {
            let told = client("10.0.0.1", &[("forwarded", forwarded)]);
            assert_eq!(told, (address.to_owned(), https), "{forwarded}");
        }
    }

    #[test]
    fn two_headers_that_differ_name_nobody() {
        // A proxy that writes only one passes the other on as the client sent it.
        let headers = |standard| [(XFF, "203.0.113.9"), ("forwarded", standard)];
        assert_eq!(client("10.0.0.1", &headers("for=127.0.0.1")).0, "0.0.0.0");
        assert_eq!(client("10.0.0.1", &headers("for=203.0.113.9")).0, "203.0.113.9");
    }

    #[test]
    fn https_is_what_the_nearest_proxy_says_and_all_agree_on() {
        for (headers, https) in [
            (vec![(XFF, "203.0.113.9"), (PROTO, "https")], true),
            (vec![(PROTO, "https, http")], false),
            (vec![(PROTO, "http, https")], true),
            (vec![(PROTO, "https"), ("forwarded", "for=203.0.113.9;proto=http")], false),
            (vec![(PROTO, "httpsx")], false),
        ] {
            assert_eq!(client("10.0.0.1", &headers).1, https, "{headers:?}");
        }
    }
}
