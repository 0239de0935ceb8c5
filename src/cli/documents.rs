//! `luna documents`: add files and folders, list, delete, build the index anew, measure.

mod eval; // how well it finds and answers
mod finding; // which files a path means

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, Subcommand};
use serde::Serialize;
use uuid::Uuid;

use self::eval::EvalArguments;
use self::finding::{Found, find};
use super::arguments::AskArguments;
use super::ask;
use super::output::{Failure, json, line, progress, text};
use super::session::with_services;
use crate::access::audit::By;
use crate::app::Services;
use crate::config::Settings;
use crate::knowledge::documents::DocumentsError;
use crate::knowledge::documents::ItemFilter;
use crate::knowledge::documents::ItemRecord;
use crate::knowledge::documents::NewFile;
use crate::knowledge::documents::Status;
use crate::knowledge::documents::Turn;
use crate::knowledge::documents::Wish;
use crate::platform::jobs::JobState;
use crate::platform::jobs::Runner;
use crate::platform::runtime::Tasks;
use crate::platform::web::Role;

/// Pause between two looks at how far documents are.
const LOOK: Duration = Duration::from_millis(150);
/// Documents that are looked after in one go.
const LOOKED_AFTER: usize = 500;
/// How long documents that are being read may take to come to a halt at the end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows that are listed at once.
const PAGE: i64 = 200;

#[derive(Debug, Subcommand)]
pub(super) enum DocumentsCommand {
    /// Take in files, and all files of folders, and wait until they can be asked
    ///
    /// Files that are there already are passed over; a file whose content changed is a new version. Works
    /// beside a running server, which then does the reading. Exits with 1 when a file failed.
    ///
    /// Example: luna documents add contracts/ manual.pdf --tags heating,house
    Add(AddArguments),
    /// List documents, the newest first
    List(ListArguments),
    /// Delete documents with their text, chunks and vectors
    Delete(DeleteArguments),
    /// Ask the documents a question; answers are quotes that were compared with the stored text
    ///
    /// Example: luna documents ask "Wie hoch ist die Vergütung bis 30 kW?" --language de
    Ask(AskArguments),
    /// Build the index anew from the stored chunks, while the present one answers
    Reindex(ReindexArguments),
    /// Measure how well passages are found, or questions answered whose answers are known
    ///
    /// Example: `luna documents eval --questions docs/retrieval/own_questions.jsonl --split dev`
    Eval(EvalArguments),
}

