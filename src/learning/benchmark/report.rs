//! The scores of a benchmark: next to the published forecasts, as a table for people and as values.

use std::fmt::{Arguments, Write as _};
use std::path::Path;

use chrono::NaiveDate;
use serde::Serialize;

use super::error::BenchmarkError;
use super::market_file::HourlyFile;
use super::published::Published;
use crate::algorithms::forecasting::day_scores::PercentileScores;
use crate::algorithms::forecasting::day_scores::ValueScores;
use crate::algorithms::forecasting::day_scores::percentile_scores;
use crate::algorithms::forecasting::day_scores::value_scores;
use crate::algorithms::forecasting::days::Day;
use crate::algorithms::forecasting::scores::NaiveReference;
use crate::algorithms::forecasting::scores::dm_test;
use crate::algorithms::forecasting::scores::score;

/// Name of the ensemble.
const LUNA: &str = "Luna";
/// What rMAE is.
const RMAE: &str = "MAE / MAE of p(t − 168 h) on the same hours, the first week of the test compared \
                    with the week before it";
/// What the ratio without history is.
const RMAE_IN_TEST: &str =
    "as epftoolbox: the denominator leaves the first seven days of the test out";
/// Days of a week.
const WEEK: usize = 7;

/// All forecasts of the test period.
pub(super) struct Forecasts<'a> {
    pub dates: &'a [NaiveDate],
    pub actual: &'a [Day],
    /// Prices before the test.
    pub before: &'a [Day],
    pub luna: Vec<Day>,
    /// Percentiles per day.
    pub percentiles: Vec<Vec<Day>>,
    /// Name and forecasts of each member.
    pub members: Vec<(String, Vec<Day>)>,
}

/// Scores of one forecast.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Name of the model.
    pub model: String,
    /// `ensemble`, `member` or `published`.
    pub kind: &'static str,
    /// Mean absolute error.
    pub mae: f64,
    /// See [`Report::rmae_definition`].
    pub rmae: Option<f64>,
    /// See [`Report::rmae_in_test_definition`].
    pub rmae_in_test: Option<f64>,
    /// mean(2 |a − f| / (|a| + |f|)), percent.
    pub smape: f64,
    /// Root mean squared error.
    pub rmse: f64,
    /// Σ|a − f| / Σ|a|, percent.
    pub wape: Option<f64>,
    /// What following it is worth.
    #[serde(flatten)]
    pub value: ValueScores,
    /// Of the ensemble only.
    #[serde(flatten)]
    pub bands: Option<PercentileScores>,
    /// One-sided p-value of the multivariate Diebold–Mariano test that the ensemble is better than this
    /// forecast (daily L1 norms).
    pub dm_p_luna_better: Option<f64>,
}

/// A whole benchmark.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// As asked for.
    pub market: String,
    /// First day of the test.
    pub test_start: NaiveDate,
    /// Last day of the test.
    pub test_end: NaiveDate,
    /// Days of the test.
    pub test_days: usize,
    /// Days forecast, with those before the test that weights are learned from.
    pub days_forecast: usize,
    /// What `rmae` is.
    pub rmae_definition: &'static str,
    /// What `rmae_in_test` is.
    pub rmae_in_test_definition: &'static str,
    /// Ensemble, members, published models.
    pub models: Vec<Row>,
    /// Time passed.
    pub seconds: f64,
    /// Processor time, where the system tells.
    pub cpu_seconds: Option<f64>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

impl Forecasts<'_> {
    /// Writes the forecasts in the form of the published files.
    pub fn write(&self, path: &Path) -> Result<(), BenchmarkError> {
        let mut text = format!(",Real price,{LUNA}");
        for (name, _) in &self.members {
            text.push(',');
            text.push_str(name);
        }
        text.push('\n');
        for (day, date) in self.dates.iter().enumerate() {
            for hour in 0..24 {
                let (price, luna) = (self.actual[day][hour], self.luna[day][hour]);
                add(&mut text, format_args!("{date} {hour:02}:00:00,{price},{luna:.4}"));
                for (_, forecasts) in &self.members {
                    add(&mut text, format_args!(",{:.4}", forecasts[day][hour]));
                }
                text.push('\n');
            }
        }
        std::fs::write(path, text).map_err(|source| {
            let file = path.display().to_string();
            BenchmarkError::File { verb: "write", file, source }
        })
    }

    /// Weekly naive forecast, and from which day of the test on it exists.
    fn naive(&self) -> Option<Vec<Day>> {
        let known: Vec<&Day> = self.before.iter().rev().take(WEEK).rev().collect();
        let complete = known.len() == WEEK;
        complete.then(|| {
            known.into_iter().chain(self.actual).take(self.actual.len()).copied().collect()
        })
    }

    fn row(
        &self,
        model: &str,
        kind: &'static str,
        forecast: &[Day],
        naive: Option<&[Day]>,
    ) -> Result<Row, BenchmarkError> {
        let (actual, flat) = (self.actual.as_flattened(), forecast.as_flattened());
        let reference =
            naive.map(|days| NaiveReference { forecast: days.as_flattened(), definition: RMAE });
        let scores = score(actual, flat, None, reference)?;
        let in_test = naive.and_then(|days| {
            let skipped = WEEK.min(days.len());
            let pairs = self.actual[skipped..].iter().zip(&days[skipped..]);
            let errors = pairs.flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).abs()));
            let count = 24 * (days.len() - skipped);
            let mae = errors.sum::<f64>() / count as f64;
            (mae > 0.0).then(|| scores.mae / mae)
        });
        let luna = self.luna.as_flattened();
        let days: Vec<i32> = (0i32..).take(self.actual.len()).flat_map(|day| [day; 24]).collect();
        let dm = if kind == "ensemble" { None } else { dm_test(actual, flat, luna, &days).ok() };
        Ok(Row {
            model: model.to_owned(),
            kind,
            mae: scores.mae,
            rmae: scores.rmae.map(|rmae| rmae.value),
            rmae_in_test: in_test,
            smape: scores.smape_percent,
            rmse: scores.rmse,
            wape: scores.wape_percent,
            value: value_scores(self.actual, forecast),
            bands: (kind == "ensemble")
                .then(|| percentile_scores(self.actual, &self.percentiles))
                .flatten(),
            dm_p_luna_better: dm.map(|test| test.p_value),
        })
    }
}

