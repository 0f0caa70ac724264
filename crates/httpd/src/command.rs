//! Directives: the table that httpd reads, and one line of configuration as the module gets it. Must not know which
//! directives there are.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::{ptr, slice};

use httpd_sys as sys;

use crate::guard;
use crate::module::Module;
use crate::pool::Pool;
use crate::table::bytes;

/// How many arguments httpd insists on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// `TAKE1`
    One,
    /// `TAKE2`
    Two,
    /// `TAKE12`
    OneOrTwo,
    /// `TAKE_ARGV`: any number, also none, in one call; 64 or more are refused.
    Many,
}

/// A line with this many arguments is refused: httpd drops silently what comes after them (`AP_MAX_ARGC` of its
/// `server/config.c`), so nobody can tell whether there was more.
const MOST_ARGUMENTS: usize = 64;

/// Where a directive may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The main server's configuration, outside of sections.
    Global,
    /// Configuration files, never `.htaccess`, not even by `AllowOverrideList`.
    Configuration,
    /// Configuration files, and `.htaccess` where `AllowOverride FileInfo` holds.
    ConfigurationAndHtaccess,
}

/// One directive, as httpd must know it.
#[derive(Debug, Clone, Copy)]
pub struct CommandSpec {
    /// Its name.
    pub name: &'static str,
    /// How many arguments.
    pub arity: Arity,
    /// Where.
    pub place: Place,
    /// What httpd adds to its complaint about the number of arguments.
    pub help: &'static str,
}

/// Name and help of one directive as C strings.
#[derive(Debug)]
pub struct CommandTexts {
    name: [u8; 48],
    help: [u8; 160],
}

/// The C strings of all directives. Made when the module is compiled, because httpd reads the table before it calls any
/// function of the module. A text that is too long does not compile.
#[must_use]
pub const fn command_texts<const N: usize>(specs: &[CommandSpec; N]) -> [CommandTexts; N] {
    let mut texts = [const {
        CommandTexts {
            name: [0; 48],
            help: [0; 160],
        }
    }; N];
    let mut i = 0;
    while i < N {
        texts[i] = CommandTexts {
            name: c_array(specs[i].name),
            help: c_array(specs[i].help),
        };
        i += 1;
    }
    texts
}

const fn c_array<const N: usize>(text: &str) -> [u8; N] {
    let (text, mut array) = (text.as_bytes(), [0; N]);
    assert!(
        text.len() < N,
        "the name or help of a directive is too long"
    );
    let mut i = 0;
    while i < text.len() {
        array[i] = text[i];
        i += 1;
    }
    array
}

/// httpd's table of directives, with the empty one that ends it.
pub struct Commands<const N: usize>([sys::command_rec; N]);

// SAFETY: the table is never changed, and what its pointers lead to is static and never changed either.
unsafe impl<const N: usize> Sync for Commands<N> {}

impl<const N: usize> Commands<N> {
    pub(crate) const fn as_ptr(&'static self) -> *const sys::command_rec {
        self.0.as_ptr()
    }
}

/// The table for `specs`; `END` must be one more than `N`.
#[must_use]
pub const fn commands<M: Module, const N: usize, const END: usize>(
    specs: &[CommandSpec; N],
    texts: &'static [CommandTexts; N],
) -> Commands<END> {
    assert!(END == N + 1, "the table needs one entry more, for its end");
    let mut table = [EMPTY; END];
    let mut i = 0;
    while i < N {
        let (how, func) = match specs[i].arity {
            Arity::One => (
                sys::TAKE1,
                sys::cmd_func {
                    take1: Some(take1::<M>),
                },
            ),
            Arity::Two => (
                sys::TAKE2,
                sys::cmd_func {
                    take2: Some(take2::<M>),
                },
            ),
            Arity::OneOrTwo => (
                sys::TAKE12,
                sys::cmd_func {
                    take2: Some(take2::<M>),
                },
            ),
            Arity::Many => (
                sys::TAKE_ARGV,
                sys::cmd_func {
                    take_argv: Some(take_argv::<M>),
                },
            ),
        };
        table[i] = sys::command_rec {
            name: texts[i].name.as_ptr().cast(),
            func,
            // Carries a number, not an address: which of the directives this is.
            cmd_data: ptr::without_provenance_mut(i),
            req_override: specs[i].place.overrides(),
            args_how: how,
            errmsg: texts[i].help.as_ptr().cast(),
        };
        i += 1;
    }
    Commands(table)
}

