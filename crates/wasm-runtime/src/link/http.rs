//! Bounds for the texts of an outgoing request of `wasi:http`: they are kept as long as the request is, and are longer than
//! these in no honest program. What is too long is refused as what is none by the grammar.
//!
//! Each function stands in front of the one of wasmtime-wasi-http. Header fields have a bound there.

use crate::state::HostState;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types as p2;
use wasmtime_wasi_http::p3::bindings::http::types as p3;
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

/// Bytes of a method or a scheme. The longest method that is registered has 17.
const WORD: usize = 64;

/// Bytes of host and port. A name has at most 253.
const AUTHORITY: usize = 1024;

/// Bytes of path and query: all that an URI can have in the `http` crates.
const PATH: usize = 65534;

/// What a function of the form "set this text" answers.
type Set = wasmtime::Result<(Result<(), ()>,)>;

type Context<'a> = StoreContextMut<'a, HostState>;

fn within(text: Option<&String>, most: usize) -> bool {
    text.is_none_or(|text| text.len() <= most)
}

/// Calls the function behind, unless the text is too long.
fn set(
    mut context: Context<'_>,
    fits: bool,
    behind: impl FnOnce(&mut WasiHttpCtxView<'_>) -> wasmtime::Result<Result<(), ()>>,
) -> Set {
    match fits {
        true => Ok((behind(&mut context.data_mut().http())?,)),
        false => Ok((Err(()),)),
    }
}

/// Puts the bounds in front of WASI 0.2, which must be linked.
pub fn bound_p2(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    use p2::HostOutgoingRequest as Behind;
    type Request = Resource<p2::OutgoingRequest>;
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:http/types@0.2.12")?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |context: Context<'_>, (request, method): (Request, p2::Method)| {
            let fits = match &method {
                p2::Method::Other(method) => method.len() <= WORD,
                _ => true,
            };
            set(context, fits, |http| {
                Behind::set_method(http, request, method)
            })
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-scheme",
        |context: Context<'_>, (request, scheme): (Request, Option<p2::Scheme>)| {
            let fits = match &scheme {
                Some(p2::Scheme::Other(scheme)) => scheme.len() <= WORD,
                _ => true,
            };
            set(context, fits, |http| {
                Behind::set_scheme(http, request, scheme)
            })
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |context: Context<'_>, (request, authority): (Request, Option<String>)| {
            let fits = within(authority.as_ref(), AUTHORITY);
            set(context, fits, |http| {
                Behind::set_authority(http, request, authority)
            })
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-path-with-query",
        |context: Context<'_>, (request, path): (Request, Option<String>)| {
            let fits = within(path.as_ref(), PATH);
            set(context, fits, |http| {
                Behind::set_path_with_query(http, request, path)
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Puts the bounds in front of WASI 0.3, which must be linked.
pub fn bound_p3(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    use p3::HostRequest as Behind;
    type Request = Resource<p3::Request>;
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:http/types@0.3.0")?;
    types.func_wrap(
        "[method]request.set-method",
        |context: Context<'_>, (request, method): (Request, p3::Method)| {
            let fits = match &method {
                p3::Method::Other(method) => method.len() <= WORD,
                _ => true,
            };
            set(context, fits, |http| {
                Behind::set_method(http, request, method)
            })
        },
    )?;
    types.func_wrap(
        "[method]request.set-scheme",
        |context: Context<'_>, (request, scheme): (Request, Option<p3::Scheme>)| {
            let fits = match &scheme {
                Some(p3::Scheme::Other(scheme)) => scheme.len() <= WORD,
                _ => true,
            };
            set(context, fits, |http| {
                Behind::set_scheme(http, request, scheme)
            })
        },
    )?;
    types.func_wrap(
        "[method]request.set-authority",
        |context: Context<'_>, (request, authority): (Request, Option<String>)| {
            let fits = within(authority.as_ref(), AUTHORITY);
            set(context, fits, |http| {
                Behind::set_authority(http, request, authority)
            })
        },
    )?;
    types.func_wrap(
        "[method]request.set-path-with-query",
        |context: Context<'_>, (request, path): (Request, Option<String>)| {
            let fits = within(path.as_ref(), PATH);
            set(context, fits, |http| {
                Behind::set_path_with_query(http, request, path)
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
