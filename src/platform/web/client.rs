//! Where a request comes from.

use std::net::IpAddr;

use actix_web::HttpRequest;

/// Address of who sent `request`; absent only in tests without a connection.
pub fn client_address(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|peer| peer.ip().to_canonical())
}
