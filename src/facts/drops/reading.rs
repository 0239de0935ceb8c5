//! The documents of one file: read away from the web workers, stored one after the other, the last
//! one together with the file's place in the history.

use bytes::Bytes;
use diesel_async::AsyncConnection;
use serde_json::json;

use super::formats::{About, Document, Refusal, is_blank, read_document};
use super::model::{Counts, DroppedFile, DropsError, Outcome, written_reason};
use super::service::{Drops, SOURCE, away, count};
use super::store;
use super::storing::NotStored;
use super::unpack::{Part, parts};
use crate::access::audit::{By, Event};
use crate::facts::quality::Unreadable;
use crate::platform::db::{Conn, DbError};

/// Faults of parts of an archive that a reason names.
const NAMED_MAX: usize = 3;

impl Drops {
    /// Takes the documents of a file one by one, then writes the file down.
    pub(super) async fn read(
        &self,
        mut file: DroppedFile,
        bytes: Bytes,
        by: Option<&By>,
    ) -> Result<DroppedFile, DropsError> {
        let about = About {
            meter: Some(file.meter_hint.clone()).filter(|hint| !hint.is_empty()),
            zone: self.settings.zone,
        };
        let (bytes_max, payload) = (self.settings.bytes_max(), bytes.clone());
        let whole = |refusal| (Vec::new(), vec![(String::new(), refusal)]);
        let (documents, mut faults) =
            match away(move || Ok(documents(&bytes, bytes_max, &about))).await {
                Ok(Ok(documents)) => (documents, Vec::new()),
                Ok(Err(refusal)) => whole(refusal),
                Err(DropsError::Broken(why)) => {
                    whole(Refusal(format!("the file cannot be read: {why}")))
                }
                Err(error) => return Err(error),
            };
        let (total, mut notes) = (documents.len().max(1), Vec::new());
        for (place, read) in (1..).zip(documents) {
            read.format.clone_into(&mut file.format);
            let stored = match read.document {
                Err(refusal) => Err(refusal),
                Ok(document) => {
                    notes.extend(document.notes.iter().cloned());
                    // The last of faultless ones is committed together with the history.
                    if place == total && faults.is_empty() {
                        match self.close(&file, &document, &notes, by).await? {
                            Ok(kept) => return self.closed(kept, &payload).await,
                            Err(refusal) => Err(refusal),
                        }
                    } else {
                        let stored = self.store_alone(&document, by).await?;
                        stored.map(|counts| file.counts.add(&counts))
                    }
                }
            };
            if let Err(refusal) = stored {
                faults.push((read.name, refusal));
            }
        }
        file.outcome = if faults.is_empty() { Outcome::Empty } else { Outcome::Failed };
        file.reason = (!faults.is_empty()).then(|| written_reason(&sentence(&faults, total)));
        let mut conn = self.db.conn().await?;
        let kept = conn.transaction(async |conn| self.keep(conn, &file, by).await).await?;
        drop(conn);
        self.closed(kept, &payload).await
    }

    /// Stores the last document of a file and the file's place in the history in one transaction.
    async fn close(
        &self,
        file: &DroppedFile,
        document: &Document,
        notes: &[String],
        by: Option<&By>,
    ) -> Result<Result<DroppedFile, Refusal>, DropsError> {
        let system = By::system();
        let mut conn = self.db.conn().await?;
        let done = conn
            .transaction(async |conn| {
                // Whoever asks by hand has an entry of their own.
                let teller = by.is_none().then_some(&system);
                let mut file = file.clone();
                file.counts.add(&self.store(conn, document, teller).await?);
                file.outcome = file.counts.outcome();
                if !document.series.iter().any(|one| !one.slots.is_empty() || !one.shown.is_empty())
                    && file.counts.inserted + file.counts.replaced + file.counts.unchanged == 0
                {
                    file.outcome = Outcome::Empty;
                }
                let text = notes.join("; ");
                file.reason = (!text.is_empty()).then(|| written_reason(&text));
                Ok::<_, NotStored>(self.keep(conn, &file, by).await?)
            })
            .await;
        drop(conn);
        self.refusal_or(done).await
    }

