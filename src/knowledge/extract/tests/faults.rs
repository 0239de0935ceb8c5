//! Many damaged files through real children: how each ends, and that nothing of it reaches the parent.
//!
//! A few hundred run with every test run; `make test-faults FILES=…` asks for many more.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::StreamExt;

use super::fixtures::{archive, docx, line, open_document, paragraph, pdf, pptx, xlsx};
use super::{ExtractError, Settings, program};
use crate::knowledge::extract::process::{Processes, Program};

/// Files of one run unless `LUNA_FAULT_FILES` says otherwise.
const FILES: u64 = 200;
/// Where the numbers begin: the same files in every run.
const SEED: u64 = 0x5eed_2026_1128;

/// Numbers that are the same in every run (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).unwrap()
    }
}

/// Whole files, from which the damaged ones are made.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let page = [
        line(60, 780, 18.0, "Titel"),
        line(60, 740, 11.0, "Ein Text mit Worten."),
        "q 595 0 0 842 0 0 cm /Im Do Q\n".into(),
    ];
    let mut seeds = vec![
        ("pdf", pdf(&[page.concat(), line(60, 700, 11.0, "zwei")])),
        ("docx", docx(&(paragraph("Titel1", "Titel") + &paragraph("", "Text")), &[])),
        (
            "xlsx",
            xlsx(
                "<row r='1'><c r='A1' t='inlineStr'><is><t>a</t></is></c><c r='B1'><v>2</v></c></row>",
            ),
        ),
        (
            "pptx",
            pptx(&["<p:sp><p:txBody><a:p><a:r><a:t>x</a:t></a:r></a:p></p:txBody></p:sp>"], 1),
        ),
        ("odt", open_document("text", "", "<text:h>Titel</text:h><text:p>Text</text:p>")),
        ("zip", archive(&[("a", b"b")])),
        (
            "html",
            b"<html><body><h1>T</h1><table><tr><th>a</th><td>b</td></tr></table></body></html>"
                .to_vec(),
        ),
        ("md", b"# T\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- x\n".to_vec()),
        ("csv", b"a;b;c\n1;2;3\n4;5;6\n".to_vec()),
        ("txt", "Art. 1 Zweck\nFür alle.\n".as_bytes().to_vec()),
    ];
    let real = std::env::var_os("LUNA_SHARED_DIR")
        .map(|it| std::path::PathBuf::from(it).join("data/docs"));
    for (extension, name) in [
        ("pdf", "de_BFE_WASTA_in_Betrieb_gesetzte_Zentralen_2019.pdf"),
        ("docx", "de_StromGVV.docx"),
    ] {
        seeds.extend(
            real.as_ref()
                .and_then(|it| std::fs::read(it.join(name)).ok())
                .map(|it| (extension, it)),
        );
    }
    seeds
}

/// A file that nobody would write, with its extension.
fn damaged(seeds: &[(&'static str, Vec<u8>)], number: u64) -> (&'static str, Vec<u8>) {
    let mut dice = Dice(SEED ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    dice.roll(2);
    let (extension, seed) = &seeds[dice.roll(seeds.len())];
    let mut bytes = seed.clone();
    match dice.roll(8) {
        0 => bytes = (0..dice.roll(4_096)).map(|_| dice.byte()).collect(),
        1 => bytes.truncate(dice.roll(bytes.len())),
        2 => {
            let (from, length) = (dice.roll(bytes.len()), dice.roll(200));
            let end = (from + length).min(bytes.len());
            bytes.drain(from..end);
        }
        3 => {
            let other = &seeds[dice.roll(seeds.len())].1;
            let (place, cut) = (dice.roll(bytes.len()), dice.roll(other.len()));
            bytes.truncate(place);
            bytes.extend_from_slice(&other[cut..]);
        }
        4 => {
            // A number that is far too large, where a number stands.
            let digits: Vec<usize> =
                (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
            if !digits.is_empty() {
                let at = digits[dice.roll(digits.len())];
                bytes.splice(at..=at, *b"4294967296");
            }
        }
        _ => {
            for _ in 0..=dice.roll(20) {
                let at = dice.roll(bytes.len());
                bytes[at] = dice.byte();
            }
        }
    }
    let named = if dice.roll(4) == 0 { seeds[dice.roll(seeds.len())].0 } else { extension };
    (named, bytes)
}

fn kind(result: &Result<super::Extracted, ExtractError>) -> &'static str {
    match result {
        Ok(_) => "read",
        Err(ExtractError::Unsupported { .. }) => "no known form",
        Err(ExtractError::Encrypted) => "locked",
        Err(ExtractError::Empty { .. }) => "no text",
        Err(ExtractError::Broken { .. }) => "broken",
        Err(ExtractError::Limit { .. }) => "given up",
        Err(ExtractError::Unavailable { .. }) => "not available",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_end_with_a_reason_and_the_parent_is_unharmed() {
    let Some(program) = program() else { return };
    let asked = std::env::var_os("LUNA_FAULT_FILES");
    let files: u64 = asked.map_or(FILES, |text| text.to_str().unwrap().parse().unwrap());
    let settings = Settings {
        processes: 2,
        cpu_s: 10,
        wall_s: 60,
        address_space_mb: 256,
        ..Settings::default()
    };
    let processes = Processes::new(&settings, Program::At(program));
    let seeds = seeds();
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    let mut slowest = std::time::Duration::ZERO;
    let started = std::time::Instant::now();
    let mut running = futures_util::stream::iter(0..files)
        .map(|number| {
            let (extension, bytes) = damaged(&seeds, number);
            let processes = &processes;
            async move {
                let begun = std::time::Instant::now();
                let result = processes.extract(extension, Bytes::from(bytes)).await;
                (number, result, begun.elapsed())
            }
        })
        .buffer_unordered(2);
    while let Some((number, result, took)) = running.next().await {
        *ends.entry(kind(&result)).or_default() += 1;
        slowest = slowest.max(took);
        assert!(
            !matches!(result, Err(ExtractError::Unavailable { .. })),
            "file {number}: {result:?}"
        );
    }
    drop(running);
    eprintln!(
        "{files} files in {:.1} s, the slowest {:.2} s: {ends:?}",
        started.elapsed().as_secs_f64(),
        slowest.as_secs_f64()
    );
    assert_eq!(ends.values().sum::<u64>(), files);
    assert_eq!(zombies(), 0, "every child was heard of");
}

/// Children of this process that ended and nobody asked how.
fn zombies() -> usize {
    let own = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ended = processes
        .filter_map(|it| std::fs::read_to_string(it.path().join("stat")).ok())
        .filter(|stat| {
            let behind = stat.rsplit(')').next().unwrap_or_default();
            let mut fields = behind.split_whitespace();
            fields.next() == Some("Z") && fields.next() == Some(own.as_str())
        });
    ended.count()
}