#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Words to find them by
    #[arg(long, value_delimiter = ',', value_name = "TAG,…")]
    pub tags: Vec<String>,
    /// Where they are from; `files` unless said
    #[arg(long)]
    pub source: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// queued, working, ready, failed or cancelled
    #[arg(long, value_parser = status)]
    pub status: Option<Status>,
    /// With this tag
    #[arg(long)]
    pub tag: Option<String>,
    /// With these letters in title or file name
    #[arg(long)]
    pub containing: Option<String>,
    /// Earlier versions, too
    #[arg(long)]
    pub superseded: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DeleteArguments {
    /// Documents, as `luna documents list` names them
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<Uuid>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReindexArguments {
    /// Only what is missing, or what a changed model makes necessary
    #[arg(long)]
    pub missing: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn status(name: &str) -> Result<Status, String> {
    Status::parse(name).ok_or_else(|| {
        let known: Vec<&str> = Status::ALL.iter().map(|status| status.name()).collect();
        format!("'{name}' is none of {}", known.join(", "))
    })
}

pub(super) async fn run(settings: &Settings, command: DocumentsCommand) -> Result<(), Failure> {
    match command {
        DocumentsCommand::Add(arguments) => add(settings, arguments).await,
        DocumentsCommand::List(arguments) => list(settings, arguments).await,
        DocumentsCommand::Delete(arguments) => delete(settings, arguments).await,
        DocumentsCommand::Ask(arguments) => ask::ask(settings, arguments).await,
        DocumentsCommand::Reindex(arguments) => reindex(settings, arguments).await,
        DocumentsCommand::Eval(arguments) => eval::run(settings, arguments).await,
    }
}

/// Does the work that documents need, unless a server on the same data folder does.
struct Helper<'a> {
    services: &'a Services,
    settings: &'a Settings,
    tasks: Tasks,
    turn: Option<Turn>,
}

impl<'a> Helper<'a> {
    fn new(services: &'a Services, settings: &'a Settings) -> Self {
        Self { services, settings, tasks: Tasks::new(), turn: None }
    }

    /// Takes the work over when nobody else does it.
    fn help(&mut self) -> Result<(), Failure> {
        if self.turn.is_some() {
            return Ok(());
        }
        let folder = &self.settings.storage.data_dir;
        self.turn = Turn::try_take(folder).map_err(Failure::world)?;
        if self.turn.is_some() {
            let (jobs, handlers) = (self.services.jobs.clone(), self.services.document_handlers());
            let runner = Runner::new(jobs, handlers, self.tasks.clone());
            runner.start_workers(self.settings.documents.workers);
        }
        Ok(())
    }

    /// Lets what is being done come to a halt.
    async fn end(self) {
        self.tasks.shutdown(PATIENCE).await;
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_field_names, reason = "the name that programs read")]
struct Outcome {
    path: String,
    /// `ready`, `unchanged`, `failed` or `cancelled`.
    outcome: &'static str,
    item_id: Option<Uuid>,
    title: Option<String>,
    version: Option<i32>,
    language: Option<String>,
    pages: Option<i32>,
    chunks: Option<i32>,
    reason: Option<String>,
}

impl Outcome {
    fn failed(path: &str, reason: &dyn std::fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            outcome: "failed",
            item_id: None,
            title: None,
            version: None,
            language: None,
            pages: None,
            chunks: None,
            reason: Some(reason.to_string()),
        }
    }

    fn of(path: &str, outcome: &'static str, item: &ItemRecord) -> Self {
        Self {
            path: path.to_owned(),
            outcome,
            item_id: Some(item.item_id),
            title: Some(item.title.clone()),
            version: Some(item.version),
            language: item.language.clone(),
            pages: item.pages,
            chunks: item.chunk_count,
            reason: item.reason.clone(),
        }
    }
}

/// What became of all of them.
#[derive(Debug, Serialize)]
struct Report {
    files: Vec<Outcome>,
    /// Files of folders in forms that Luna does not read.
    skipped: Vec<String>,
    ready: usize,
    unchanged: usize,
    failed: usize,
}

async fn add(settings: &Settings, arguments: AddArguments) -> Result<(), Failure> {
    let (files, skipped) = find(&arguments.paths).map_err(Failure::world)?;
    let files = with_services(settings, async |services| {
        let mut helper = Helper::new(&services, settings);
        let added = take_in(&mut helper, files, &arguments).await;
        helper.end().await;
        added
    })
    .await?;
    let count = |outcome| files.iter().filter(|file| file.outcome == outcome).count();
    let (ready, unchanged) = (count("ready"), count("unchanged"));
    let failed = files.len() - ready - unchanged;
    let report = Report { files, skipped, ready, unchanged, failed };
    if arguments.json {
        json(&report)?;
    } else {
        text(&words(&report))?;
    }
    if failed > 0 {
        let all = report.files.len();
        return Err(Failure::BadResult(format!("{failed} of {all} files failed")));
    }
    Ok(())
}

/// Stores the files one after the other while those before are being read, then waits for the last.
async fn take_in(
    helper: &mut Helper<'_>,
    files: Vec<Found>,
    arguments: &AddArguments,
) -> Result<Vec<Outcome>, Failure> {
    let (total, mut outcomes, mut open) = (files.len(), Vec::new(), Vec::new());
    for file in files {
        helper.help()?;
        let path = file.path.display().to_string();
        match store(helper, file, arguments, (&mut open, &mut outcomes)).await {
            Ok(()) => {}
            Err(error) if error.is_of_file() => outcomes.push(Outcome::failed(&path, &error)),
            Err(error) => return Err(Failure::world(error)),
        }
        progress(outcomes.len() as f64 / total as f64 * 0.999, &path);
    }
    while !open.is_empty() {
        helper.help()?;
        follow(helper, &mut open, &mut outcomes).await.map_err(Failure::world)?;
        let done = outcomes.len() as f64 / total as f64;
        progress(done.min(0.999), &format!("{} documents are being read", open.len()));
        if !open.is_empty() {
            tokio::time::sleep(LOOK).await;
        }
    }
    progress(1.0, &format!("{total} files"));
    outcomes.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(outcomes)
}

