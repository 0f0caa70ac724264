//! Generates the raw bindings from the headers of the installed httpd, so that they always fit the server the module
//! will be loaded into. Asks `apxs` and `apr-config` where the headers are and how they want to be read.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the wrapper crate uses. Everything else stays out: bindgen on all of httpd takes ten times as long.
const FUNCTIONS: &[&str] = &[
    "ap_(add_cgi_vars|add_common_vars|add_version_component|bucket_error_create|check_cmd_context)",
    "ap_(add_output_filter(_handle)?|allow_options|construct_server|get_server_(name_for_url|port)|meets_conditions|os_escape_path)",
    "ap_(register_output_filter|remove_output_filter|run_http_scheme|send_interim_response)",
    "ap_(set_content_length|set_last_modified|update_mtime)",
    "ap_expr_(parse_cmd_mi|str_exec)",
    "ap_(filter_flush|get_brigade|get_conn_socket|get_limit_req_body|get_module_config|get_server_banner)",
    "ap_get_((request|server)_module_loglevel|status_line)",
    "ap_(getword_conf|resolve_env)",
    "ap_(hook_(pre_config|check_config|post_config|child_init|handler))",
    "ap_(internal_redirect_handler|log_error_|log_perror_|log_rerror_|map_http_request_error|mpm_query|pass_brigade)",
    "ap_(runtime_dir_relative|scan_script_header_err_brigade_ex|server_root_relative|set_content_type|state_query)",
    "apr_brigade_(cleanup|create|destroy|write)",
    "apr_bucket_(delete|eos_create|flush_create|heap_create|split|transient_create)",
    "apr_date_parse_http",
    "apr_ctime|apr_time_now",
    "apr_os_sock_get",
    "apr_palloc|apr_pstrmemdup|apr_pool_cleanup_null|apr_pool_cleanup_register",
    "apr_strerror",
    "apr_table_(addn|elts|get|set|unset|clear)",
];
const TYPES: &[&str] = &[
    "module",
    "command_rec",
    "cmd_parms",
    "ap_directive_t",
    "request_rec",
    "server_rec",
    "conn_rec",
    "apr_table_entry_t",
    "ap_filter_t",
    "apr_bucket_type_t",
    "ap_bucket_error",
];
const VARS: &[&str] = &[
    "AP_(MPMQ|SQ)_.*",
    "AP_EXPR_FLAG_(RESTRICTED|STRING_RESULT)",
    "AP_FTYPE_.*",
    "ap_unixd_config",
    "ap_(conftree|loaded_modules|server_root)",
    "AP_REQ_.*",
    "APLOG_.*",
    "AP_FILTER_ERROR",
    "AP_NOBODY_WROTE",
    "APR_(SUCCESS|EAGAIN|EOF|ENOSPC|ETIMEDOUT|EGENERAL|HOOK_MIDDLE|INCOMPLETE|TIMEUP)",
    "DECLINED",
    "DONE",
    "OK",
    "DEFAULT_LIMIT_REQ.*",
    "HTTP_[A-Z_]+",
    "M_GET",
    "GLOBAL_ONLY",
    "NOT_IN_HTACCESS",
    "RSRC_CONF",
    "ACCESS_CONF",
    "OR_FILEINFO",
    "OPT_EXECCGI",
    "MODULE_MAGIC_(COOKIE|NUMBER_MAJOR|NUMBER_MINOR)",
    "APR_BUCKET_BUFF_SIZE",
    "APR_CTIME_LEN",
    "AP_IOBUFSIZE",
    "apr_bucket_type_(eos|flush)",
];

const HEADERS: &str = "
#include <httpd.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>
#include <ap_expr.h>
#include <ap_mpm.h>
#include <util_filter.h>
#include <unixd.h>
#include <util_script.h>
#include <apr_buckets.h>
#include <apr_date.h>
#include <apr_portable.h>
#include <apr_strings.h>
";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=APXS");
    let apxs = find_apxs()?;
    let include_dir = query(&apxs, "INCLUDEDIR")?;
    println!("cargo::rerun-if-changed={include_dir}/ap_release.h");
    let bindings = builder(&apxs, &include_dir)?.generate()?;
    bindings.write_to_file(Path::new(&env::var("OUT_DIR")?).join("bindings.rs"))?;
    Ok(())
}

fn builder(apxs: &Path, include_dir: &str) -> Result<bindgen::Builder, Box<dyn Error>> {
    let mut builder = bindgen::Builder::default()
        .header_contents("mod_wasm_httpd.h", HEADERS)
        .clang_arg(format!("-I{include_dir}"))
        .clang_args(apr_flags(apxs)?)
        // The comments of httpd's headers are not ours to copy, and are not Markdown.
        .generate_comments(false)
        .layout_tests(false)
        .prepend_enum_name(false)
        .wrap_unsafe_ops(true);
    for item in FUNCTIONS {
        builder = builder.allowlist_function(item);
    }
    for item in TYPES {
        builder = builder.allowlist_type(item);
    }
    for item in VARS {
        builder = builder.allowlist_var(item);
    }
    Ok(builder)
}

/// `$APXS`, or the first of the names under which distributions install it.
fn find_apxs() -> Result<PathBuf, Box<dyn Error>> {
    let usual = [
        "apxs",
        "apxs2",
        "/usr/sbin/apxs",
        "/usr/local/apache2/bin/apxs",
    ];
    let candidates = match env::var_os("APXS") {
        Some(named) => vec![PathBuf::from(named)],
        None => usual.map(PathBuf::from).to_vec(),
    };
    for candidate in candidates {
        if Command::new(&candidate)
            .args(["-q", "INCLUDEDIR"])
            .output()
            .is_ok_and(|out| out.status.success())
        {
            return Ok(candidate);
        }
    }
    Err("apxs not found: it tells where httpd's headers are. Install httpd with its development files \
         (Debian, Ubuntu: apt-get install apache2 apache2-dev; Fedora: dnf install httpd httpd-devel), \
         or name it in the environment variable APXS."
        .into())
}

fn query(apxs: &Path, name: &str) -> Result<String, Box<dyn Error>> {
    output(Command::new(apxs).args(["-q", name]))
}

/// The compiler flags of APR. They matter: the large-file macros decide how wide `apr_off_t` is.
fn apr_flags(apxs: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let configured = query(apxs, "APR_CONFIG").unwrap_or_default();
    let names = [configured.as_str(), "apr-config", "apr-1-config"];
    let flags = names
        .iter()
        .filter(|name| !name.is_empty())
        .find_map(|name| output(Command::new(name).args(["--includes", "--cppflags"])).ok());
    let flags = flags.ok_or(
        "apr-config not found: it tells where APR's headers are. Install the development files of APR \
         (Debian, Ubuntu: apt-get install libapr1-dev libaprutil1-dev; Fedora: dnf install apr-devel apr-util-devel).",
    )?;
    Ok(flags.split_whitespace().map(str::to_owned).collect())
}

fn output(command: &mut Command) -> Result<String, Box<dyn Error>> {
    let out = command.output()?;
    if !out.status.success() {
        return Err(format!(
            "{command:?} failed: {}",
            String::from_utf8_lossy(&out.stderr)
        )
        .into());
    }
    Ok(String::from_utf8(out.stdout)?.trim().to_owned())
}
