//! Topic filters: which are sound, what they match, which of several are enough.

/// Longest topic or filter, in bytes.
pub(super) const BYTES_MAX: usize = 500;

/// Why a text is no topic filter.
pub(super) fn check(filter: &str) -> Result<(), &'static str> {
    if filter.is_empty() || filter.len() > BYTES_MAX {
        return Err("is not 1 to 500 bytes long");
    }
    if filter.contains(|letter: char| letter.is_control()) {
        return Err("holds a control character");
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') && (level != "#" || levels.peek().is_some()) {
            return Err("has a # that is not the last level alone, like tele/#");
        }
        if level.contains('+') && level != "+" {
            return Err("has a + that is not a level alone, like tele/+/SENSOR");
        }
    }
    Ok(())
}

/// What stands where the filter has `+` or `#`, if the topic is one of those it means.
pub(super) fn matched<'a>(filter: &str, topic: &'a str) -> Option<Vec<&'a str>> {
    // Topics of the broker's own are not meant by wildcards.
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return None;
    }
    let mut found = Vec::new();
    let (mut wanted, mut given) = (filter.split('/'), topic.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some("#"), rest) => {
                found.extend(rest.into_iter().chain(given));
                return Some(found);
            }
            (Some("+"), Some(level)) => found.push(level),
            (Some(one), Some(other)) if one == other => {}
            _ => return None,
        }
    }
}

/// Whether every topic that `narrow` means is meant by `wide`.
fn covers(wide: &str, narrow: &str) -> bool {
    let (mut wide, mut narrow) = (wide.split('/'), narrow.split('/'));
    loop {
        match (wide.next(), narrow.next()) {
            (None, None) | (Some("#"), _) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

/// The filters that are enough to get what all of them mean, sorted; a broker sends a message once
/// for each subscription that means it.
pub(super) fn least<'a>(filters: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<&str> = filters.into_iter().collect();
    all.sort_unstable();
    all.dedup();
    let is_enough = |one: &&&str| !all.iter().any(|other| other != *one && covers(other, one));
    all.iter().filter(is_enough).map(|filter| (**filter).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_alone() {
        for sound in ["a", "/", "a/+/b", "+", "#", "a/#", "tele/+/SENSOR", "shelly-1/status/em:0"] {
            assert_eq!(check(sound), Ok(()), "{sound}");
        }
        for odd in ["", "a/#/b", "a#", "a+/b", "#/a", "a\0b"] {
            assert!(check(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn what_wildcards_stand_for_is_known() {
        for (filter, topic, found) in [
            ("a/b", "a/b", Some(vec![])),
            ("a/+", "a/b", Some(vec!["b"])),
            ("a/+", "a/b/c", None),
            ("a/#", "a", Some(vec![])),
            ("a/#", "a/b/c", Some(vec!["b", "c"])),
            ("+/b/+", "a/b/c", Some(vec!["a", "c"])),
            ("#", "$SYS/uptime", None),
            ("$SYS/#", "$SYS/uptime", Some(vec!["uptime"])),
            ("a", "A", None),
        ] {
            assert_eq!(matched(filter, topic), found, "{filter} {topic}");
        }
    }

    #[test]
    fn a_filter_that_another_covers_is_left_out() {
        assert_eq!(
            least(["tele/+/SENSOR", "tele/plug/SENSOR", "a/b", "a/#"]),
            ["a/#", "tele/+/SENSOR"]
        );
        assert_eq!(least(["a/#", "a/+/#", "#"]), ["#"]);
        assert_eq!(least(["a/+", "+/b"]), ["+/b", "a/+"]);
        assert_eq!(least(["x", "x"]), ["x"]);
    }
}
