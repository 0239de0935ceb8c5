//! Where a browser may be sent after a login: places on this box only.

/// `next` if it is a path on this box, else `/`. Browsers take `//host`, `/\host` and a tab or line
/// feed in between for another host, so such a path is refused whole.
pub fn local_path(next: Option<&str>) -> &str {
    let is_local = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    next.filter(is_local).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_on_this_box_are_gone_to() {
        for (next, expected) in [
            (Some("/prices?market=CH#now"), "/prices?market=CH#now"),
            (Some("/"), "/"),
            (None, "/"),
            (Some(""), "/"),
            (Some("prices"), "/"),
            (Some("https://evil.example/"), "/"),
            (Some("//evil.example/"), "/"),
            (Some("/\\evil.example/"), "/"),
            (Some("/\t/evil.example/"), "/"),
            (Some("\n//evil.example/"), "/"),
            (Some("/a\r\nSet-Cookie: x=y"), "/"),
            (Some("javascript:alert(1)"), "/"),
        ] {
            assert_eq!(local_path(next), expected, "{next:?}");
        }
    }
}
