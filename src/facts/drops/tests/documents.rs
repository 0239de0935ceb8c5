//! Documents as grid operators write them; made for these tests, no real meter is in them.

use chrono::{DateTime, Duration, Utc};

use crate::testing::utc;

/// A Swiss document about one metering point.
#[derive(Debug, Clone)]
pub(super) struct Sdat {
    pub version: u32,
    pub kind: &'static str,
    pub element: &'static str,
    pub point: String,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    pub created: &'static str,
    /// Sequence, volume, condition.
    pub values: Vec<(u32, String, &'static str)>,
}

impl Sdat {
    /// Three quarter hours of what a house takes, 2026-11-18 from 23:00 UTC.
    pub fn new(point: &str, volumes: &[f64]) -> Self {
        let start = utc("2026-11-18T23:00:00Z");
        let values = (1..).zip(volumes).map(|(at, volume)| (at, volume.to_string(), "")).collect();
        Self {
            version: 14,
            kind: "E66",
            element: "ConsumptionMeteringPoint",
            point: point.to_owned(),
            start,
            end: start + Duration::minutes(15 * i64::try_from(volumes.len()).unwrap()),
            created: "2026-11-20T05:10:00Z",
            values,
        }
    }

    pub fn producing(self) -> Self {
        Self { element: "ProductionMeteringPoint", ..self }
    }

    pub fn created(self, created: &'static str) -> Self {
        Self { created, ..self }
    }

    /// A whole local day with 0.25 kWh in each of its quarter hours.
    pub fn day(start: &str, end: &str) -> Self {
        let (start, end) = (utc(start), utc(end));
        let count = u32::try_from((end - start).num_minutes() / 15).unwrap();
        let values = (1..=count).map(|at| (at, "0.25".to_owned(), "")).collect();
        Self { start, end, values, ..Self::new(super::HOUSE, &[]) }
    }

    pub fn text(&self) -> String {
        let Self { version, kind, element, point, created, .. } = self;
        let (start, end) = (self.start.to_rfc3339(), self.end.to_rfc3339());
        let observations: Vec<String> = self
            .values
            .iter()
            .map(|(at, volume, condition)| {
                let volume = if volume.is_empty() {
                    String::new()
                } else {
                    format!("<rsm:Volume>{volume}</rsm:Volume>")
                };
                let condition = if condition.is_empty() {
                    String::new()
                } else {
                    format!("<rsm:Condition>{condition}</rsm:Condition>")
                };
                format!(
                    "<rsm:Observation><rsm:Position><rsm:Sequence>{at}</rsm:Sequence></rsm:Position>\
                     {volume}{condition}</rsm:Observation>\n"
                )
            })
            .collect();
        let observations = observations.concat();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <rsm:ValidatedMeteredData_{version} xmlns:rsm=\"http://www.strom.ch\">\n\
             <rsm:ValidatedMeteredData_HeaderInformation><rsm:InstanceDocument>\
             <rsm:DocumentID>DOC-1</rsm:DocumentID>\
             <rsm:DocumentType><rsm:ebIXCode>{kind}</rsm:ebIXCode></rsm:DocumentType>\
             <rsm:Creation>{created}</rsm:Creation>\
             <rsm:Status><rsm:ebIXCode>9</rsm:ebIXCode></rsm:Status></rsm:InstanceDocument>\
             </rsm:ValidatedMeteredData_HeaderInformation>\n<rsm:MeteringData>\
             <rsm:Interval><rsm:StartDateTime>{start}</rsm:StartDateTime>\
             <rsm:EndDateTime>{end}</rsm:EndDateTime></rsm:Interval>\
             <rsm:Resolution><rsm:Resolution>15</rsm:Resolution><rsm:Unit>MIN</rsm:Unit></rsm:Resolution>\
             <rsm:{element}><rsm:VSENationalID schemeAgencyID=\"260\">{point}</rsm:VSENationalID></rsm:{element}>\
             <rsm:Product><rsm:ID><rsm:ebIXCode>8716867000030</rsm:ebIXCode></rsm:ID>\
             <rsm:MeasureUnit>KWH</rsm:MeasureUnit></rsm:Product>\n{observations}\
             </rsm:MeteringData></rsm:ValidatedMeteredData_{version}>\n"
        )
    }
}

/// A German interchange with one message; `body` stands between its head and its end.
pub(super) fn mscons(body: &str) -> String {
    let head = "UNH+1+MSCONS:D:04B:UN:2.4c'BGM+7+M1+9'DTM+137:202611200600?+00:303'\
                RFF+Z13:13025'NAD+MS+9900000000001::293'NAD+MR+9900000000002::293'UNS+D'NAD+DP'";
    let count = segments(head) + segments(body) + 1;
    format!(
        "UNA:+.? 'UNB+UNOC:3+9900000000001:500+9900000000002:500+261120:0600+R1++TL'\
         {head}{body}UNT+{count}+1'UNZ+1+R1'"
    )
}

/// How many segments a text has; a released end is none.
fn segments(text: &str) -> usize {
    text.replace("?'", "").matches('\'').count()
}