impl Report {
    pub(super) fn of(
        market: &str,
        forecasts: &Forecasts<'_>,
        published: Option<&Published>,
    ) -> Result<Self, BenchmarkError> {
        let naive = forecasts.naive();
        let naive = naive.as_deref();
        let mut models = vec![forecasts.row(LUNA, "ensemble", &forecasts.luna, naive)?];
        for (name, days) in &forecasts.members {
            models.push(forecasts.row(name, "member", days, naive)?);
        }
        for (name, days) in published.iter().flat_map(|published| &published.models) {
            models.push(forecasts.row(name, "published", days, naive)?);
        }
        let dates = forecasts.dates;
        Ok(Self {
            market: market.to_owned(),
            test_start: dates[0],
            test_end: dates[dates.len() - 1],
            test_days: dates.len(),
            days_forecast: dates.len(),
            rmae_definition: RMAE,
            rmae_in_test_definition: RMAE_IN_TEST,
            models,
            seconds: 0.0,
            cpu_seconds: None,
            notes: Vec::new(),
        })
    }

    pub(super) fn note_what_was_special(
        &mut self,
        file: &HourlyFile,
        country: Option<&str>,
        published: Option<&Published>,
    ) {
        if country.is_none() {
            let market = &self.market;
            self.notes.push(format!("The public holidays of {market} are not known; it has none."));
        }
        if file.left_out > 0 {
            self.notes.push(format!("{} hours at the ends are no complete day.", file.left_out));
        }
        let different = published.map_or(0, |published| published.different_prices);
        if different > 0 {
            self.notes.push(format!(
                "{different} actual prices differ between the two files; those of the market's count."
            ));
        }
    }

    /// The scores as a table.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{}, {} to {}, {} days, day-ahead, recalibrated daily\n{:<20}{:>9}{:>8}{:>9}{:>9}{:>8}{:>10}{:>8}{:>10}{:>7}{:>9}\n",
            self.market,
            self.test_start,
            self.test_end,
            self.test_days,
            "model",
            "MAE",
            "rMAE",
            "sMAPE %",
            "RMSE",
            "WAPE %",
            "capture %",
            "regret",
            "battery %",
            "rank",
            "DM p"
        );
        let mut kind = "ensemble";
        for row in &self.models {
            if row.kind != kind {
                text.push_str(if row.kind == "published" {
                    "published\n"
                } else {
                    "own members\n"
                });
                kind = row.kind;
            }
            row.add_to(&mut text);
        }
        if let Some(bands) = self.models.first().and_then(|row| row.bands) {
            let line = format_args!(
                "Luna's bands: mean pinball loss of 99 percentiles {:.3} (CRPS about twice that); within \
                 50/80/90 % bands {:.1}/{:.1}/{:.1} %; 90 % band {:.2} wide\n",
                bands.pinball_99,
                bands.coverage_50_percent,
                bands.coverage_80_percent,
                bands.coverage_90_percent,
                bands.mean_width_90
            );
            add(&mut text, line);
        }
        let cpu = self.cpu_seconds.map(|cpu| format!(", {cpu:.0} s of processor time"));
        let line = format_args!(
            "rMAE: {}\nDM p: probability of such a lead of Luna's if the other were as good \
             (Diebold–Mariano, daily L1 norms)\n{:.0} s{} for {} days\n",
            self.rmae_definition,
            self.seconds,
            cpu.unwrap_or_default(),
            self.days_forecast
        );
        add(&mut text, line);
        for note in &self.notes {
            text.push_str(note);
            text.push('\n');
        }
        text
    }
}

impl Row {
    /// Adds the row of the table.
    fn add_to(&self, text: &mut String) {
        let line = format_args!(
            "{:<20}{:>9.3}{:>8}{:>9.2}{:>9.3}{:>8}{:>10}{:>8.2}{:>10}{:>7}{:>9}\n",
            self.model,
            self.mae,
            number(self.rmae, 3),
            self.smape,
            self.rmse,
            number(self.wape, 2),
            number(self.value.capture_percent, 1),
            self.value.regret_eur_mwh,
            number(self.value.battery_percent, 1),
            number(self.value.spearman, 3),
            number(self.dm_p_luna_better, 4)
        );
        add(text, line);
    }
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
}

fn add(text: &mut String, what: Arguments<'_>) {
    text.write_fmt(what).expect("writing into a String cannot fail");
}
