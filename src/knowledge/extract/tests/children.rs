//! Children as they are, and as they should not be.

use std::path::PathBuf;
use std::process::Command;

use bytes::Bytes;

use super::{ExtractError, Settings, program};
use crate::base::timeline::Clock;
use crate::knowledge::extract::model::Extractor;
use crate::knowledge::extract::process::{Processes, Program};
use crate::knowledge::extract::service::Extraction;

/// A program that does `what` when it is asked to read. Another process writes it: while this one has a file open for
/// writing, every process that another test starts just then has it too, and what is open so cannot be run.
fn script(folder: &tempfile::TempDir, what: &str) -> PathBuf {
    let path = folder.path().join("child");
    let written = Command::new("sh")
        .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" >\"$0\" && chmod 755 \"$0\""])
        .args([path.as_os_str(), what.as_ref()])
        .status();
    assert!(written.unwrap().success());
    path
}

async fn said(what: &str) -> ExtractError {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { wall_s: 2, output_mb: 1, ..Settings::default() };
    let processes = Processes::new(&settings, Program::At(script(&folder, what)));
    processes.extract("txt", Bytes::from(vec![b'x'; 1 << 20])).await.unwrap_err()
}

#[tokio::test]
async fn the_kernel_refuses_what_reading_does_not_need() {
    let Some(program) = program() else { return };
    let processes = Processes::new(&Settings::default(), Program::At(program.clone()));
    let probed = processes.probe().await.unwrap();
    if let Some(why) = &probed.confined.unfiltered {
        println!("skipped: this kernel filters no calls: {why}");
        return;
    }
    assert!(probed.refused.len() >= 7, "{probed:?}");
    assert!(probed.refused.values().all(|refused| *refused), "{probed:?}");
    let extraction = Extraction::new(&Settings::default(), &Clock::system(), Program::At(program));
    let (sentence, well) = extraction.standing().await;
    assert!(well && sentence.contains("without network"), "{sentence}");
}

#[tokio::test]
async fn children_that_misbehave_are_ended_and_said() {
    for (what, expected) in [
        ("sleep 60", "longer than 2 s"),
        (
            "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
            "longer than the output",
        ),
        ("cat >/dev/null; kill -XCPU $$", "of the processor"),
        ("cat >/dev/null; kill -SEGV $$", "ends the reader"),
        ("cat >/dev/null; kill -SYS $$", "does not need"),
        (
            "cat >/dev/null; echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$",
            "of memory",
        ),
        ("cat >/dev/null; echo 'thread has overflowed its stack' >&2; kill -ABRT $$", "too deeply"),
        ("cat >/dev/null; echo nonsense", "led astray"),
        ("exit 0", "led astray"),
        // A child that was taken over names places outside of its text.
        (
            "cat >/dev/null; echo '{\"Ok\":{\"canonical\":{\"text\":\"ab\",\"pages\":[{\"number\":1,\"span\":{\"start\":0,\"end\":999}}],\"blocks\":[]},\"title\":null,\"media_type\":\"x\",\"method\":\"built_in\",\"findings\":[]}}'",
            "led astray",
        ),
    ] {
        let error = said(what).await;
        assert!(!error.is_passing(), "{what}: {error}");
        assert!(error.to_string().contains(expected), "{what}: {error}");
    }
    let error = said("cat >/dev/null; echo 'error: it cannot' >&2; exit 1").await;
    assert_eq!(error, ExtractError::Unavailable { reason: "it cannot".to_owned() });
}

#[tokio::test]
async fn a_program_that_is_not_there_is_said() {
    let processes = Processes::new(&Settings::default(), Program::At("/nowhere/luna".into()));
    let error = processes.extract("", Bytes::from_static(b"x")).await.unwrap_err();
    assert!(error.is_passing(), "{error}");
}

#[tokio::test]
async fn no_variable_reaches_a_child() {
    let folder = tempfile::tempdir().unwrap();
    // What it was given is said as an error, which is the only way out.
    let path =
        script(&folder, "cat >/dev/null; env | cut -d= -f1 | sort | tr '\\n' ' ' >&2; exit 1");
    let processes = Processes::new(&Settings::default(), Program::At(path));
    let error = processes.extract("", Bytes::new()).await.unwrap_err().to_string();
    assert!(error.contains("MALLOC_ARENA_MAX"), "{error}");
    for name in ["HOME", "CARGO", "PATH_", "LUNA", "DATABASE"] {
        assert!(!error.contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_reader_that_is_given_up_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("pid");
    let path = script(&folder, &format!("echo $$ > {}; exec sleep 600", mark.display()));
    let settings = Settings { wall_s: 600, ..Settings::default() };
    let processes = Processes::new(&settings, Program::At(path));
    let reading = processes.extract("", Bytes::new());
    let seen = async {
        loop {
            if let Ok(text) = std::fs::read_to_string(&mark)
                && let Ok(pid) = text.trim().parse::<i32>()
            {
                return pid;
            }
            tokio::task::yield_now().await;
        }
    };
    let pid = tokio::select! {
        ended = reading => panic!("{ended:?}"),
        pid = seen => pid,
    };
    // The reading is dropped by now; its child is gone as soon as the kernel has heard of it.
    while nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None).is_ok() {
        tokio::task::yield_now().await;
    }
}
