//! A process takes away from itself what reading a file does not need: memory without end, time without
//! end, files, other processes, the network.
//!
//! The filter allows what a reader does (memory, its own threads' locks, the pipes it has) and refuses
//! every other call of the kernel with `EPERM`: a parser that was taken over can compute, and nothing else.

use std::collections::BTreeMap;

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};
use serde::{Deserialize, Serialize};

/// Descriptors: input, output, errors, and one more that nothing opens.
const FILES_MAX: u64 = 4;

/// What a process leaves itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Address space beyond what is mapped already.
    pub address_space_bytes: u64,
    /// Time of the processor.
    pub cpu_s: u64,
}

/// How far it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Confined {
    /// Why calls of the kernel are not filtered; absent when they are.
    pub unfiltered: Option<String>,
}

/// Gives up what `bounds` do not leave; there is no way back. To be called before the first byte of the
/// file is read, from a thread that may be any.
pub(super) fn confine(bounds: Bounds) -> Result<Confined, String> {
    let mapped = mapped_bytes()?;
    let limits = [
        (Resource::RLIMIT_AS, mapped.saturating_add(bounds.address_space_bytes)),
        (Resource::RLIMIT_CPU, bounds.cpu_s),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, FILES_MAX),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_NPROC, 0),
    ];
    for (resource, limit) in limits {
        // The signal about the processor's time comes a second before the kill.
        let hard = if resource == Resource::RLIMIT_CPU { limit + 1 } else { limit };
        setrlimit(resource, limit, hard).map_err(|error| format!("{resource:?}: {error}"))?;
    }
    let filtered = filter()
        .and_then(|filter| apply_filter_all_threads(&filter).map_err(|error| error.to_string()));
    Ok(Confined { unfiltered: filtered.err() })
}

/// What is mapped at present: the program with its libraries and stacks.
fn mapped_bytes() -> Result<u64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map(|it| it << 10).ok_or_else(|| "the kernel does not tell what is mapped".to_owned())
}

/// Calls that are allowed whatever they are given.
const ALLOWED: [i64; 29] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_gettimeofday,
    libc::SYS_sched_yield,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_restart_syscall,
    libc::SYS_clock_nanosleep,
    libc::SYS_sched_getaffinity,
];

fn filter() -> Result<BpfProgram, String> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
    let when = |argument: u8, length, operator, value: u64| {
        SeccompCondition::new(argument, length, operator, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(|error| error.to_string())
    };
    // Memory is for data: no page becomes a program.
    let executable = u64::from(libc::PROT_EXEC.cast_unsigned());
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        let data = when(2, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(executable), 0)?;
        rules.insert(call, vec![data]);
    }
    // Signals go to the process itself: that is how it aborts.
    let own = u64::from(std::process::id());
    let to_itself = when(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, own)?;
    rules.insert(libc::SYS_tgkill, vec![to_itself]);
    let machine: TargetArch = std::env::consts::ARCH
        .try_into()
        .map_err(|_| format!("no filter is known for {}", std::env::consts::ARCH))?;
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, machine);
    let filter = filter.map_err(|error| error.to_string())?;
    filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())
}