const EMPTY: sys::command_rec = sys::command_rec {
    name: ptr::null(),
    func: sys::cmd_func { no_args: None },
    cmd_data: ptr::null_mut(),
    req_override: 0,
    args_how: sys::RAW_ARGS,
    errmsg: ptr::null(),
};

impl Place {
    const fn overrides(self) -> c_int {
        match self {
            Place::Global => sys::RSRC_CONF.cast_signed(),
            Place::Configuration => (sys::RSRC_CONF | sys::ACCESS_CONF).cast_signed(),
            Place::ConfigurationAndHtaccess => sys::OR_FILEINFO.cast_signed(),
        }
    }

    /// What `ap_check_cmd_context` must refuse. `AllowOverrideList` passes over `req_override`, so that alone is no bar.
    const fn forbidden(self) -> c_uint {
        match self {
            Place::Global => sys::GLOBAL_ONLY,
            Place::Configuration => sys::NOT_IN_HTACCESS,
            Place::ConfigurationAndHtaccess => 0,
        }
    }

    /// Reads it back from the table that httpd points to.
    fn of(req_override: c_int) -> Place {
        [Place::Global, Place::Configuration]
            .into_iter()
            .find(|place| place.overrides() == req_override)
            .unwrap_or(Place::ConfigurationAndHtaccess)
    }
}

/// One line of configuration, while it is being read.
#[derive(Debug)]
pub struct Command<'c> {
    parms: &'c sys::cmd_parms,
    /// Which directive: its place in the table.
    pub index: usize,
    /// The arguments, without quotes.
    pub arguments: Vec<&'c [u8]>,
}

/// A section around a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section<'c> {
    /// `<Location` and the like: without the closing bracket.
    pub name: &'c [u8],
    /// Everything behind it, with the closing bracket.
    pub arguments: &'c [u8],
}

impl<'c> Command<'c> {
    /// The file and the line where it stands.
    #[must_use]
    pub fn place(&self) -> (String, u32) {
        // SAFETY: null or the directive that is being read, part of the configuration tree.
        let Some(directive) = (unsafe { self.parms.directive.as_ref() }) else {
            return (String::new(), 0);
        };
        // SAFETY: the name of a configuration file, as long-lived as the tree.
        let file = unsafe { bytes(directive.filename) }.unwrap_or_default();
        (
            String::from_utf8_lossy(file).into_owned(),
            u32::try_from(directive.line_num).unwrap_or(0),
        )
    }

    /// Is it being read from a `.htaccess` file, during a request?
    #[must_use]
    pub fn in_htaccess(&self) -> bool {
        // This is how httpd itself tells: only there is what is read as short-lived as the reading.
        ptr::eq(self.parms.pool, self.parms.temp_pool)
    }

    /// The line, for functions of httpd that only read it.
    pub(crate) fn as_ptr(&self) -> *const sys::cmd_parms {
        ptr::from_ref(self.parms)
    }

    /// The pool of what the line makes.
    pub(crate) fn pool(&self) -> Option<Pool<'c>> {
        // SAFETY: null or the pool that the line is read with, alive while it is read.
        unsafe { Pool::from_raw(self.parms.pool) }
    }

    /// The sections around the line, from the inside out.
    pub fn sections(&self) -> impl Iterator<Item = Section<'c>> {
        // SAFETY: null or the directive that is being read.
        let directive = unsafe { self.parms.directive.as_ref::<'c>() };
        let mut next = directive.map_or(ptr::null_mut(), |directive| directive.parent);
        std::iter::from_fn(move || {
            // SAFETY: null or a section of the configuration tree, which lives while the configuration is read.
            let section = unsafe { next.as_ref::<'c>() }?;
            next = section.parent;
            // SAFETY: strings of the tree, as long-lived as the tree.
            let name = unsafe { bytes(section.directive) }.unwrap_or_default();
            // SAFETY: as the name.
            let arguments = unsafe { bytes(section.args) }.unwrap_or_default();
            Some(Section { name, arguments })
        })
    }

    /// `path` made absolute, relative to `ServerRoot`; `None` if it cannot be a path.
    #[must_use]
    pub fn server_root_relative(&self, path: &str) -> Option<String> {
        let path = CString::new(path).ok()?;
        // SAFETY: the pool is alive while the line is read, and the path ends with a NUL.
        let absolute = unsafe { sys::ap_server_root_relative(self.parms.pool, path.as_ptr()) };
        // SAFETY: null or a string in that pool.
        let absolute = unsafe { bytes(absolute) }?;
        String::from_utf8(absolute.to_vec()).ok()
    }
}

