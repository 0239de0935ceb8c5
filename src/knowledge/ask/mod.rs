//! Questions and answers: passages, quotes that are proven, abstaining, and what a model may write.

mod numbers; // numbers in running text, with units
mod verify; // whether what a model wrote stands in its passages
mod model; // questions, passages, quotes, answers
mod log; // what is kept of them
mod settings; // the `[answers]` section
mod error; // why there is no answer
mod watch; // how long each step takes
mod meaning; // what vectors say about a question
mod library; // passages for a question
mod exact; // passages weighed without the index
mod proof; // quotes, compared with what is stored
mod writer; // the language model at a server
mod prompt; // what it is asked
mod events; // an answer on its way
mod choice; // sentences by words, then by meaning
mod answer; // from passages to an answer
mod prices; // prices in the text of a sheet
mod tariff_check; // held against a tariff
mod store; // SQL
mod service; // rules and transactions
mod standing; // how the model is that writes
mod api; // HTTP
mod api_tariff; // HTTP of the comparison

#[cfg(test)]
mod tests;

pub use self::api::{routes, wants_events};
pub use self::error::AskError;
pub use self::events::{Teller, Told, event, event_stream, told_by};
pub use self::log::{Feedback, LoggedQuestion, QuestionFilter};
pub use self::model::{Answer, AskRequest, DocumentLanguage, Filters, Mode, Quote};
pub use self::prices::{Hours, Item, Vat};
pub use self::service::{Ask, Asker, Needs};
#[cfg(test)]
pub use self::settings::Provider;
pub use self::settings::Settings;
pub use self::tariff_check::{Comparison, TariffCheck, Verdict};
pub use self::verify::Unsupported;