type Open = Vec<(Uuid, String)>;

/// Stores one file; waits while too many wait already.
async fn store(
    helper: &mut Helper<'_>,
    file: Found,
    arguments: &AddArguments,
    (open, outcomes): (&mut Open, &mut Vec<Outcome>),
) -> Result<(), DocumentsError> {
    let documents = &helper.services.documents;
    let path = file.path.display().to_string();
    let length = std::fs::metadata(&file.path)?.len();
    documents.check_size(&file.name, length)?;
    let new = NewFile {
        name: file.name,
        bytes: Bytes::from(tokio::fs::read(&file.path).await?),
        title: None,
        tags: arguments.tags.clone(),
        source: Some(arguments.source.clone().unwrap_or_else(|| "files".to_owned())),
        url: None,
        place: Some(file.place),
        by: By::command(),
    };
    let added = loop {
        match documents.add_file(new.clone()).await {
            Err(DocumentsError::QueueFull { .. }) => {
                follow(helper, open, outcomes).await?;
                tokio::time::sleep(LOOK).await;
            }
            other => break other?,
        }
    };
    if added.status.is_open() {
        open.push((added.item_id, path));
        if open.len() >= LOOKED_AFTER {
            follow(helper, open, outcomes).await?;
        }
    } else if let Some(item) = documents.items(&[added.item_id]).await?.first() {
        outcomes.push(Outcome::of(&path, "unchanged", item));
    }
    Ok(())
}

/// Moves documents whose reading has ended to the outcomes.
async fn follow(
    helper: &Helper<'_>,
    open: &mut Open,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), DocumentsError> {
    let ids: Vec<Uuid> = open.iter().take(LOOKED_AFTER).map(|(item_id, _)| *item_id).collect();
    let items = helper.services.documents.follow(&ids).await?;
    open.retain(|(item_id, path)| {
        let Some(item) = items.iter().find(|item| item.item_id == *item_id) else {
            let is_gone = ids.contains(item_id);
            if is_gone {
                outcomes.push(Outcome::failed(path, &"it was deleted meanwhile"));
            }
            return !is_gone;
        };
        if !item.status.is_open() {
            outcomes.push(Outcome::of(path, item.status.name(), item));
        }
        item.status.is_open()
    });
    Ok(())
}

fn words(report: &Report) -> String {
    let mut words = String::new();
    for file in &report.files {
        let Outcome { path, outcome, .. } = file;
        match (&file.reason, file.outcome) {
            (Some(reason), _) => line(&mut words, format_args!("{outcome:<9} {path}: {reason}")),
            (None, "ready") => line(
                &mut words,
                format_args!(
                    "{outcome:<9} {path}: {} pages, {} chunks, {}",
                    file.pages.unwrap_or_default(),
                    file.chunks.unwrap_or_default(),
                    file.language.as_deref().unwrap_or("language unknown")
                ),
            ),
            (None, _) => line(&mut words, format_args!("{outcome:<9} {path}")),
        }
    }
    if !report.skipped.is_empty() {
        let count = report.skipped.len();
        line(
            &mut words,
            format_args!("{count} files in forms that Luna does not read were passed over"),
        );
    }
    let Report { ready, unchanged, failed, .. } = report;
    line(&mut words, format_args!("{ready} ready, {unchanged} unchanged, {failed} failed"));
    words
}

