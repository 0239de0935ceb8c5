//! The form of a question to documents.

use clap::Args;
use uuid::Uuid;

use crate::knowledge::ask::{DocumentLanguage, Mode};

#[derive(Debug, Args)]
pub(in crate::cli) struct AskArguments {
    /// What you want to know, in German, French, Italian or English
    pub question: String,
    /// Passages that are looked at, 1 to 50; answers.passages unless said
    #[arg(long)]
    pub k: Option<u8>,
    /// Only passages in this language: de, fr, it or en
    #[arg(long)]
    pub language: Option<DocumentLanguage>,
    /// Only documents with this tag; several times for several tags
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Only this document; several times for several
    #[arg(long = "document", value_name = "ID")]
    pub documents: Vec<Uuid>,
    /// extractive: quotes alone; written: by the model of the settings; answers.mode unless said
    #[arg(long)]
    pub mode: Option<Mode>,
    /// Look at versions too that newer ones have replaced
    #[arg(long)]
    pub include_superseded: bool,
    /// Do not write the question down
    #[arg(long)]
    pub no_log: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
