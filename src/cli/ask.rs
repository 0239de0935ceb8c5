//! A question to documents, from the command line.

use super::arguments::AskArguments;
use super::output::{Failure, json, line, text};
use super::session::with_services;
use crate::config::Settings;
use crate::knowledge::ask::{Answer, AskRequest, Asker, Filters, Mode, Quote, Teller};

pub(super) async fn ask(settings: &Settings, arguments: AskArguments) -> Result<(), Failure> {
    let as_json = arguments.json;
    let request = AskRequest {
        question: arguments.question,
        filters: Filters {
            documents: arguments.documents,
            tags: arguments.tags,
            language: arguments.language,
        },
        k: arguments.k,
        mode: arguments.mode,
        include_superseded: arguments.include_superseded,
        log: !arguments.no_log,
        ..AskRequest::default()
    };
    let answer = with_services(settings, async |services| {
        let answered = services.ask.ask(&Asker::command(), &request, &Teller::default()).await;
        answered.map_err(Failure::world)
    })
    .await?;
    if as_json { json(&answer) } else { text(&words(&answer)) }
}

fn words(answer: &Answer) -> String {
    let mut text = String::new();
    if let Some(fallback) = &answer.fallback {
        line(&mut text, format_args!("The model did not answer: {fallback}"));
    }
    match (&answer.writing, answer.mode) {
        (Some(writing), Mode::Written) => {
            let all = writing.sentences.len();
            let (model, supported) = (&writing.model, writing.supported);
            line(
                &mut text,
                format_args!("Written by {model}, {supported} of {all} sentences supported\n"),
            );
            for sentence in &writing.sentences {
                let ids: Vec<String> = sentence.quotes.iter().map(|id| format!("[{id}]")).collect();
                let mark = if sentence.supported { "" } else { "  (not supported)" };
                line(&mut text, format_args!("{} {}{mark}", sentence.text, ids.concat()));
            }
        }
        _ => line(&mut text, format_args!("Extract, no language model")),
    }
    if let Some(message) = &answer.message {
        let closest = if answer.closest.is_empty() { "." } else { ". Closest passages:" };
        line(&mut text, format_args!("\n{message}{closest}"));
    }
    for quote in answer.quotes.iter().chain(&answer.closest) {
        add(&mut text, quote);
    }
    if let Some(note) = &answer.retrieval.note {
        line(&mut text, format_args!("\nnote: {note}"));
    }
    text
}

fn add(text: &mut String, quote: &Quote) {
    let origin = &quote.origin;
    let (title, version, page) = (&origin.title, origin.version, quote.page);
    let (start, end) = (quote.start, quote.end);
    line(
        text,
        format_args!(
            "\n[{}] {title}, version {version}, page {page}, characters {start}–{end}",
            quote.id
        ),
    );
    for row in quote.text.lines() {
        line(text, format_args!("    {row}"));
    }
    if quote.is_instruction_like {
        line(text, format_args!("    (reads like an instruction; nothing follows it)"));
    }
}
