//! Whether a service stands in one's own network, for what must not leave it.

use std::net::IpAddr;

use reqwest::Url;

use super::guard::{Lookup, Reach, system_names};

/// The address of `url`'s host that does not lie on this box or in a private network, if one does not.
///
/// # Errors
///
/// A sentence when `url` is none, or its name has no address.
pub async fn abroad(url: &str) -> Result<Option<IpAddr>, String> {
    abroad_by(&system_names(), url).await
}

async fn abroad_by(lookup: &Lookup, url: &str) -> Result<Option<IpAddr>, String> {
    let url: Url =
        url.parse().map_err(|_| "it is not an address like http://host:1234".to_owned())?;
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = if let Ok(address) = bare.parse() {
        vec![address]
    } else {
        let found = lookup(bare.to_owned()).await;
        found.map_err(|error| format!("{bare} cannot be looked up: {error}"))?
    };
    if addresses.is_empty() {
        return Err(format!("{bare} has no address"));
    }
    let is_home = |address: &IpAddr| {
        matches!(Reach::needed_for(*address), Some(Reach::Network | Reach::Host))
    };
    Ok(addresses.into_iter().find(|address| !is_home(address)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_host_of_which_one_address_is_on_the_internet_is_abroad() {
        let names: Lookup = Arc::new(|name| {
            Box::pin(async move {
                Ok(match name.as_str() {
                    "box.example" => {
                        vec!["192.168.1.7".parse().unwrap(), "fd12::7".parse().unwrap()]
                    }
                    "mixed.example" => {
                        vec!["10.0.0.7".parse().unwrap(), "8.8.8.8".parse().unwrap()]
                    }
                    _ => Vec::new(),
                })
            })
        });
        for (url, expected) in [
            ("http://127.0.0.1:11434", Ok(None)),
            ("http://[::1]:11434/x", Ok(None)),
            ("http://box.example:11434", Ok(None)),
            ("https://mixed.example", Ok(Some("8.8.8.8".parse().unwrap()))),
            ("https://1.1.1.1/v1", Ok(Some("1.1.1.1".parse().unwrap()))),
            ("http://169.254.169.254", Ok(Some("169.254.169.254".parse().unwrap()))),
            ("https://nobody.example", Err("nobody.example has no address".to_owned())),
            ("nonsense", Err("it is not an address like http://host:1234".to_owned())),
        ] {
            assert_eq!(abroad_by(&names, url).await, expected, "{url}");
        }
    }
}
