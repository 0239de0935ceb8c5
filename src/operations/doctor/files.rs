//! Settings, files with secrets, log files, backups.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::model::{Finding, quoted, size};
use super::repair::Repair;

/// Age at which the newest backup is too old.
const BACKUP_DAYS_MAX: u64 = 7;

pub(super) fn judge_settings(mistakes: &[String]) -> Finding {
    match mistakes {
        [] => Finding::ok("flags, environment, .env and files are sound"),
        all => Finding::fail(all.join("; "), "luna config check   (after mending what is named)"),
    }
}

/// Settings that are secrets.
const SECRETS: [&str; 4] = ["url", "entsoe_token", "access_key", "secret_key"];

/// A file with secrets in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretFile {
    pub(super) path: PathBuf,
    pub(super) mode: u32,
}

/// Those of the candidates that exist and hold secrets; files of settings do when they set one.
pub(super) fn secret_files(env_file: &Path, config_dir: &Path, data_dir: &Path) -> Vec<SecretFile> {
    let listed = fs::read_dir(config_dir).into_iter().flatten().flatten();
    let settings = listed.map(|entry| entry.path()).filter(|path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let begins = |line: &str| SECRETS.iter().any(|key| line.trim_start().starts_with(key));
        text.lines().any(begins)
    });
    let fixed = [env_file.to_owned(), data_dir.join("setup-code")];
    let all = fixed.into_iter().chain(settings);
    all.filter_map(|path| {
        let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o7777;
        Some(SecretFile { path, mode })
    })
    .collect()
}

/// The first file that others may read; `None` when none of them is open.
pub(super) fn judge_secret_files(files: &[SecretFile]) -> Finding {
    let open: Vec<&SecretFile> = files.iter().filter(|file| file.mode & 0o077 != 0).collect();
    let Some(first) = open.first() else {
        return match files.len() {
            0 => Finding::ok("there are none"),
            count => Finding::ok(format!("only their owner may read them ({count})")),
        };
    };
    let names: Vec<String> =
        open.iter().map(|file| format!("{} ({:o})", file.path.display(), file.mode)).collect();
    let paths: Vec<String> = open.iter().map(|file| quoted(&file.path)).collect();
    Finding::warn(
        format!("others may read {}", names.join(", ")),
        format!("chmod 600 {}", paths.join(" ")),
    )
    .mended_by(Repair::SetMode(first.path.clone(), 0o600))
}

/// The log file as set: where, how large it grows, how many are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    pub(super) written: Result<(), String>,
    pub(super) bytes_max: u64,
    pub(super) kept: u32,
    pub(super) free: Option<u64>,
}

pub(super) fn judge_log(log: Option<&LogFile>) -> Finding {
    let Some(LogFile { path, written, bytes_max, kept, free }) = log else {
        return Finding::ok("to standard error only; whoever starts Luna keeps it");
    };
    let shown = path.display();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = quoted(folder.unwrap_or(Path::new(".")));
    if let Err(why) = written {
        return Finding::fail(
            format!("{shown} cannot be written: {why}"),
            format!("mkdir -p {folder} && sudo chown $(id -u) {folder}"),
        );
    }
    let all = bytes_max.saturating_mul(u64::from(*kept) + 1);
    let reason = format!("{shown}, put aside at {}, {kept} kept", size(*bytes_max));
    match free {
        Some(free) if all > *free => Finding::warn(
            format!("{reason}: up to {}, and only {} are free", size(all), size(*free)),
            "echo LUNA_TELEMETRY__FILES_KEPT=2 >>.env",
        ),
        _ => Finding::ok(reason),
    }
}

/// Age of the newest file in the folder of backups, in days.
pub(super) fn newest_backup_days(data_dir: &Path) -> Option<u64> {
    let files = fs::read_dir(data_dir.join("backups")).ok()?.flatten();
    let newest = files.filter_map(|file| file.metadata().ok()?.modified().ok()).max()?;
    Some(SystemTime::now().duration_since(newest).map_or(0, |age| age.as_secs() / 86_400))
}

/// `dump` is the command that makes one.
pub(super) fn judge_backup(age_days: Option<u64>, has_data: bool, dump: &str) -> Finding {
    match age_days {
        None if !has_data => Finding::skipped("there is nothing to back up yet"),
        None => Finding::warn("there is none in the data folder's backups", dump),
        Some(days) if days > BACKUP_DAYS_MAX => {
            Finding::warn(format!("the newest is {days} days old"), dump)
        }
        Some(days) => Finding::ok(format!("the newest is {days} days old")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::doctor::model::Verdict;

    #[test]
    fn files_with_secrets_are_found_and_closed() {
        let temp = tempfile::tempdir().unwrap();
        let config = temp.path().join("config");
        fs::create_dir(&config).unwrap();
        let write = |path: PathBuf, text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let env = write(temp.path().join(".env"), "X=1", 0o644);
        write(config.join("a.toml"), "# url = \"x\"\n", 0o644);
        let with_url = write(config.join("b.toml"), "[database]\n url = \"x\"\n", 0o640);
        let files = secret_files(&env, &config, temp.path());
        let found: Vec<_> = files.iter().map(|file| (file.path.clone(), file.mode)).collect();
        assert_eq!(found, [(env.clone(), 0o644), (with_url, 0o640)]);
        let finding = judge_secret_files(&files);
        assert_eq!(finding.verdict, Verdict::Warn);
        assert_eq!(finding.repair, Some(Repair::SetMode(env.clone(), 0o600)));
        let closed = SecretFile { path: env, mode: 0o600 };
        assert_eq!(judge_secret_files(&[closed]).verdict, Verdict::Ok);
    }

    #[test]
    fn all_mistakes_are_named() {
        let mistakes = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(judge_settings(&mistakes).reason, "a; b; c");
        assert_eq!(judge_settings(&mistakes[..1]).verdict, Verdict::Fail);
        assert_eq!(judge_settings(&[]).verdict, Verdict::Ok);
    }

    #[test]
    fn a_log_must_be_writable_and_fit_on_its_disk() {
        let log = |written, free| LogFile {
            path: "logs/luna.log".into(),
            written,
            bytes_max: 10 << 20,
            kept: 5,
            free,
        };
        assert_eq!(judge_log(None).verdict, Verdict::Ok);
        assert_eq!(judge_log(Some(&log(Ok(()), Some(1 << 30)))).verdict, Verdict::Ok);
        // Six files of 10 MiB.
        assert_eq!(judge_log(Some(&log(Ok(()), Some(59 << 20)))).verdict, Verdict::Warn);
        let closed = judge_log(Some(&log(Err("no".into()), None)));
        assert!(closed.verdict == Verdict::Fail && closed.fix.unwrap().contains("mkdir -p logs"));
    }

    #[test]
    fn backups_are_missed_once_there_is_something_to_lose() {
        assert_eq!(judge_backup(None, false, "x").verdict, Verdict::Skipped);
        assert_eq!(judge_backup(None, true, "x").fix.as_deref(), Some("x"));
        assert_eq!(judge_backup(Some(8), true, "x").verdict, Verdict::Warn);
        assert_eq!(judge_backup(Some(7), true, "x").verdict, Verdict::Ok);
    }
}
