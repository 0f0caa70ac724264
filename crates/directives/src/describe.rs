//! Settings as text, one line for each value that is set: what the table's examples are compared with, and what a
//! trace line can show. Must not know the syntax of directives.

use destination::Pattern;

use crate::choices::{Alone, ScriptLog};
use crate::settings::{CacheDir, ModuleRef, Reuse, ServerSettings, Settings, TempDir, shown};
use crate::units::{show_duration, show_size};

impl Settings {
    /// One line for each value that is set, in a fixed order.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        let Settings {
            module,
            entry_point,
            args,
            query_args,
            env,
            config,
            mounts,
            temp_dir,
            outbound,
            outbound_timeout,
            outbound_body,
            outbound_concurrent,
            cgi,
            map_cgi_file_names,
            body_without_length,
            nph,
            script_log,
            timeout,
            serialize,
            reuse,
            memory_limit,
            log_limit,
            max_open_files,
        } = self;
        let mut lines = Vec::new();
        lines.extend(
            module
                .iter()
                .map(|module| format!("module: {}{}", shown(&module.path), optional(module))),
        );
        lines.extend(
            entry_point
                .iter()
                .map(|entry| format!("entry point: {}", entry.name)),
        );
        lines.extend(
            args.iter()
                .flatten()
                .map(|arg| format!("argument: {}", arg.text())),
        );
        lines.extend(
            env.iter()
                .map(|(name, value)| format!("environment: {name}={}", value.text())),
        );
        lines.extend(
            config
                .iter()
                .map(|(key, value)| format!("configuration entry: {key}={value}")),
        );
        lines.extend(
            mounts
                .iter()
                .map(|mount| format!("directory: {} is {}", mount.guest, shown(&mount.host))),
        );
        lines.extend(
            temp_dir
                .iter()
                .map(|temp| format!("temporary directory: {}", show_temp_dir(temp.as_ref()))),
        );
        lines.extend(outbound.iter().flat_map(|patterns| show_outbound(patterns)));
        lines.extend(
            outbound_timeout
                .iter()
                .map(|timeout| format!("outbound timeout: {}", show_duration(*timeout))),
        );
        lines.extend(
            outbound_body
                .iter()
                .map(|size| format!("outbound size: {}", show_size(*size))),
        );
        lines.extend(
            outbound_concurrent
                .iter()
                .map(|n| format!("outbound requests at once: {n}")),
        );
        lines.extend(cgi.iter().map(|cgi| format!("CGI: {}", on_off(*cgi))));
        lines.extend(
            query_args
                .iter()
                .map(|on| format!("query arguments: {}", on_off(*on))),
        );
        lines.extend(
            map_cgi_file_names
                .iter()
                .map(|map| format!("map CGI file names: {}", on_off(*map))),
        );
        lines.extend(
            body_without_length
                .iter()
                .map(|body| format!("body without length: {body:?}")),
        );
        lines.extend(
            nph.iter()
                .map(|nph| format!("non-parsed headers: {}", on_off(*nph))),
        );
        lines.extend(
            script_log
                .iter()
                .map(|log| format!("script log: {}", show_script_log(log.as_ref()))),
        );
        lines.extend(
            timeout
                .iter()
                .map(|timeout| format!("timeout: {}", show_duration(*timeout))),
        );
        lines.extend(serialize.iter().map(|serialize| {
            let word = match serialize.as_ref().map(|serialize| serialize.alone) {
                None => "Off",
                Some(Alone::Every) => "On",
                Some(Alone::Writes) => "Writes",
            };
            format!("serialize: {word}")
        }));
        lines.extend(
            reuse
                .iter()
                .map(|reuse| format!("reuse: {}", show_reuse(*reuse))),
        );
        lines.extend(
            memory_limit
                .iter()
                .map(|limit| format!("memory limit: {}", show_size(*limit))),
        );
        lines.extend(log_limit.iter().map(|limit| match limit {
            Some(limit) => format!("log limit: {} a second", show_size(*limit)),
            None => "log limit: none".to_owned(),
        }));
        lines.extend(
            max_open_files
                .iter()
                .map(|limit| format!("open files: {limit}")),
        );
        lines
    }
}

impl ServerSettings {
    /// One line for each value that is set.
    #[must_use]
    pub fn describe(&self) -> Vec<String> {
        let ServerSettings {
            max_instances,
            cache_dir,
            cache_max,
            compile_limit,
            garbage_collection,
        } = self;
        let mut lines = Vec::new();
        lines.extend(
            max_instances
                .iter()
                .map(|n| format!("instances in one child: {n}")),
        );
        lines.extend(cache_dir.iter().map(|dir| match dir {
            CacheDir::None => "compiled programs: not kept".to_owned(),
            CacheDir::Path(path) => format!("compiled programs: {}", shown(path)),
        }));
        lines.extend(
            cache_max
                .iter()
                .map(|size| format!("compiled programs, at most: {}", show_size(*size))),
        );
        lines.extend(compile_limit.iter().map(|limit| {
            format!(
                "compiling one program: time={} memory={} size={} wait={}",
                show_duration(limit.time),
                show_size(limit.memory),
                show_size(limit.size),
                show_duration(limit.wait)
            )
        }));
        lines.extend(
            garbage_collection
                .iter()
                .map(|on| format!("garbage collection: {}", on_off(*on))),
        );
        lines
    }
}

fn show_outbound(patterns: &[Pattern]) -> Vec<String> {
    if patterns.is_empty() {
        return vec!["outbound: none".to_owned()];
    }
    patterns
        .iter()
        .map(|pattern| format!("outbound: {pattern}"))
        .collect()
}

fn show_temp_dir(temp_dir: Option<&TempDir>) -> String {
    match temp_dir {
        None => "none".to_owned(),
        Some(TempDir { guest, max, files }) => {
            format!("{guest} max={} files={files}", show_size(*max))
        }
    }
}

fn show_reuse(reuse: Option<Reuse>) -> String {
    let Some(Reuse {
        requests,
        concurrent,
        idle,
    }) = reuse
    else {
        return "Off".to_owned();
    };
    let idle = show_duration(idle);
    format!("requests={requests} concurrent={concurrent} idle={idle}")
}

fn show_script_log(log: Option<&ScriptLog>) -> String {
    let Some(log) = log else {
        return "none".to_owned();
    };
    let (max, body) = (show_size(log.max), show_size(log.body));
    format!("{} max={max} body={body}", shown(&log.path))
}

fn optional(module: &ModuleRef) -> &'static str {
    if module.optional { " optional" } else { "" }
}

fn on_off(value: bool) -> &'static str {
    if value { "On" } else { "Off" }
}
