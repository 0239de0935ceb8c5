//! From an archived answer to stored facts: read, judged, sifted, stored; the same again on a replay.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::error::FetchError;
use super::model::{Ask, FetchReport, ReadError};
use super::service::{Ingest, named};
use super::sift::sift;
use super::source::Source;
use super::subject::{Subject, UnknownSubject};
use super::{judged, prices, values};
use crate::base::timeline::{TimeRange, add_days, local_date};
use crate::facts::archive::RawFile;

/// What became of a payload.
pub(super) struct Taken {
    /// What was stored of it.
    pub report: FetchReport,
    /// The licence that came with it.
    pub licence: Option<String>,
    /// Addresses of the files that it names, where it is a list of them.
    pub next: Vec<String>,
}

impl Ingest {
    /// Reads a payload and stores what of it is fit, as known when it was made where its address tells
    /// that, else at `came_at`.
    pub(super) async fn take(
        &self,
        source: &'static dyn Source,
        (raw, ask): (&RawFile, &Ask),
        payload: &Bytes,
        came_at: DateTime<Utc>,
    ) -> Result<Taken, FetchError> {
        let made_at = source.made_at(&raw.arrival.url);
        let known_at = made_at.map_or(came_at, |made_at| made_at.min(came_at));
        let zone = ask.subject.time_zone();
        let last = add_days(local_date(ask.range.to, zone), -1);
        let days = (&ask.subject, local_date(ask.range.from, zone), last);
        let mut report = FetchReport::new(source.name(), days);
        let reading = match self.read(source, (raw, ask), payload).await? {
            Ok(reading) => {
                let came = (reading, known_at);
                judged::judge(&self.quality, source.name(), (raw, ask), came).await?
            }
            Err(error) => {
                judged::bury(&self.quality, raw, payload, &error).await?;
                Err(error)
            }
        };
        let read = reading.and_then(|(reading, apart)| {
            let (sifted, odd) = sift(&reading.quotes, ask, self.clock.now())?;
            let (fit, odd_values) = values::sift(reading.values, ask)?;
            let odd = reading.findings.iter().chain(&odd).chain(&odd_values);
            report.values = reading.municipal.len();
            report.findings = odd.map(ToString::to_string).chain(apart).collect();
            Ok((sifted, fit, reading.tariff, (reading.licence, reading.next)))
        });
        let (sifted, fit, tariff, (licence, next)) = match read {
            Ok(read) => read,
            Err(error) => {
                self.archive.judge(raw, &error.to_string()).await?;
                return Err(error.into());
            }
        };
        let series = sifted.values().chain(fit.iter().map(|fit| &fit.points));
        for points in series {
            report.values += points.len();
            report.newest = report.newest.max(points.last().map(|(ts, _)| *ts));
        }
        if let Some(market) = ask.market() {
            let of = (market, ask.range);
            let kept = prices::put(&self.prices, source.name(), of, (&sifted, known_at)).await?;
            report.stored = report.stored.plus(kept);
        }
        let whose = (source.name(), source.attribution());
        let kept = values::put(&self.observations, whose, ask, (&fit, known_at)).await?;
        report.stored = report.stored.plus(kept);
        if let Subject::Tariff(id) = &ask.subject {
            self.put_tariff((id, ask.range), (tariff, known_at), &mut report).await?;
        }
        tracing::debug!(stored = ?report.stored, "Stored {} of {}", ask.subject, source.name());
        let words = match next.len() {
            0 => report.words(),
            files => format!("a list of {files} files"),
        };
        self.archive.judge(raw, &words).await?;
        self.quality.supersede(source.name(), &raw.arrival.subject).await?;
        Ok(Taken { report, licence, next })
    }

    /// Reads every payload of `source`, or of all, again, in the order in which they came.
    ///
    /// Payloads that cannot be used are counted and passed over, as they were when they came.
    pub async fn replay(
        &self,
        source: Option<&str>,
        tell: impl Fn(&RawFile, &Result<FetchReport, FetchError>),
    ) -> Result<(usize, usize), FetchError> {
        let source = source.map(named).transpose()?.map(Source::name);
        let (mut read, mut unusable) = (0, 0);
        let mut last: Option<RawFile> = None;
        loop {
            let page = self.archive.next(source, last.as_ref()).await?;
            let Some(end) = page.last().cloned() else { return Ok((read, unusable)) };
            for raw in page {
                let payload = self.archive.payload(&raw).await?;
                let source = named(&raw.arrival.source)?;
                let ask = ask_of(&raw)?;
                let result = self.take(source, (&raw, &ask), &payload, raw.fetched_at).await;
                let result = result.map(|taken| taken.report);
                tell(&raw, &result);
                match result {
                    Ok(_) => read += 1,
                    Err(error) if error.is_of_source() => unusable += 1,
                    Err(error) => return Err(error),
                }
            }
            last = Some(end);
        }
    }
}

/// The question that a payload answers.
fn ask_of(raw: &RawFile) -> Result<Ask, FetchError> {
    let TimeRange { from, to } = raw.arrival.range;
    let subject: Subject = raw.arrival.subject.parse().map_err(|error: UnknownSubject| {
        FetchError::Read(ReadError::Contradiction(error.to_string()))
    })?;
    Ok(Ask { subject, range: TimeRange::new(from, to), at: raw.fetched_at })
}