unsafe extern "C" fn take1<M: Module>(
    parms: *mut sys::cmd_parms,
    config: *mut c_void,
    first: *const c_char,
) -> *const c_char {
    // SAFETY: httpd passes what it passes to every directive with one argument.
    unsafe { run::<M>(parms, config, &[first]) }
}

unsafe extern "C" fn take2<M: Module>(
    parms: *mut sys::cmd_parms,
    config: *mut c_void,
    first: *const c_char,
    second: *const c_char,
) -> *const c_char {
    // SAFETY: httpd passes what it passes to every directive with two arguments; the second may be null with TAKE12.
    unsafe { run::<M>(parms, config, &[first, second]) }
}

unsafe extern "C" fn take_argv<M: Module>(
    parms: *mut sys::cmd_parms,
    config: *mut c_void,
    argc: c_int,
    argv: *const *mut c_char,
) -> *const c_char {
    let arguments = match usize::try_from(argc) {
        Ok(argc) if argc > 0 && !argv.is_null() => {
            // SAFETY: httpd passes an array of that many strings, which lives for the call; pointers to constant and to
            // other characters have one layout.
            unsafe { slice::from_raw_parts(argv.cast::<*const c_char>(), argc) }
        }
        _ => &[],
    };
    // SAFETY: httpd passes what it passes to every directive that takes all arguments in one call.
    unsafe { run::<M>(parms, config, arguments) }
}

/// Returns null, or the error as a string of the configuration's pool.
///
/// # Safety
/// `parms` and `config` as httpd passes them for a directive of `M`; `arguments` null or C strings that live for the call.
unsafe fn run<M: Module>(
    parms: *mut sys::cmd_parms,
    config: *mut c_void,
    arguments: &[*const c_char],
) -> *const c_char {
    let body = || {
        // SAFETY: httpd passes the line that it is reading.
        let parms = unsafe { parms.as_ref() }.ok_or("no line")?;
        refuse_place(parms)?;
        if arguments.len() >= MOST_ARGUMENTS {
            return Err(too_many(parms));
        }
        // SAFETY: httpd passes what `create_dir_config` made for this section, to nobody else at this time.
        let config = unsafe { config.cast::<M::DirConfig>().as_mut() }.ok_or("no configuration")?;
        // SAFETY: null or a C string of the line.
        let arguments = arguments
            .iter()
            .filter_map(|&argument| unsafe { bytes(argument) })
            .collect();
        M::command(
            &Command {
                parms,
                index: parms.info.addr(),
                arguments,
            },
            config,
        )
    };
    let result = guard::guard_with(body, |text| {
        M::panicked(text);
        Err(format!("internal error: {text}"))
    });
    match result {
        Ok(()) => ptr::null(),
        // SAFETY: `parms` is alive, and so is its pool.
        Err(error) => unsafe { error_string(parms, &error) },
    }
}

/// Refuses a line that httpd may have cut short.
fn too_many(parms: &sys::cmd_parms) -> String {
    // SAFETY: httpd sets the table's entry before it calls the directive's function.
    let entry = unsafe { parms.cmd.as_ref() };
    // SAFETY: the name in our own table, a C string that lives for ever.
    let name = entry.and_then(|entry| unsafe { bytes(entry.name) });
    format!(
        "{}: {MOST_ARGUMENTS} arguments or more; write several lines",
        String::from_utf8_lossy(name.unwrap_or_default())
    )
}

/// httpd's own words for a directive that stands where it must not.
fn refuse_place(parms: &sys::cmd_parms) -> Result<(), String> {
    // SAFETY: httpd sets the table's entry before it calls the directive's function.
    let Some(entry) = (unsafe { parms.cmd.as_ref() }) else {
        return Ok(());
    };
    let parms = ptr::from_ref(parms).cast_mut();
    // SAFETY: the function only reads the line.
    let refusal =
        unsafe { sys::ap_check_cmd_context(parms, Place::of(entry.req_override).forbidden()) };
    // SAFETY: null or a string in the line's pool.
    match unsafe { bytes(refusal) } {
        None => Ok(()),
        Some(text) => Err(String::from_utf8_lossy(text).into_owned()),
    }
}

/// # Safety
/// `parms` must be null or a live line.
unsafe fn error_string(parms: *mut sys::cmd_parms, error: &str) -> *const c_char {
    const UNKNOWN: &CStr = c"the directive failed";
    // SAFETY: the caller vouches for it.
    let pool = unsafe { parms.as_ref() }.map_or(ptr::null_mut(), |parms| parms.pool);
    // SAFETY: the pool that the line is read with, alive.
    unsafe { Pool::from_raw(pool) }.map_or(UNKNOWN.as_ptr(), |pool| pool.string(error))
}
