//! What the helper process gives up before it reads a program: privileges, descriptors, files, most system calls, and all
//! time and memory beyond its limits.
//!
//! The limits are the kernel's, so nothing that happens in the process can lift them. Landlock and seccomp are a second wall,
//! where the kernel has them: even code that runs amok here finds no file, no network and no other process.

use super::signals::unblock_signals;
use crate::compiler::Order;
use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getpid, getppid, getrlimit, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;

/// Confines this process for the rest of its life. It must have one thread.
///
/// # Errors
/// What could not be given up and must be.
pub fn confine(order: &Order) -> Result<(), String> {
    close_others();
    // The kernel says by a signal that a limit has been reached.
    unblock_signals();
    limit(order)?;
    drop_privileges(order.identity)?;
    end_with_the_server(order.parent)?;
    // SAFETY: this command takes numbers, and only gives something up.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    succeeded(result, "set no_new_privs")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|e| format!("cannot forbid dumps: {e}"))?;
    // Only politeness.
    let _ = rustix::process::nice(order.nice);
    // A kernel may lack either; the limits above hold without.
    let _ = forbid_files();
    let _ = forbid_system_calls();
    Ok(())
}

/// Closes what the server has open: most of it is closed by exec, but other modules need not have seen to that.
fn close_others() {
    // SAFETY: no Rust object owns a descriptor above 2 yet: this is the first thing that the process does.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
}

/// With the thread that waits for it nobody wants its result any more. A change of user takes this back, so it comes after.
fn end_with_the_server(parent: i32) -> Result<(), String> {
    set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|e| format!("cannot end with the server: {e}"))?;
    // It may have ended before.
    match getppid().map(|pid| pid.as_raw_nonzero().get()) == Some(parent) {
        true => Ok(()),
        false => Err("the server has ended".into()),
    }
}

fn limit(order: &Order) -> Result<(), String> {
    let both = |soft: u64, hard: u64| Rlimit {
        current: Some(soft),
        maximum: Some(hard),
    };
    for (resource, limit) in [
        // SIGXCPU at the soft limit; the hard one is for who would survive that.
        (Resource::Cpu, both(order.time, order.time + 1)),
        // Private memory that can be written to, whichever way it was mapped. Not the address space: the engine reserves tens of
        // gigabytes of it that it never touches.
        (Resource::Data, both(order.memory, order.memory)),
        // The memory that the code is written to.
        (Resource::Fsize, both(order.memory, order.memory)),
        (Resource::Core, both(0, 0)),
        (Resource::Stack, both(8 << 20, 8 << 20)),
        (Resource::Nofile, both(16, 16)),
        (Resource::Memlock, both(0, 0)),
        (Resource::Msgqueue, both(0, 0)),
    ] {
        let limit = within_the_servers(resource, limit);
        setrlimit(resource, limit)
            .map_err(|e| format!("cannot set the limit {resource:?}: {e}"))?;
    }
    Ok(())
}

/// The limit, or what the server itself is held to if that is less: not even root can always go beyond.
fn within_the_servers(resource: Resource, limit: Rlimit) -> Rlimit {
    let most = getrlimit(resource).maximum;
    let within = |value: Option<u64>| value.into_iter().chain(most).min();
    Rlimit {
        current: within(limit.current),
        maximum: within(limit.maximum),
    }
}

/// Root becomes somebody else. Somebody else stays who they are: the server's own user.
fn drop_privileges((uid, gid): (u32, u32)) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    const NOBODY: u32 = 65534;
    // A server whose requests run as root says nothing of whom to become.
    let id = |id: u32| {
        if id == 0 || id == u32::MAX {
            NOBODY
        } else {
            id
        }
    };
    let (uid, gid) = (id(uid), id(gid));
    // SAFETY: no groups are read from the pointer, since there are none.
    let result = unsafe { libc::setgroups(0, std::ptr::null()) };
    succeeded(result, "give up root's groups")?;
    // SAFETY: it takes numbers.
    let result = unsafe { libc::setresgid(gid, gid, gid) };
    succeeded(result, "give up root's group")?;
    // SAFETY: it takes numbers.
    let result = unsafe { libc::setresuid(uid, uid, uid) };
    succeeded(result, "give up root")?;
    match rustix::process::geteuid().is_root() || rustix::process::getuid().is_root() {
        true => Err("still root".into()),
        false => Ok(()),
    }
}

fn succeeded(result: libc::c_int, what: &str) -> Result<(), String> {
    match result {
        0 => Ok(()),
        _ => Err(format!(
            "cannot {what}: {}",
            std::io::Error::last_os_error()
        )),
    }
}

/// No file can be opened, made or removed, and no connection made, as far as this kernel's Landlock goes.
fn forbid_files() -> Result<(), landlock::RulesetError> {
    let abi = ABI::V5;
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .create()?
        .restrict_self()?;
    Ok(())
}

/// All that computing and memory take, and nothing else.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_prctl,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_write,
    libc::SYS_writev,
];

fn forbid_system_calls() -> Result<(), seccompiler::Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in ALLOWED {
        rules.insert(*call, Vec::new());
    }
    // Threads, but no processes.
    let thread = libc::CLONE_THREAD.cast_unsigned().into();
    let only = |condition: Result<SeccompCondition, seccompiler::BackendError>| {
        Ok::<_, seccompiler::Error>(vec![SeccompRule::new(vec![condition?])?])
    };
    rules.insert(
        libc::SYS_clone,
        only(SeccompCondition::new(
            0,
            SeccompCmpArgLen::Qword,
            SeccompCmpOp::MaskedEq(thread),
            thread,
        ))?,
    );
    // Memory of its own, which its limit counts, and no other.
    let (kind, private) = (libc::MAP_TYPE, libc::MAP_PRIVATE);
    rules.insert(
        libc::SYS_mmap,
        only(SeccompCondition::new(
            3,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(kind.cast_unsigned().into()),
            private.cast_unsigned().into(),
        ))?,
    );
    // abort() sends a signal, to this process alone.
    let own = getpid().as_raw_nonzero().get().cast_unsigned().into();
    rules.insert(
        libc::SYS_tgkill,
        only(SeccompCondition::new(
            0,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::Eq,
            own,
        ))?,
    );
    let filter = SeccompFilter::new(
        rules,
        // As an old kernel would say: libraries then do without, clone3 for instance.
        SeccompAction::Errno(libc::ENOSYS.cast_unsigned()),
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?;
    let program = BpfProgram::try_from(filter)?;
    seccompiler::apply_filter(&program)
}
