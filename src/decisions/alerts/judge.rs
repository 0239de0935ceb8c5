//! Which predictions are worth an alert, which are sent, and which are kept silent about.

use chrono::{DateTime, Duration, Utc};

use super::model::{Notice, Suppressed, Watch};
use crate::learning::registry::Direction;
use crate::learning::registry::IgnoreWindow;
use crate::learning::registry::ModelSettings;
use crate::learning::registry::SendMode;

/// What follows from a prediction.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub notice: Notice,
    /// Whether it crosses its threshold; absent where there is none.
    pub crosses: Option<bool>,
    /// What it was held against, where it is to become an alert.
    pub alert: Option<f64>,
    /// Whether it lies in a time in which the model is ignored.
    pub is_ignored: bool,
}

impl Finding {
    /// Whether a webhook in this mode hears of it; `is_alert` says what became of the alert.
    pub fn goes_to(&self, mode: SendMode, is_alert: bool) -> bool {
        !self.is_ignored
            && match mode {
                SendMode::All => true,
                SendMode::AlertsOnly => is_alert,
                SendMode::PositiveOnly => self.crosses == Some(true),
                SendMode::NegativeOnly => self.crosses == Some(false),
            }
    }
}

/// Judges what a model said, in the order in which it said it. `watch` goes on where it stood; what
/// is kept silent about is counted.
///
/// The silence after an alert is measured in the time of the predictions: when several were made at
/// one instant, the first that crosses is told and the others are not.
pub(super) fn judge(
    settings: &ModelSettings,
    is_event: bool,
    notices: Vec<Notice>,
    watch: &mut Watch,
) -> (Vec<Finding>, Suppressed) {
    let (mut findings, mut silent) = (Vec::with_capacity(notices.len()), Suppressed::default());
    let config = &settings.alert_config;
    let silence = Duration::minutes(config.cooldown_minutes.into());
    for notice in notices {
        let threshold = if is_event { notice.threshold } else { settings.alert_threshold };
        let crosses = threshold.map(|it| crosses(config.direction, is_event, notice.said, it));
        watch.streak = if crosses == Some(true) { watch.streak.saturating_add(1) } else { 0 };
        let is_ignored = is_ignored(&settings.ignore_windows, &notice);
        let is_due = config.enabled && watch.streak >= i32::from(config.consecutive);
        let mut alert = None;
        if is_due {
            let quiet_until = watch.last_alert_at.map(|at| at + silence);
            if is_ignored {
                silent.ignored += 1;
            } else if notice.target_ts.is_some_and(|target| target < notice.made_at) {
                silent.outdated += 1;
            } else if quiet_until.is_some_and(|until| notice.made_at < until) {
                silent.cooling_down += 1;
            } else {
                alert = threshold;
                watch.last_alert_at = Some(notice.made_at);
            }
        }
        findings.push(Finding { notice, crosses, alert, is_ignored });
    }
    (findings, silent)
}

/// An event counts as predicted from its threshold on; a value crosses once it is beyond.
fn crosses(direction: Direction, is_event: bool, said: f64, threshold: f64) -> bool {
    match (direction, is_event) {
        (Direction::Above, true) => said >= threshold,
        (Direction::Above, false) => said > threshold,
        (Direction::Below, _) => said < threshold,
    }
}

/// Whether an alert came true: a value is on the side it was said to be on; the event came, or did
/// not where its absence was told.
pub(super) fn came_true(direction: Direction, is_event: bool, threshold: f64, actual: f64) -> bool {
    match (direction, is_event) {
        (Direction::Above, true) => actual > 0.5,
        (Direction::Below, true) => actual < 0.5,
        _ => crosses(direction, false, actual, threshold),
    }
}

