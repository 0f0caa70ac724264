//! The directive table. Everything said about a directive is said once, in its own file; httpd's command table, the
//! reference documentation and the tests are made from it. A new directive is one file and one line here.

use crate::args::{Args, Paths};
use crate::settings::{ServerSettings, Settings};

mod dirs;
mod parts;
mod wasm_allow_outbound;
mod wasm_arg;
mod wasm_body_without_length;
mod wasm_cache_dir;
mod wasm_compile_limit;
mod wasm_config;
mod wasm_dir;
mod wasm_enable_cgi;
mod wasm_entry_point;
mod wasm_env;
mod wasm_garbage_collection;
mod wasm_log_limit;
mod wasm_map_cgi_file_names;
mod wasm_map_dir;
mod wasm_max_instances;
mod wasm_max_open_files;
mod wasm_memory_limit;
mod wasm_module;
mod wasm_nph;
mod wasm_outbound_limit;
mod wasm_query_args;
mod wasm_reuse;
mod wasm_script_log;
mod wasm_serialize;
mod wasm_temp_dir;
mod wasm_timeout;

/// Every directive, in the order of the documentation.
pub static DIRECTIVES: &[&Directive] = &[
    &wasm_module::WASM_MODULE,
    &wasm_entry_point::WASM_ENTRY_POINT,
    &wasm_arg::WASM_ARG,
    &wasm_query_args::WASM_QUERY_ARGS,
    &wasm_env::WASM_ENV,
    &wasm_config::WASM_CONFIG,
    &wasm_dir::WASM_DIR,
    &wasm_map_dir::WASM_MAP_DIR,
    &wasm_temp_dir::WASM_TEMP_DIR,
    &wasm_allow_outbound::WASM_ALLOW_OUTBOUND,
    &wasm_outbound_limit::WASM_OUTBOUND_LIMIT,
    &wasm_enable_cgi::WASM_ENABLE_CGI,
    &wasm_map_cgi_file_names::WASM_MAP_CGI_FILE_NAMES,
    &wasm_body_without_length::WASM_BODY_WITHOUT_LENGTH,
    &wasm_nph::WASM_NPH,
    &wasm_script_log::WASM_SCRIPT_LOG,
    &wasm_log_limit::WASM_LOG_LIMIT,
    &wasm_timeout::WASM_TIMEOUT,
    &wasm_serialize::WASM_SERIALIZE,
    &wasm_reuse::WASM_REUSE,
    &wasm_memory_limit::WASM_MEMORY_LIMIT,
    &wasm_max_open_files::WASM_MAX_OPEN_FILES,
    &wasm_max_instances::WASM_MAX_INSTANCES,
    &wasm_cache_dir::WASM_CACHE_DIR,
    &wasm_compile_limit::WASM_COMPILE_LIMIT,
    &wasm_garbage_collection::WASM_GARBAGE_COLLECTION,
];

/// The directive called `name`, in any case, as httpd looks it up.
#[must_use]
pub fn directive(name: &str) -> Option<&'static Directive> {
    DIRECTIVES
        .iter()
        .copied()
        .find(|directive| directive.name.eq_ignore_ascii_case(name))
}

/// One directive: all that is known about it.
#[derive(Debug)]
pub struct Directive {
    /// The name, as it is documented.
    pub name: &'static str,
    /// Name and arguments, for the documentation.
    pub syntax: &'static str,
    /// How many arguments httpd insists on.
    pub arity: Arity,
    /// Where it may stand.
    pub contexts: Contexts,
    /// What holds where it is missing, for the documentation.
    pub default: &'static str,
    /// The first version that has it.
    pub since: &'static str,
    /// One line; also the hint in httpd's own error about the number of arguments.
    pub summary: &'static str,
    /// The description, Markdown.
    pub text: &'static str,
    /// Lines that are right, with what they give. May hold placeholders, see [`Places`](crate::Places).
    pub examples: &'static [Example],
    /// Values that are refused, with the message.
    pub rejects: &'static [Reject],
    /// The setter.
    pub apply: Apply,
}

