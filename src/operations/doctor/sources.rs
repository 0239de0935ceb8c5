//! Whom Luna asks for prices, and whether they can be reached from here.

use super::model::Finding;
use super::outside;
use crate::facts::ingest;

/// A source and whether its host accepts connections.
type Reached = (&'static str, Result<(), String>);

/// Looks whether the hosts of the sources accept connections; sends nothing.
pub(super) async fn look(settings: &ingest::Settings) -> Finding {
    let mut reached = Vec::new();
    for (name, url) in settings.addresses() {
        reached.push((name, outside::connects(url).await));
    }
    judge(settings.enabled, &reached)
}

fn judge(enabled: bool, reached: &[Reached]) -> Finding {
    if !enabled {
        return Finding::skipped(
            "they are switched off: prices come from imports and the simulation",
        );
    }
    let silent: Vec<String> = reached
        .iter()
        .filter_map(|(name, result)| Some(format!("{name}: {}", result.as_ref().err()?)))
        .collect();
    if silent.is_empty() {
        let names: Vec<&str> = reached.iter().map(|(name, _)| *name).collect();
        return Finding::ok(format!("reachable: {}", names.join(", ")));
    }
    let rest = if silent.len() < reached.len() {
        "the others are asked instead"
    } else {
        "forecasts go on with the prices that are stored"
    };
    Finding::warn(
        format!("not reachable: {}; {rest}", silent.join("; ")),
        "look at the network and at DNS; a box that stays offline: \
         echo LUNA_SOURCES__ENABLED=false >>.env",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::Verdict;

    #[test]
    fn a_source_that_cannot_be_reached_is_named_with_what_happens_without_it() {
        let (good, bad) = (("one", Ok(())), ("two", Err("no route".to_owned())));
        assert_eq!(judge(false, std::slice::from_ref(&bad)).verdict, Verdict::Skipped);
        assert_eq!(judge(true, std::slice::from_ref(&good)), Finding::ok("reachable: one"));
        let some = judge(true, &[good, bad.clone()]);
        assert_eq!(some.verdict, Verdict::Warn);
        assert_eq!(some.reason, "not reachable: two: no route; the others are asked instead");
        let none = judge(true, &[bad]);
        assert!(none.reason.ends_with("with the prices that are stored"), "{none:?}");
    }
}
