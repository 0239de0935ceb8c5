//! `luna documents eval`: a public dataset, or one's own questions on one's own documents.

use std::path::{Path, PathBuf};

use clap::Args;
use uuid::Uuid;

use crate::algorithms::retrieval::Fusion;
use crate::base::timeline::Clock;
use crate::cli::output::{Failure, json, line, text};
use crate::cli::session::with_services;
use crate::config::Settings;
use crate::knowledge::embedding::Embedding;
use crate::knowledge::evaluation::{
    AnswersReport, Bench, Dataset, Question, RetrievalMode, RetrievalReport, Split, answer_all,
    rank_all,
};
use crate::knowledge::index::EdgeEngine;
use crate::platform::runtime::CpuPool;

#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    /// Folder with passages, questions and judgements as BEIR lays them out (corpus.jsonl, queries.jsonl, qrels/test.tsv;
    /// packed ones, too); measured in an index of its own, documents are not touched
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "questions",
        conflicts_with = "questions"
    )]
    pub dataset: Option<PathBuf>,
    /// Take the questions of the dataset from this folder instead: the same ones in another language
    #[arg(long, value_name = "DIR", requires = "dataset")]
    pub asked_in: Option<PathBuf>,
    /// plain (BM25 of the very words), words (as questions are asked), dense, hybrid; words and, with an embedding
    /// model, dense and hybrid unless said
    #[arg(long, value_delimiter = ',', value_name = "MODE,…", requires = "dataset")]
    pub mode: Vec<RetrievalMode>,
    /// File with questions whose answers are known, one JSON object a line (id, question, answerable, document, page,
    /// section, answer, split); asked of the documents that are there
    #[arg(long, value_name = "FILE")]
    pub questions: Option<PathBuf>,
    /// Only this half of the questions: dev or held
    #[arg(long, requires = "questions")]
    pub split: Option<Split>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn run(settings: &Settings, arguments: EvalArguments) -> Result<(), Failure> {
    match (&arguments.dataset, &arguments.questions) {
        (Some(folder), _) => {
            let report = dataset(settings, folder, &arguments).await?;
            if arguments.json { json(&report) } else { text(&rankings(&report)) }
        }
        (None, Some(file)) => {
            let report = questions(settings, file, arguments.split).await?;
            if arguments.json { json(&report) } else { text(&answers(&report)) }
        }
        (None, None) => {
            Err(Failure::world(anyhow::anyhow!("name a --dataset or a file of --questions")))
        }
    }
}

async fn dataset(
    settings: &Settings,
    folder: &Path,
    arguments: &EvalArguments,
) -> Result<RetrievalReport, Failure> {
    let dataset = Dataset::read(folder, arguments.asked_in.as_deref()).map_err(Failure::world)?;
    let clock = Clock::system();
    let embedding = Embedding::new(&settings.embedding, CpuPool::new(None), clock.clone());
    let modes = match (&arguments.mode[..], embedding.is_on()) {
        ([], true) => vec![RetrievalMode::Words, RetrievalMode::Dense, RetrievalMode::Hybrid],
        ([], false) => vec![RetrievalMode::Words],
        (modes, _) => modes.to_vec(),
    };
    let place = settings.storage.data_dir.join(format!("evaluation-{}", Uuid::now_v7()));
    let measured = {
        let engine = EdgeEngine::new(&place, clock.clone());
        let fusion = Fusion::MinMax { dense_share: settings.answers.dense_share };
        let bench = Bench { engine: &engine, embedding: &embedding, fusion, clock: &clock };
        rank_all(&dataset, &modes, bench).await
    };
    if let Err(error) = std::fs::remove_dir_all(&place)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "{} was left behind: {error}", place.display());
    }
    measured.map_err(Failure::world)
}

async fn questions(
    settings: &Settings,
    file: &Path,
    split: Option<Split>,
) -> Result<AnswersReport, Failure> {
    let questions = Question::read(file, split).map_err(Failure::world)?;
    with_services(settings, async |services| {
        let measured =
            answer_all(&questions, &services.ask, &services.documents, &Clock::system()).await;
        measured.map_err(Failure::world)
    })
    .await
}

fn rankings(report: &RetrievalReport) -> String {
    let mut words = String::new();
    let RetrievalReport { dataset, passages, questions, .. } = report;
    line(&mut words, format_args!("{dataset}: {passages} passages, {questions} questions"));
    if let Some(embedder) = &report.embedder {
        line(&mut words, format_args!("vectors by {embedder}"));
    }
    line(&mut words, format_args!("\nmode    nDCG@10  recall@20     MRR   p50 ms   p95 ms"));
    for mode in &report.modes {
        line(
            &mut words,
            format_args!(
                "{:<7} {:>7.4}  {:>9.4}  {:>6.4}  {:>7.2}  {:>7.2}",
                mode.mode.name(),
                mode.ndcg_at_10,
                mode.recall_at_20,
                mode.mrr,
                mode.p50_ms,
                mode.p95_ms
            ),
        );
    }
    words
}

fn answers(report: &AnswersReport) -> String {
    let mut words = String::new();
    for row in &report.rows {
        let said = if row.abstained { "not answered" } else { "answered" };
        let mark = match (row.answerable, row.abstained, row.is_at_place) {
            (true, false, Some(true)) | (false, true, _) => "right",
            (true, true, Some(true)) => "found, but not sure",
            _ => "wrong",
        };
        let first = row.first.as_deref().unwrap_or("no passage");
        line(
            &mut words,
            format_args!("{:<8} {mark:<19} {said:<12} {:>4.2}  {first}", row.id, row.confidence),
        );
    }
    let AnswersReport { questions, answerable, quotes, abstention, .. } = report;
    line(
        &mut words,
        format_args!(
            "\n{questions} questions, {answerable} of them with an answer in the documents"
        ),
    );
    line(
        &mut words,
        format_args!("answered          {:>6.3}  of those with an answer", report.answer_rate),
    );
    line(&mut words, format_args!("right page first  {:>6.3}", report.page_hit_at_1));
    line(&mut words, format_args!("answer in quotes  {:>6.3}", report.answer_in_quotes));
    line(
        &mut words,
        format_args!("quotes verified   {:>6.3}  of {quotes}", report.quotes_verified),
    );
    let (precision, recall, f1) = (abstention.precision, abstention.recall, abstention.f1);
    line(
        &mut words,
        format_args!(
            "abstaining        {f1:>6.3}  F1 (precision {precision:.3}, recall {recall:.3})"
        ),
    );
    line(
        &mut words,
        format_args!(
            "an answer takes   {:.1} ms (median), {:.1} ms (95 of 100)",
            report.p50_ms, report.p95_ms
        ),
    );
    words
}