/// What is said in such a time rests on what should be ignored; what is said about it is about that.
fn is_ignored(windows: &[IgnoreWindow], notice: &Notice) -> bool {
    let lies_in = |at: DateTime<Utc>| windows.iter().any(|it| it.from <= at && at < it.to);
    lies_in(notice.made_at) || notice.target_ts.is_some_and(lies_in)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::minutes(minute)
    }

    /// Said at a minute about two hours later.
    fn said(minute: i64, said: f64) -> Notice {
        Notice {
            prediction_id: Uuid::now_v7(),
            made_at: at(minute),
            target_ts: Some(at(minute + 120)),
            said,
            threshold: None,
        }
    }

    fn settings(consecutive: u16, cooldown_minutes: u16) -> ModelSettings {
        let mut settings = ModelSettings::of(Uuid::now_v7());
        settings.alert_threshold = Some(100.0);
        settings.alert_config.enabled = true;
        settings.alert_config.consecutive = consecutive;
        settings.alert_config.cooldown_minutes = cooldown_minutes;
        settings
    }

    /// Minutes at which an alert was raised.
    fn alerts(settings: &ModelSettings, notices: Vec<Notice>) -> (Vec<i64>, Suppressed) {
        let (findings, silent) = judge(settings, false, notices, &mut Watch::default());
        let raised = findings.iter().filter(|finding| finding.alert.is_some());
        let minute = |finding: &Finding| (finding.notice.made_at - at(0)).num_minutes();
        (raised.map(minute).collect(), silent)
    }

    #[test]
    fn the_threshold_itself_is_on_neither_side_of_a_value() {
        let mut settings = settings(1, 0);
        let notices = || [99.9, 100.0, 100.1].iter().zip(0..).map(|(v, t)| said(t, *v)).collect();
        assert_eq!(alerts(&settings, notices()).0, [2]);
        settings.alert_config.direction = Direction::Below;
        assert_eq!(alerts(&settings, notices()).0, [0]);
        settings.alert_config.enabled = false;
        assert_eq!(alerts(&settings, notices()), (vec![], Suppressed::default()));
    }

    #[test]
    fn so_many_in_a_row_must_agree_and_silence_follows() {
        let high = [1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1];
        let notices =
            || high.iter().zip(0..).map(|(it, t)| said(10 * t, 90.0 + 20.0 * f64::from(*it)));
        // By hand: two in a row are there at 10, and again from 40 to 80.
        let (raised, silent) = alerts(&settings(2, 0), notices().collect());
        assert_eq!(raised, [10, 40, 50, 60, 70, 80]);
        assert_eq!(silent, Suppressed::default());
        let (raised, silent) = alerts(&settings(2, 30), notices().collect());
        assert_eq!(raised, [10, 40, 70]);
        assert_eq!(silent.cooling_down, 3);
        // The watch goes on where it stood, wherever a batch ends.
        for cut in 0..high.len() {
            let (mut watch, mut raised) = (Watch::default(), Vec::new());
            let (first, second) = (notices().take(cut), notices().skip(cut));
            for part in [first.collect::<Vec<_>>(), second.collect()] {
                let (findings, _) = judge(&settings(2, 30), false, part, &mut watch);
                raised
                    .extend(findings.iter().filter_map(|it| it.alert.and(Some(it.notice.made_at))));
            }
            assert_eq!(raised, [at(10), at(40), at(70)], "{cut}");
        }
    }

    #[test]
    fn ignored_times_hold_for_what_is_said_in_them_and_about_them() {
        let mut settings = settings(1, 0);
        let window = |from, to| IgnoreWindow { from: at(from), to: at(to), reason: String::new() };
        // Said from 10 to 19, and about 140 to 149, which is said from 20 to 29.
        settings.ignore_windows = vec![window(10, 20), window(140, 150)];
        let notices = (0..4).map(|it| said(10 * it, 150.0)).collect();
        let (raised, silent) = alerts(&settings, notices);
        assert_eq!((raised, silent.ignored), (vec![0, 30], 2));
        let (findings, _) = judge(&settings, false, vec![said(15, 150.0)], &mut Watch::default());
        assert!(!findings[0].goes_to(SendMode::All, false));
    }

    #[test]
    fn what_is_over_is_no_alert() {
        let over = Notice { target_ts: Some(at(-1)), ..said(0, 150.0) };
        let (raised, silent) = alerts(&settings(1, 0), vec![over]);
        assert_eq!((raised.len(), silent.outdated), (0, 1));
    }

    #[test]
    fn each_mode_hears_what_it_asks_for() {
        let notices = vec![said(0, 150.0), said(1, 50.0)];
        let (findings, _) = judge(&settings(1, 0), false, notices, &mut Watch::default());
        let heard = |mode| {
            let all = findings.iter().map(|it| it.goes_to(mode, it.alert.is_some()));
            all.collect::<Vec<_>>()
        };
        assert_eq!(heard(SendMode::All), [true, true]);
        assert_eq!(heard(SendMode::AlertsOnly), [true, false]);
        assert_eq!(heard(SendMode::PositiveOnly), [true, false]);
        assert_eq!(heard(SendMode::NegativeOnly), [false, true]);
        // Without a threshold there is neither yes nor no.
        let none = ModelSettings { alert_threshold: None, ..settings(1, 0) };
        let (findings, _) = judge(&none, false, vec![said(0, 1.0)], &mut Watch::default());
        assert!(!findings[0].goes_to(SendMode::PositiveOnly, false));
        assert!(!findings[0].goes_to(SendMode::NegativeOnly, false));
    }

    #[test]
    fn an_event_counts_from_its_threshold_on_and_is_judged_by_whether_it_came() {
        let settings = settings(1, 0);
        let event = |it| Notice { threshold: Some(0.5), ..said(0, it) };
        let crossing =
            |it| judge(&settings, true, vec![event(it)], &mut Watch::default()).0[0].alert;
        assert_eq!((crossing(0.5), crossing(0.49)), (Some(0.5), None));
        let (above, below) = (Direction::Above, Direction::Below);
        assert!(came_true(above, true, 0.5, 1.0) && !came_true(above, true, 0.5, 0.0));
        assert!(came_true(below, true, 0.5, 0.0) && !came_true(below, true, 0.5, 1.0));
        assert!(came_true(above, false, 100.0, 100.1) && !came_true(above, false, 100.0, 100.0));
        assert!(came_true(below, false, 100.0, 99.0) && !came_true(below, false, 100.0, 100.0));
    }
}
