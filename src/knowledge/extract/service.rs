//! Text out of files: by Tika where it is configured and there, else by a child process.

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::child::extension;
use super::model::{ExtractError, Extracted, Extractor, Method};
use super::process::{Processes, Program};
use super::settings::Settings;
use super::tika::{Refusal, Tika};
use crate::base::timeline::Clock;

/// Takes the text out of files.
pub struct Extraction {
    processes: Processes,
    tika: Option<Tika>,
    /// What is said about the protection of the children; found out once.
    protection: OnceCell<Result<String, String>>,
}

impl Extraction {
    /// Reads files as `settings` say, with children of `program`.
    pub fn new(settings: &Settings, clock: &Clock, program: Program) -> Self {
        Self {
            processes: Processes::new(settings, program),
            tika: Tika::new(settings, clock),
            protection: OnceCell::new(),
        }
    }

    /// What Tika makes of a file; absent where there is no Tika, or it has nothing to say.
    async fn by_tika(&self, extension: &str, bytes: &Bytes) -> Option<Extracted> {
        let tika = self.tika.as_ref().filter(|_| !is_text(bytes))?;
        let converted = match tika.convert(extension, bytes).await {
            Ok(converted) => converted,
            Err(Refusal::File(reason)) => {
                tracing::info!("Tika does not read the file ({reason}); Luna tries itself");
                return None;
            }
            Err(Refusal::Away(reason)) => {
                tracing::warn!("Tika cannot be asked ({reason}); Luna reads the file itself");
                return None;
            }
        };
        let page = self.processes.extract("xhtml", converted.page).await;
        let mut extracted =
            page.inspect_err(|error| tracing::info!("Tika's answer: {error}")).ok()?;
        extracted.method = Method::Tika { version: converted.version };
        extracted.media_type = converted.media_type.unwrap_or(extracted.media_type);
        Some(extracted)
    }

    /// How files are protected from, as a sentence.
    async fn protection(&self) -> Result<String, String> {
        let find_out = || async {
            let probed = self.processes.probe().await.map_err(|error| error.to_string())?;
            let open: Vec<String> =
                probed.refused.into_iter().filter(|(_, refused)| !refused).map(|it| it.0).collect();
            Ok(match probed.confined.unfiltered {
                None if open.is_empty() => {
                    "each file in a process of its own without network, files or programs"
                        .to_owned()
                }
                None => format!(
                    "each file in a process of its own that could still {}",
                    open.join(", ")
                ),
                Some(why) => format!(
                    "each file in a process of its own with limits of memory and time only: this kernel \
                     filters no calls ({why})"
                ),
            })
        };
        self.protection.get_or_init(find_out).await.clone()
    }
}

#[async_trait::async_trait]
impl Extractor for Extraction {
    async fn extract(&self, name: &str, bytes: Bytes) -> Result<Extracted, ExtractError> {
        let extension = extension(name);
        if let Some(extracted) = self.by_tika(&extension, &bytes).await {
            return Ok(extracted);
        }
        self.processes.extract(&extension, bytes).await
    }

    async fn standing(&self) -> (String, bool) {
        let (protection, well) = match self.protection().await {
            Ok(sentence) => (sentence, true),
            Err(reason) => (reason, false),
        };
        let own = format!("Luna reads files itself, {protection}");
        let Some(tika) = &self.tika else {
            return if well {
                (own, true)
            } else {
                (format!("No file can be read: {protection}"), false)
            };
        };
        match tika.version().await {
            Ok(version) => (format!("Apache Tika {version} at {} reads files", tika.url()), true),
            Err(Refusal::Away(reason) | Refusal::File(reason)) => {
                (format!("Apache Tika cannot be asked ({reason}); {own}"), false)
            }
        }
    }
}

/// Whether the bytes are letters throughout: those Luna reads better than any server.
fn is_text(bytes: &[u8]) -> bool {
    !bytes.starts_with(b"%PDF")
        && !bytes.starts_with(b"{\\rtf")
        && std::str::from_utf8(bytes).is_ok()
        && !bytes.contains(&0)
}