async fn list(settings: &Settings, arguments: ListArguments) -> Result<(), Failure> {
    let mut filter = ItemFilter {
        status: arguments.status,
        tag: arguments.tag,
        q: arguments.containing,
        with_superseded: arguments.superseded,
        ..ItemFilter::default()
    };
    let items = with_services(settings, async |services| {
        let mut items: Vec<ItemRecord> = Vec::new();
        loop {
            let page = services.documents.list(&filter, Role::Admin, PAGE).await;
            let page = page.map_err(Failure::world)?;
            let is_last = page.len() < usize::try_from(PAGE).unwrap_or_default();
            filter.after = page.last().map(|item| (item.created_at, item.item_id));
            items.extend(page);
            if is_last {
                return Ok(items);
            }
        }
    })
    .await?;
    if arguments.json {
        return json(&serde_json::json!({ "items": items }));
    }
    let mut words = String::new();
    for item in &items {
        line(
            &mut words,
            format_args!(
                "{}  {:<9}  {}  {:>4} pages  {:>5} chunks  {} v{}",
                item.item_id,
                item.status.name(),
                item.language.as_deref().unwrap_or("--"),
                item.pages.unwrap_or_default(),
                item.chunk_count.unwrap_or_default(),
                item.title,
                item.version
            ),
        );
        if let Some(reason) = &item.reason {
            line(&mut words, format_args!("  {reason}"));
        }
    }
    if items.is_empty() {
        line(&mut words, format_args!("There are no documents."));
    }
    text(&words)
}

async fn delete(settings: &Settings, arguments: DeleteArguments) -> Result<(), Failure> {
    let (deleted, called_back) = with_services(settings, async |services| {
        let mut helper = Helper::new(&services, settings);
        helper.help()?;
        let (mut deleted, mut open, mut called_back) = (Vec::new(), Vec::new(), Vec::new());
        for item_id in arguments.ids {
            let earlier = services.documents.delete(item_id, &By::command()).await;
            open.extend(earlier.map_err(Failure::world)?.map(|id| (id, String::new())));
            deleted.push(item_id);
        }
        // Earlier versions speak again once they are indexed.
        while !open.is_empty() {
            helper.help()?;
            follow(&helper, &mut open, &mut called_back).await.map_err(Failure::world)?;
            tokio::time::sleep(LOOK).await;
        }
        helper.end().await;
        Ok((deleted, called_back))
    })
    .await?;
    let again: Vec<_> = called_back.iter().filter(|it| it.outcome == "ready").collect();
    if arguments.json {
        let again: Vec<_> = again.iter().filter_map(|it| it.item_id).collect();
        return json(&serde_json::json!({ "deleted": deleted, "called_back": again }));
    }
    let said = match again.len() {
        0 => String::new(),
        some => format!("; for {some} of them the version before speaks again"),
    };
    text(&format!("{} deleted{said}\n", deleted.len()))
}

async fn reindex(settings: &Settings, arguments: ReindexArguments) -> Result<(), Failure> {
    let wish = Wish { anew: !arguments.missing };
    let result = with_services(settings, async |services| {
        let mut helper = Helper::new(&services, settings);
        let ordered = services.documents.ask_for_reindex(&wish, &By::command()).await;
        let job_id = ordered.map_err(Failure::world)?;
        let job = loop {
            helper.help()?;
            let job = services.jobs.job(job_id).await.map_err(Failure::world)?;
            if !matches!(job.state, JobState::Queued | JobState::Running) {
                break job;
            }
            progress(job.progress.min(0.999), &job.progress_note);
            tokio::time::sleep(LOOK).await;
        };
        helper.end().await;
        if let (JobState::Done, Some(result)) = (job.state, job.result) {
            return Ok(result);
        }
        let why = job.error.unwrap_or_else(|| "the job was cancelled".to_owned());
        Err(Failure::world(anyhow::anyhow!(why)))
    })
    .await?;
    progress(1.0, "built");
    if arguments.json {
        return json(&result);
    }
    let verb = if result["is_new"] == true { "answers now" } else { "was completed" };
    text(&format!(
        "version {} of the index {verb}, {} documents were laid into it\n",
        result["version"], result["documents"]
    ))
}
