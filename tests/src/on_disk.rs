//! Servers whose programs, or the scripts of an interpreter, are files below `htdocs`.

use crate::paths;
use crate::setup::Setup;
use crate::wat_guest::{self, Then};
use std::fs;

/// A server where every `.wasm` file is a program, with the probe as `/probe.wasm`, which shows its environment.
pub fn programs() -> Setup {
    Setup::new()
        .module("mime")
        .conf("AddHandler wasm-handler .wasm")
        .conf("<Directory ${ROOT}/htdocs>\nOptions +ExecCGI\nWasmArg env\n</Directory>")
        .file("htdocs/probe.wasm", guest("probe"))
}

/// A server where every `.tpl` file is a script of the guest `template`, which sees `htdocs` as `/site`.
pub fn scripts() -> Setup {
    Setup::new().conf(
        "<Directory ${ROOT}/htdocs>\nOptions +ExecCGI\nWasmMapDir /site ${ROOT}/htdocs\n\
         <FilesMatch \"\\.tpl$\">\nSetHandler wasm-handler\nWasmModule ${GUESTS}/template.wasm\n</FilesMatch>\n</Directory>",
    )
}

/// The file of a guest.
pub fn guest(name: &str) -> Vec<u8> {
    fs::read(paths::guest(name)).unwrap()
}

/// A program that answers with that text.
pub fn program_saying(text: &str) -> Vec<u8> {
    let output = format!("Content-Type: text/plain\r\n\r\n{text}");
    wat_guest::printing(output.as_bytes(), Then::Return)
}

/// A script that answers with that text and a line end; `{NAME}` stands for a variable.
pub fn script_saying(text: &str) -> String {
    format!("Content-Type: text/plain\n\n{text}\n")
}

/// A script that answers with variables, a line each, those that are not set as empty ones.
pub fn script_showing(names: &[&str]) -> String {
    let lines: Vec<String> = names
        .iter()
        .map(|name| format!("{name}={{{name}}}\n"))
        .collect();
    format!("Content-Type: text/plain\n\n{}", lines.concat())
}
