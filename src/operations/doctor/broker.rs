//! The broker whose messages become readings, and whether it lets Luna in.

use super::model::Finding;
use crate::facts::mqtt;

/// Logs in to the broker once.
pub(super) async fn look(settings: &mqtt::Settings) -> Finding {
    if settings.broker().is_none() {
        return Finding::skipped("none is set; set MQTT_URL to read one");
    }
    judge(mqtt::probe(settings).await)
}

/// A broker that is away costs readings, but nothing else.
fn judge(tried: Result<String, String>) -> Finding {
    match tried {
        Ok(answer) => Finding::ok(answer),
        Err(why) => {
            Finding::warn(why, "until then no readings come that way; Luna tries again by itself")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::Verdict;

    #[tokio::test]
    async fn a_broker_that_is_away_is_a_warning_and_none_is_nothing() {
        assert_eq!(look(&mqtt::Settings::default()).await.verdict, Verdict::Skipped);
        let away =
            mqtt::Settings { url: Some("mqtt://127.0.0.1:1".to_owned()), ..Default::default() };
        let finding = look(&away).await;
        assert_eq!(finding.verdict, Verdict::Warn);
        assert!(finding.reason.contains("nothing listens at mqtt://127.0.0.1:1"), "{finding:?}");
    }
}
