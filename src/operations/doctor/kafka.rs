//! Whether the brokers of the settings answer.

use super::model::Finding;
use crate::facts::kafka::{Cluster, KafkaError};

/// Asks the brokers for their topics.
pub(super) async fn look(cluster: &Cluster) -> Finding {
    let asked = match cluster.topics().await {
        Err(KafkaError::Off) => None,
        Ok(topics) => Some(Ok(topics.len())),
        Err(error) => Some(Err(error.to_string())),
    };
    judge(&cluster.brokers().join(", "), asked)
}

/// `asked` is the number of topics, or why nobody answers; nothing without brokers.
fn judge(brokers: &str, asked: Option<Result<usize, String>>) -> Finding {
    match asked {
        None => Finding::skipped("none is set: no readings come from Kafka"),
        Some(Ok(topics)) => Finding::ok(format!("{brokers} answers with {topics} topics")),
        Some(Err(why)) => Finding::fail(
            format!("{why}; readings from there wait"),
            "start the brokers, or mend KAFKA_* in .env; without KAFKA_BROKERS nothing is read from any",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::Verdict;

    #[test]
    fn brokers_must_answer_where_there_are_any() {
        let of = |asked| judge("redpanda:9092", asked);
        assert_eq!(of(None).verdict, Verdict::Skipped);
        let sound = of(Some(Ok(2)));
        assert!(sound.verdict == Verdict::Ok && sound.reason.contains("2 topics"));
        let away = of(Some(Err("redpanda:9092: connection refused".to_owned())));
        assert!(away.verdict == Verdict::Fail && away.fix.unwrap().contains("KAFKA_BROKERS"));
    }

    #[tokio::test]
    async fn nobody_is_asked_where_nobody_is_named() {
        let cluster = Cluster::new(&crate::facts::kafka::Settings::default());
        assert_eq!(look(&cluster).await.verdict, Verdict::Skipped);
    }
}
