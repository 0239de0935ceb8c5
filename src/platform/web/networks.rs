//! Lists of addresses and networks, as settings write them.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

/// Addresses and networks, e.g. `["127.0.0.1", "192.168.0.0/16", "fd00::/8"]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Loopback, link-local and private ranges: this box and the network it stands in.
    pub fn local() -> Self {
        const LOCAL: [&str; 8] = [
            "127.0.0.0/8",
            "::1",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",
            "fc00::/7",
            "fe80::/10",
        ];
        Self(LOCAL.iter().filter_map(|text| network(text).ok()).collect())
    }

    /// Whether `address` is listed; an IPv4 address counts the same however it is written.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl TryFrom<Vec<String>> for Networks {
    type Error = String;

    fn try_from(list: Vec<String>) -> Result<Self, String> {
        list.iter().map(|text| network(text)).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Networks> for Vec<String> {
    fn from(Networks(list): Networks) -> Self {
        let written = |network: &IpNet| {
            let single = network.prefix_len() == network.max_prefix_len();
            if single { network.addr().to_string() } else { network.to_string() }
        };
        list.iter().map(written).collect()
    }
}

/// The network that `text` writes; a bare address is a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let refusal =
        || format!("'{text}' is not an address or network; write e.g. 192.168.0.0/16 or ::1");
    let network: IpNet = match text.parse::<IpAddr>() {
        Ok(address) => address.into(),
        Err(_) => text.parse().map_err(|_| refusal())?,
    };
    Ok(plain(network))
}

/// `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
fn plain(network: IpNet) -> IpNet {
    /// Bits in front of the IPv4 address.
    const MAPPED: u8 = 96;
    let IpNet::V6(v6) = network else { return network };
    let short = v6.prefix_len().checked_sub(MAPPED);
    let v4 = Ipv6Addr::to_ipv4_mapped(&v6.addr()).zip(short);
    let v4 = v4.and_then(|(address, length)| Ipv4Net::new(address, length).ok());
    v4.map_or(network, IpNet::V4)
}

/// What shares one allowance: an IPv4 address, or the /64 network that one line is given in IPv6.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    const LINE: u8 = 64;
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            Ipv6Net::new(v6, LINE).map_or(address, |network| IpAddr::V6(network.network()))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(list: &[&str]) -> Networks {
        list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>().try_into().unwrap()
    }

    #[test]
    fn an_address_is_found_however_it_is_written() {
        let listed =
            networks(&["10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "::ffff:198.51.100.0/120"]);
        for (address, inside) in [
            ("10.1.255.3", true),
            ("::ffff:10.1.0.1", true),
            ("10.2.0.0", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:1::9", true),
            ("2001:db9::", false),
            ("198.51.100.200", true),
            ("::ffff:198.51.101.1", false),
        ] {
            assert_eq!(listed.contains(address.parse().unwrap()), inside, "{address}");
        }
    }

    #[test]
    fn local_is_this_box_and_its_network_and_nothing_else() {
        let local = Networks::local();
        for (address, inside) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("192.168.1.20", true),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("fd12::1", true),
            ("fe80::1", true),
            ("8.8.8.8", false),
            ("::ffff:8.8.8.8", false),
            ("2001:4860::8888", false),
            ("0.0.0.0", false),
            ("::", false),
        ] {
            assert_eq!(local.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert_eq!(Vec::from(local).len(), 8);
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in ["10.0.0.0/33", "localhost", "", "10.0.0", "1.2.3.4:80"] {
            let told = Networks::try_from(vec!["::1".to_owned(), text.to_owned()]).unwrap_err();
            assert!(told.starts_with(&format!("'{text}' is not an address")), "{told}");
        }
    }

    #[test]
    fn neighbours_in_ipv6_share_a_line() {
        for (address, line) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ] {
            assert_eq!(neighbourhood(address.parse().unwrap()).to_string(), line);
        }
    }
}
