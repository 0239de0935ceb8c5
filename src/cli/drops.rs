//! `luna import drops`.

use std::time::Duration;

use super::arguments::DropArguments;
use super::output::{Failure, json, line, text};
use super::session::with_services;
use crate::config::Settings;
use crate::facts::drops::DropsError;
use crate::facts::drops::Outcome;
use crate::facts::drops::Scan;

/// Longest wait between the two looks that tell that a file is complete.
const WAIT_MAX_S: u32 = 60;

pub(super) async fn import(settings: &Settings, arguments: &DropArguments) -> Result<(), Failure> {
    let settle = Duration::from_secs(settings.drops.settle_s.min(WAIT_MAX_S).into());
    let scan = with_services(settings, async |services| {
        let mut scan = services.drops.scan(&|| false).await.map_err(failure)?;
        if scan.waiting > 0 {
            tokio::time::sleep(settle).await;
            let second = services.drops.scan(&|| false).await.map_err(failure)?;
            scan.files.extend(second.files);
            (scan.waiting, scan.troubles) = (second.waiting, second.troubles);
        }
        Ok(scan)
    })
    .await?;
    if arguments.json {
        json(&scan)?;
    } else {
        text(&words(&scan))?;
    }
    let faulty = scan.count(Outcome::Failed) + scan.troubles.len();
    if faulty > 0 {
        return Err(Failure::world(anyhow::anyhow!(
            "{} files are set aside, {} troubles",
            scan.count(Outcome::Failed),
            scan.troubles.len()
        )));
    }
    Ok(())
}

fn failure(error: DropsError) -> Failure {
    match error {
        DropsError::Off => {
            Failure::with_hint(error, "LUNA_DROPS__FOLDER=/srv/luna/drops luna import drops")
        }
        error => Failure::world(error),
    }
}

fn words(scan: &Scan) -> String {
    let mut words = String::new();
    for file in &scan.files {
        let counts = file.counts;
        line(
            &mut words,
            format_args!(
                "{}: {}: {}, read {} values, {} new, {} replaced, {} unchanged, {} left out",
                file.road,
                file.name,
                file.outcome.name(),
                counts.rows_read,
                counts.inserted,
                counts.replaced,
                counts.unchanged,
                counts.left_out
            ),
        );
        if let Some(reason) = &file.reason {
            line(&mut words, format_args!("  {reason}"));
        }
    }
    for trouble in &scan.troubles {
        line(&mut words, format_args!("trouble: {trouble}"));
    }
    if scan.waiting > 0 {
        line(&mut words, format_args!("{} files may not be complete yet", scan.waiting));
    }
    if words.is_empty() {
        line(&mut words, format_args!("There is nothing to read."));
    }
    words
}
