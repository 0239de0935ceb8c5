//! The templates, read once at start, with escaping always on.

use rust_embed::Embed;
use serde::Serialize;
use tera::{Context, Tera};

use crate::surfaces::dashboards::forecast::{DayView, ForecastView, MeterView};
use crate::surfaces::dashboards::forms::{LoginPage, SetupPage};
use crate::surfaces::dashboards::pages::{ErrorPage, Shell};
use crate::surfaces::dashboards::prices::PricesView;
use crate::surfaces::dashboards::today::TodayView;

#[derive(Embed)]
#[folder = "templates/"]
struct Sources;

/// A page that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A template is wrong.
    #[error("could not read the templates")]
    Load(#[source] tera::Error),
    /// A template asked for something its view does not hold.
    #[error("could not render '{template}'")]
    Render {
        /// File name.
        template: &'static str,
        /// What tera says.
        #[source]
        source: tera::Error,
    },
}

/// Every page template, parsed.
#[derive(Debug, Clone)]
pub struct Templates(Tera);

impl Templates {
    /// Reads the embedded templates; fails when one does not parse.
    pub fn load() -> Result<Self, PageError> {
        let sources: Vec<(String, String)> = Sources::iter()
            .filter_map(|name| {
                let file = Sources::get(&name)?;
                Some((name.into_owned(), String::from_utf8_lossy(&file.data).into_owned()))
            })
            .collect();
        let mut tera = Tera::new();
        tera.autoescape_on(vec![".html"]);
        tera.add_raw_templates(sources.iter().map(|(name, text)| (name.as_str(), text.as_str())))
            .map_err(PageError::Load)?;
        Ok(Self(tera))
    }

    /// The page of the day.
    pub fn today(&self, shell: &Shell, view: &TodayView) -> Result<String, PageError> {
        self.render("today.html", shell, view)
    }

    /// The page of prices.
    pub fn prices(&self, shell: &Shell, view: &PricesView) -> Result<String, PageError> {
        self.render("prices.html", shell, view)
    }

    /// The page about forecasts.
    pub fn forecast(&self, shell: &Shell, view: &ForecastView) -> Result<String, PageError> {
        self.render("forecast.html", shell, view)
    }

    /// One day's forecast next to what came.
    pub fn forecast_day(&self, shell: &Shell, view: &DayView) -> Result<String, PageError> {
        self.render("forecast_day.html", shell, view)
    }

    /// A meter's coming week.
    pub fn forecast_meter(&self, shell: &Shell, view: &MeterView) -> Result<String, PageError> {
        self.render("forecast_meter.html", shell, view)
    }

    /// The log-in form.
    pub fn login(&self, shell: &Shell, view: &LoginPage) -> Result<String, PageError> {
        self.render("login.html", shell, &view.texts(shell.language))
    }

    /// The form for the first account.
    pub fn setup(&self, shell: &Shell, view: &SetupPage) -> Result<String, PageError> {
        self.render("setup.html", shell, &view.texts(shell.language))
    }

    /// A problem in words.
    pub fn error(&self, shell: &Shell, view: &ErrorPage) -> Result<String, PageError> {
        self.render("error.html", shell, &view.texts(shell.language))
    }

    /// An admin page in its frame; `template` is below `admin/`.
    pub(super) fn admin(
        &self,
        template: &'static str,
        shell: &Shell,
        frame: &impl Serialize,
        view: &impl Serialize,
    ) -> Result<String, PageError> {
        let mut context = Self::context(shell, view);
        context.insert("frame", frame);
        self.finish(template, &context)
    }

    /// A page about uploads.
    pub(super) fn upload(
        &self,
        template: &'static str,
        shell: &Shell,
        view: &impl Serialize,
    ) -> Result<String, PageError> {
        self.render(template, shell, view)
    }

    /// A page about documents, or a part of one.
    pub(super) fn documents(
        &self,
        template: &'static str,
        shell: &Shell,
        view: &impl Serialize,
    ) -> Result<String, PageError> {
        self.render(template, shell, view)
    }

    fn render(
        &self,
        template: &'static str,
        shell: &Shell,
        view: &impl Serialize,
    ) -> Result<String, PageError> {
        self.finish(template, &Self::context(shell, view))
    }

    fn context(shell: &Shell, view: &impl Serialize) -> Context {
        let mut context = Context::new();
        context.insert("t", shell.language.messages());
        context.insert("shell", &shell.texts());
        context.insert("view", view);
        context
    }

    fn finish(&self, template: &'static str, context: &Context) -> Result<String, PageError> {
        self.0.render(template, context).map_err(|source| PageError::Render { template, source })
    }
}
