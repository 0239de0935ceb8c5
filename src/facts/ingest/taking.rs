//! From an archived answer to stored facts: read, judged, sifted, stored; the same again on a replay.

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

impl Ingest {
    /// Reads a payload and stores what of it is fit, as known at `known_at`.
    pub(super) async fn take(
        &self,
        source: &'static dyn Source,
        (raw, ask): (&RawFile, &Ask),
        payload: &[u8],
        known_at: DateTime<Utc>,
    ) -> Result<(FetchReport, Option<String>), FetchError> {
        let zone = ask.subject.time_zone();
        let last = add_days(local_date(ask.range.to, zone), -1);
        let days = (&ask.subject, local_date(ask.range.from, zone), last);
        let mut report = FetchReport::new(source.name(), days);
        let reading = source.read(raw.arrival.http_status, payload, ask);
        let reading = match reading {
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
            Ok((sifted, fit, reading.tariff, reading.licence))
        });
        let (sifted, fit, tariff, licence) = match read {
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
        self.archive.judge(raw, &report.words()).await?;
        self.quality.supersede(source.name(), &raw.arrival.subject).await?;
        Ok((report, licence))
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
                let result = result.map(|(report, _)| report);
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
