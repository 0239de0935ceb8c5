//! A confirmation that a form leaves behind: told once, on the page that the form leads to.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};

use crate::surfaces::dashboards::api::go_to;

/// Cookie that carries it over the redirect.
const COOKIE: &str = "luna_said";
/// How long a browser keeps one that it never came back for, in seconds.
const AGE_MAX_S: i64 = 60;

/// What a form did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    JobCancelled,
    JobCancelRequested,
    JobEnded,
    JobRetried,
    JobNotFailed,
    FetchAsked,
    FetchNothing,
    RowReleased,
    RowDiscarded,
    RowDecided,
    RowKept,
    DayReleased,
    DayDiscarded,
    DayNothing,
    LetterResolved,
    LetterGone,
    ChangeRetried,
    ChangeDiscarded,
    ChangeGone,
    DropsScanAsked,
    DropsOff,
    DropRead,
    DropFailedAgain,
    DropGone,
    PointAssigned,
    PointForgotten,
    PointGone,
    ScheduleRan,
    SchedulePaused,
    ScheduleResumed,
    UserCreated,
    UserChanged,
    UserDisabled,
    UserEnabled,
    LastAdmin,
    PasswordReset,
    PasswordChanged,
    SessionEnded,
    SessionGone,
    KeyRevoked,
    SettingStored,
    SettingTakenBack,
    MappingMade,
    MappingChanged,
    MappingDeleted,
    SimulationStarted,
    SimulationStopped,
    SimulationMade,
    SimulationMadeNothing,
    ModelTakenIn,
    ModelKnown,
    ModelActivated,
    ModelDeactivated,
    ModelInShadow,
    ModelRolledBack,
    ModelPromoted,
}

/// Each with the key of its text, which is its value in the cookie too, and whether nothing was done.
const ALL: &[(Said, &str, bool)] = &[
    (Said::JobCancelled, "adm_said_job_cancelled", false),
    (Said::JobCancelRequested, "adm_said_job_cancel_requested", false),
    (Said::JobEnded, "adm_said_job_ended", true),
    (Said::JobRetried, "adm_said_job_retried", false),
    (Said::JobNotFailed, "adm_said_job_not_failed", true),
    (Said::FetchAsked, "adm_said_fetch_asked", false),
    (Said::FetchNothing, "adm_said_fetch_nothing", true),
    (Said::RowReleased, "adm_said_row_released", false),
    (Said::RowDiscarded, "adm_said_row_discarded", false),
    (Said::RowDecided, "adm_said_row_decided", true),
    (Said::RowKept, "adm_said_row_kept", true),
    (Said::DayReleased, "adm_said_day_released", false),
    (Said::DayDiscarded, "adm_said_day_discarded", false),
    (Said::DayNothing, "adm_said_day_nothing", true),
    (Said::LetterResolved, "adm_said_letter_resolved", false),
    (Said::LetterGone, "adm_said_letter_gone", true),
    (Said::ChangeRetried, "adm_said_change_retried", false),
    (Said::ChangeDiscarded, "adm_said_change_discarded", false),
    (Said::ChangeGone, "adm_said_change_gone", true),
    (Said::DropsScanAsked, "adm_said_drops_scan", false),
    (Said::DropsOff, "adm_said_drops_off", true),
    (Said::DropRead, "adm_said_drop_read", false),
    (Said::DropFailedAgain, "adm_said_drop_failed", true),
    (Said::DropGone, "adm_said_drop_gone", true),
    (Said::PointAssigned, "adm_said_point_assigned", false),
    (Said::PointForgotten, "adm_said_point_forgotten", false),
    (Said::PointGone, "adm_said_point_gone", true),
    (Said::ScheduleRan, "adm_said_schedule_ran", false),
    (Said::SchedulePaused, "adm_said_schedule_paused", false),
    (Said::ScheduleResumed, "adm_said_schedule_resumed", false),
    (Said::UserCreated, "adm_said_user_created", false),
    (Said::UserChanged, "adm_said_user_changed", false),
    (Said::UserDisabled, "adm_said_user_disabled", false),
    (Said::UserEnabled, "adm_said_user_enabled", false),
    (Said::LastAdmin, "adm_said_last_admin", true),
    (Said::PasswordReset, "adm_said_password_reset", false),
    (Said::PasswordChanged, "adm_said_password_changed", false),
    (Said::SessionEnded, "adm_said_session_ended", false),
    (Said::SessionGone, "adm_said_session_gone", true),
    (Said::KeyRevoked, "adm_said_key_revoked", false),
    (Said::SettingStored, "adm_said_setting_stored", false),
    (Said::SettingTakenBack, "adm_said_setting_taken_back", false),
    (Said::MappingMade, "adm_said_mapping_made", false),
    (Said::MappingChanged, "adm_said_mapping_changed", false),
    (Said::MappingDeleted, "adm_said_mapping_deleted", false),
    (Said::SimulationStarted, "adm_said_simulation_started", false),
    (Said::SimulationStopped, "adm_said_simulation_stopped", false),
    (Said::SimulationMade, "adm_said_simulation_made", false),
    (Said::SimulationMadeNothing, "adm_said_simulation_made_nothing", true),
    (Said::ModelTakenIn, "mdl_said_taken_in", false),
    (Said::ModelKnown, "mdl_said_known", true),
    (Said::ModelActivated, "mdl_said_activated", false),
    (Said::ModelDeactivated, "mdl_said_deactivated", false),
    (Said::ModelInShadow, "mdl_said_in_shadow", false),
    (Said::ModelRolledBack, "mdl_said_rolled_back", false),
    (Said::ModelPromoted, "mdl_said_promoted", false),
];

impl Said {
    fn entry(self) -> (&'static str, bool) {
        let found = ALL.iter().find(|(said, ..)| *said == self);
        found.map_or(("", false), |(_, key, is_refusal)| (*key, *is_refusal))
    }

    /// Key of its text.
    pub(super) fn key(self) -> &'static str {
        self.entry().0
    }

    /// Whether nothing was done.
    pub(super) fn is_refusal(self) -> bool {
        self.entry().1
    }

    /// What the browser was left with by the form before.
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        let cookie = request.cookie(COOKIE)?;
        ALL.iter().find(|(_, key, _)| *key == cookie.value()).map(|(said, ..)| *said)
    }

    /// Leads to `path`, where this is told.
    pub(super) fn then(self, path: &str) -> HttpResponse {
        go_to(path, [cookie(self.key(), AGE_MAX_S)])
    }

    /// Takes back what was told by `response`.
    pub(super) fn forget(response: &mut HttpResponse) {
        if response.add_cookie(&cookie("", 0)).is_err() {
            tracing::debug!("A confirmation could not be taken back");
        }
    }
}

fn cookie(value: &'static str, age_s: i64) -> Cookie<'static> {
    Cookie::build(COOKIE, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(age_s))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surfaces::dashboards::catalogue::Language;

    #[test]
    fn whatever_is_said_has_words() {
        for (said, key, _) in ALL {
            assert_eq!(said.key(), *key);
            for language in Language::ALL {
                assert!(language.messages().find(key).is_some(), "{language:?} {key}");
            }
        }
    }
}