    async fn store_alone(
        &self,
        document: &Document,
        by: Option<&By>,
    ) -> Result<Result<Counts, Refusal>, DropsError> {
        let system = By::system();
        let by = by.unwrap_or(&system);
        let mut conn = self.db.conn().await?;
        let done = conn.transaction(async |conn| self.store(conn, document, Some(by)).await).await;
        drop(conn);
        self.refusal_or(done).await
    }

    /// Tells a faulty document from a database that is away: what a database that answers refuses
    /// would be refused again, and must not hold up what comes next.
    async fn refusal_or<T>(
        &self,
        done: Result<T, NotStored>,
    ) -> Result<Result<T, Refusal>, DropsError> {
        match done {
            Ok(done) => Ok(Ok(done)),
            Err(NotStored::Refused(refusal)) => Ok(Err(refusal)),
            Err(NotStored::Db(error)) if error.is_passing() => Err(error.into()),
            Err(NotStored::Db(error)) => {
                self.db.ping().await?;
                tracing::error!(%error, "A document cannot be stored: {error:?}");
                Ok(Err(Refusal(
                    "the database refuses what the file says; the log says more".into(),
                )))
            }
        }
    }

    /// Writes a file down, with whoever asked for it.
    async fn keep(
        &self,
        conn: &mut Conn,
        file: &DroppedFile,
        by: Option<&By>,
    ) -> Result<DroppedFile, DbError> {
        let kept = store::keep(conn, file).await?;
        if let Some(by) = by {
            let event = Event::new("drop.retry", ("dropped_file", kept.dropped_file_id))
                .after(&json!({"road": kept.road, "name": kept.name, "outcome": kept.outcome,
                    "inserted": kept.counts.inserted, "replaced": kept.counts.replaced}));
            self.audit.record(conn, by, event).await?;
        }
        Ok(kept)
    }

    /// Says what became of a file where people look for it.
    async fn closed(&self, kept: DroppedFile, payload: &[u8]) -> Result<DroppedFile, DropsError> {
        count(&kept);
        let (road, name) = (kept.road.as_str(), kept.name.as_str());
        let reason = kept.reason.as_deref().unwrap_or_default();
        let subject = format!("{road}/{name}");
        if kept.outcome == Outcome::Failed {
            tracing::warn!(road, name, "The file {name} is set aside: {reason}");
            let (source, raw_file_id) = (SOURCE, kept.raw_file_id);
            let letter = Unreadable { source, subject: &subject, raw_file_id, payload, reason };
            self.quality.dead_letter(&letter).await?;
        } else {
            let (outcome, inserted, replaced) =
                (kept.outcome.name(), kept.counts.inserted, kept.counts.replaced);
            tracing::info!(
                road,
                name,
                outcome,
                "Read the file {name}: {inserted} new and {replaced} replaced intervals"
            );
            self.quality.supersede(SOURCE, &subject).await?;
        }
        Ok(kept)
    }
}

/// A document of a file, and how it was read.
struct ReadPart {
    name: String,
    format: &'static str,
    document: Result<Document, Refusal>,
}

fn documents(bytes: &[u8], bytes_max: u64, about: &About) -> Result<Vec<ReadPart>, Refusal> {
    let read = |Part { name, bytes }| {
        let bytes: Vec<u8> = match bytes {
            Ok(bytes) => bytes,
            Err(refusal) => return ReadPart { name, format: "", document: Err(refusal) },
        };
        if is_blank(&bytes) {
            return ReadPart { name, format: "", document: Ok(Document::default()) };
        }
        let (format, document) = read_document(&bytes, about);
        ReadPart { name, format, document }
    };
    Ok(parts(bytes, bytes_max)?.into_iter().map(read).collect())
}

/// The faults of a file in one sentence.
fn sentence(faults: &[(String, Refusal)], total: usize) -> String {
    if total == 1
        && let [(_, only)] = faults
    {
        return only.to_string();
    }
    let named = faults.iter().take(NAMED_MAX).map(|(name, fault)| format!("{name}: {fault}"));
    let named = named.collect::<Vec<_>>().join("; ");
    format!("{} of {total} files in it cannot be read, the others were: {named}", faults.len())
}
