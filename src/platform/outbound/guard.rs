//! Which addresses may be connected to, checked where names become addresses.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::reason::Unresolved;

/// How far a call may go; each step allows what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The internet.
    Public,
    /// Private networks, too: for services of which an admin has said that they are at home there.
    Network,
    /// This box, too: for services that an admin runs beside Luna.
    Host,
}

impl Reach {
    /// The narrowest reach that `address` needs; nothing reaches link-local addresses, where
    /// clouds keep their keys, nor those that name nobody or everybody.
    pub(super) fn needed_for(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(v4) => needed_v4(v4),
            IpAddr::V6(v6) => needed_v6(v6),
        }
    }

    /// Whether `address` lies within.
    pub(super) fn allows(self, address: IpAddr) -> bool {
        Self::needed_for(address).is_some_and(|needed| needed <= self)
    }
}

fn needed_v4(address: Ipv4Addr) -> Option<Reach> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, ..) => Some(Reach::Host),
        // The last range is shared by carriers, and by private overlays.
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Some(Reach::Network),
        // This network, link-local, protocol assignments, documentation, the relay, benchmarks;
        // multicast, reserved, broadcast.
        (0 | 224..=255, ..)
        | (169, 254, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18..=19, _)
        | (198, 51, 100)
        | (203, 0, 113) => None,
        _ => Some(Reach::Public),
    }
}

fn needed_v6(address: Ipv6Addr) -> Option<Reach> {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Reach::Host),
        // What a gateway would turn into an IPv4 address counts as that one.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            needed_v4(embedded(high, low))
        }
        // The metadata service of a cloud, inside of the private range.
        [0xfd00, 0xec2, ..] => None,
        [first, ..] if first & 0xfe00 == 0xfc00 => Some(Reach::Network),
        // Teredo and documentation lie inside of the global range.
        [0x2001, 0 | 0xdb8, ..] => None,
        [first, ..] if first & 0xe000 == 0x2000 => Some(Reach::Public),
        _ => None,
    }
}

/// A target that the call must not reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forbidden {
    /// Name or address as asked for.
    pub host: String,
    /// What it stands for.
    pub address: IpAddr,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, address } = self;
        write!(f, "{host} is at {address}, which this call must not reach")
    }
}

impl Error for Forbidden {}

/// The refusal among the causes of `error`, if that is what it was.
pub(super) fn forbidden(error: &(dyn Error + 'static)) -> Option<Forbidden> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<Forbidden>() {
            return Some(found.clone());
        }
        cause = error.source();
    }
    None
}

/// A lookup on its way.
pub(super) type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Turns names into addresses.
pub(super) type Lookup = Arc<dyn Fn(String) -> Looking + Send + Sync>;

/// The system's names.
pub(super) fn system_names() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Connects only to addresses it has checked, so a name that changes its mind in between gains
/// nothing. A name of which one address is out of reach is refused whole.
pub(super) struct GuardedNames {
    pub reach: Reach,
    pub lookup: Lookup,
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (host, reach) = (name.as_str().to_owned(), self.reach);
        let looking = (self.lookup)(host.clone());
        Box::pin(async move {
            let addresses = looking.await.map_err(|error| Unresolved(Some(error)))?;
            if addresses.is_empty() {
                return Err(Unresolved(None).into());
            }
            if let Some(address) = addresses.iter().find(|address| !reach.allows(**address)) {
                return Err(Forbidden { host, address: *address }.into());
            }
            // The port of the URL stands in for 0.
            let targets = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            let targets: Addrs = Box::new(targets);
            Ok(targets)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_needs_the_reach_it_should() {
        let (public, network, host) =
            (Some(Reach::Public), Some(Reach::Network), Some(Reach::Host));
        for (address, needed) in [
            ("8.8.8.8", public),
            ("1.1.1.1", public),
            ("172.15.0.1", public),
            ("172.32.0.1", public),
            ("100.63.255.255", public),
            ("223.255.255.254", public),
            ("2a00:1450::1", public),
            ("64:ff9b::808:808", public),
            ("2002:808:808::1", public),
            ("10.0.0.1", network),
            ("172.16.0.1", network),
            ("172.31.255.255", network),
            ("192.168.178.1", network),
            ("100.64.0.1", network),
            ("fd12:3456::1", network),
            ("fc00::1", network),
            ("::ffff:192.168.1.1", network),
            ("64:ff9b::a00:1", network),
            ("2002:c0a8:101::1", network),
            ("127.0.0.1", host),
            ("127.255.255.255", host),
            ("::1", host),
            ("::ffff:127.0.0.1", host),
            ("64:ff9b::7f00:1", host),
            ("2002:7f00:1::", host),
            ("169.254.169.254", None),
            ("169.254.0.1", None),
            ("::ffff:169.254.169.254", None),
            ("64:ff9b::a9fe:a9fe", None),
            ("fd00:ec2::254", None),
            ("fe80::1", None),
            ("fec0::1", None),
            ("0.0.0.0", None),
            ("0.1.2.3", None),
            ("::", None),
            ("::7f00:1", None),
            ("192.0.0.8", None),
            ("192.0.2.1", None),
            ("192.88.99.1", None),
            ("198.18.0.1", None),
            ("198.51.100.1", None),
            ("203.0.113.1", None),
            ("224.0.0.1", None),
            ("240.0.0.1", None),
            ("255.255.255.255", None),
            ("2001::1", None),
            ("2001:db8::1", None),
            ("ff02::1", None),
            ("100::1", None),
        ] {
            assert_eq!(Reach::needed_for(address.parse().unwrap()), needed, "{address}");
        }
        let address = "10.0.0.1".parse().unwrap();
        assert!(!Reach::Public.allows(address));
        assert!(Reach::Network.allows(address) && Reach::Host.allows(address));
    }
}
