//! Server-rendered pages: Today and the log-in.

mod assets; // files of static/dist, hashed and cached
mod catalogue; // texts per language
mod format; // numbers, dates, ages
mod levels; // five price levels
mod pages; // shell, log-in, set-up, error
mod templates; // tera
mod today; // the page of the day

pub use self::assets::{CONTENT_SECURITY_POLICY, asset};
pub use self::catalogue::Language;
pub use self::pages::{
    ErrorPage, FieldError, LoginPage, LoginProblem, Preferences, SetupPage, Shell, Theme, safe_path,
};
pub use self::templates::{PageError, Templates};
pub use self::today::{
    DataState, Quality, Slot, SlotKind, TodayInput, TodayView, Window, WindowProvenance, today,
};