impl Directive {
    /// Applies one line. The error is complete, with the directive's name, and goes to httpd as it is.
    ///
    /// # Errors
    /// What is wrong with the arguments; nothing has been changed then.
    pub fn set(
        &self,
        settings: &mut Settings,
        server: &mut ServerSettings,
        args: &Args<'_>,
        paths: &dyn Paths,
    ) -> Result<(), String> {
        match self.apply {
            Apply::Dir(apply) => apply(settings, args, paths),
            Apply::Server(apply) => apply(server, args, paths),
        }
        .map_err(|reason| self.error(&reason))
    }

    /// `reason` with the directive's name before it: the one place that adds it, so all errors look alike.
    #[must_use]
    pub fn error(&self, reason: &str) -> String {
        format!("{}: {reason}", self.name)
    }
}

/// How many arguments a directive takes: httpd's `command_rec` kinds. There is no FLAG: `On|Off` is a `One` that we
/// check, so that the error quotes what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// TAKE1
    One,
    /// TAKE2
    Two,
    /// TAKE12; httpd passes a null pointer for a second argument that is missing or empty.
    OneOrTwo,
    /// TAKE_ARGV: all arguments of a line in one call, so that a line is right or changes nothing.
    Many,
}

/// Where a directive may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contexts {
    /// The main server's configuration outside all sections: RSRC_CONF, and `ap_check_cmd_context(GLOBAL_ONLY)`.
    Global,
    /// The configuration files, inside and outside of sections, never `.htaccess`: RSRC_CONF | ACCESS_CONF.
    Configuration,
    /// As `Configuration`, and `.htaccess` where `AllowOverride FileInfo` holds: OR_FILEINFO.
    ConfigurationAndHtaccess,
}

impl Contexts {
    /// As the documentation says it.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Contexts::Global => "server config",
            Contexts::Configuration => "server config, virtual host, directory",
            Contexts::ConfigurationAndHtaccess => {
                "server config, virtual host, directory, .htaccess"
            }
        }
    }

    /// The `AllowOverride` group that opens it to `.htaccess`; `None`: never there.
    #[must_use]
    pub fn override_group(self) -> Option<&'static str> {
        match self {
            Contexts::Global | Contexts::Configuration => None,
            Contexts::ConfigurationAndHtaccess => Some("FileInfo"),
        }
    }
}

/// A setter of a per-directory value. Its error does not repeat the directive's name.
pub type ApplyDir = fn(&mut Settings, &Args<'_>, &dyn Paths) -> Result<(), String>;
/// A setter of a server-wide value. Its error does not repeat the directive's name.
pub type ApplyServer = fn(&mut ServerSettings, &Args<'_>, &dyn Paths) -> Result<(), String>;

/// What a directive fills.
#[derive(Debug, Clone, Copy)]
pub enum Apply {
    /// The settings of the section it stands in.
    Dir(ApplyDir),
    /// The settings of the whole server.
    Server(ApplyServer),
}

/// Lines that are right.
#[derive(Debug)]
pub struct Example {
    /// What it is for: one phrase.
    pub title: &'static str,
    /// Configuration lines, all of them ours.
    pub lines: &'static str,
    /// What they give: exactly what `describe` says of settings that were empty before.
    pub gives: &'static [&'static str],
}

/// Arguments that are refused.
#[derive(Debug)]
pub struct Reject {
    /// The arguments, as written in the configuration.
    pub arguments: &'static str,
    /// The whole message without the directive's name; of a [`FoundBy::Check`], a part of it.
    pub message: &'static str,
    /// When it is found.
    pub found_by: FoundBy,
}

/// When a bad value is found; both are before the server starts and in `apachectl -t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// By the setter, when the line is read.
    Line,
    /// After all lines have been read, when the modules are looked at.
    Check,
}
