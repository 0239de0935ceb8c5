//! Where files are kept, and whether they can be written, read and deleted there.

use super::model::Finding;
use crate::platform::objects::Objects;

/// Tries the store with an object of Luna's own; the data folder has its own checks.
pub(super) async fn look(objects: &Objects) -> Finding {
    if !objects.is_remote() {
        return Finding::ok("in the data folder (no S3 is configured)");
    }
    judge(&objects.describe(), objects.probe().await.map_err(|error| error.to_string()))
}

/// `tried` says whether the store refuses a key that is taken.
fn judge(place: &str, tried: Result<bool, String>) -> Finding {
    match tried {
        Ok(true) => Finding::ok(format!("{place} can be written, read and deleted in")),
        Ok(false) => Finding::warn(
            format!(
                "{place} ignores If-None-Match: of two files written under one name in the same \
                 moment one is lost"
            ),
            "update the store to a version with conditional writes, or let one Luna alone write there",
        ),
        Err(why) => Finding::fail(
            format!("{why}; nothing is written elsewhere"),
            "start the store, or mend S3_* in .env; without S3_BUCKET files stay in the data folder",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::Verdict;

    #[test]
    fn a_store_must_let_itself_be_used_and_should_refuse_taken_names() {
        let of = |tried| judge("S3 bucket luna", tried);
        assert_eq!(of(Ok(true)).verdict, Verdict::Ok);
        let careless = of(Ok(false));
        assert!(careless.verdict == Verdict::Warn && careless.reason.contains("If-None-Match"));
        let away = of(Err("it does not answer".to_owned()));
        assert!(away.verdict == Verdict::Fail && away.fix.unwrap().contains("S3_BUCKET"));
    }
}
