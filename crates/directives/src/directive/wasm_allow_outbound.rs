//! WasmAllowOutbound: where the guest may connect to. What a pattern means is `destination`'s to say.

use destination::Pattern;

use super::{Apply, Arity, Contexts, Directive, Example, FoundBy, Reject};
use crate::args::{Args, Paths};
use crate::settings::Settings;

/// Takes everything back.
const NONE: &str = "none";

pub static WASM_ALLOW_OUTBOUND: Directive = Directive {
    name: "WasmAllowOutbound",
    syntax: "WasmAllowOutbound none|<pattern>...",
    arity: Arity::Many,
    contexts: Contexts::Configuration,
    default: "none",
    since: "0.2",
    summary: "where the program may connect to: none, or patterns like https://api.example.com",
    text: "A program connects to nothing unless it is granted here: neither with HTTP requests of its own \
           (`wasi:http`) nor with sockets (`wasi:sockets`).\n\n\
           A pattern is `[scheme://]host[:port]`:\n\n\
           - *scheme*: `http` or `https`; without one, both. `tcp` and `udp` grant raw sockets.\n\
           - *host*: a name; `*.example.com` for every name below `example.com`, at any depth, but not `example.com` \
           itself; `*` for any host; an IPv4 address; an IPv6 address in brackets, `[2001:db8::1]`; or a block of \
           addresses, `10.0.0.0/8` or `[fd00::]/8`. Case does not count.\n\
           - *port*: a number, or `*` for any; without one, the scheme's own: 80 or 443. `tcp` and `udp` need one.\n\n\
           A whole server is granted: a pattern has no path. Several lines of one section add up. A grant is one value: \
           a section that has any `WasmAllowOutbound` replaces the grants of the sections around it. `none` takes back \
           those, and what stands before it in its own section.\n\n\
           **Special addresses.** Loopback, private, link-local (where clouds have their metadata service), multicast \
           and all other addresses that are not public need a pattern that names *the address*: as itself, by a block, \
           or by the name `localhost`, which stands for loopback. `*` and other names do not reach them. Every address \
           that a name resolves to is checked before it is dialled, and it is that address which is dialled; so nobody \
           who controls a name can lead the program into the network behind the server. To let it reach \
           `db.internal` at 10.0.0.5, grant both: `WasmAllowOutbound http://db.internal:8080 http://10.0.0.5:8080`. An \
           IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4) is judged by that too. An address that the \
           program itself writes instead of a name needs a pattern that names it, or, if it is public, `*`. Spellings \
           such as `127.1` or `0x7f000001` are refused.\n\n\
           **Redirects** are not followed by the server. A program that follows one makes a new request, which is \
           checked like any other.\n\n\
           **Sockets** are checked by address and port alone, so a name cannot be granted to `tcp` and `udp`: write the \
           address, a block, `localhost`, or `*` for every public address. No program ever listens.\n\n\
           **TLS.** With `https` the other server's certificate must be good in the eyes of the system's own \
           certificate store.\n\n\
           A program that is refused gets the error `HTTP-request-denied`, for a socket `access-denied`, and can go on. \
           The log gets a warning (WASM0125) with the directive that would allow it. `WasmOutboundLimit` says how long \
           and how much. It opens the network and is therefore never accepted in `.htaccess`.",
    examples: &[
        Example {
            title: "One API, over TLS",
            lines: "WasmAllowOutbound https://api.example.com",
            gives: &["outbound: https://api.example.com"],
        },
        Example {
            title: "Several patterns; several lines add up",
            lines: "WasmAllowOutbound *.example.com [2001:db8::1]:8080\nWasmAllowOutbound http://10.0.0.0/8:*",
            gives: &[
                "outbound: *.example.com",
                "outbound: [2001:db8::1]:8080",
                "outbound: http://10.0.0.0/8:*",
            ],
        },
        Example {
            title: "Another location of the same server",
            lines: "WasmAllowOutbound http://localhost:8080",
            gives: &["outbound: http://localhost:8080"],
        },
        Example {
            title: "A database, by a socket",
            lines: "WasmAllowOutbound tcp://10.0.0.5:5432",
            gives: &["outbound: tcp://10.0.0.5:5432"],
        },
        Example {
            title: "Nothing, whatever the sections around allow",
            lines: "WasmAllowOutbound none",
            gives: &["outbound: none"],
        },
    ],
    rejects: &[
        Reject {
            arguments: "https://example.com/v1/",
            message: "\"https://example.com/v1/\": a path has no place here: a whole server is granted; end it after \
                      \"example.com\"",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "ftp://example.com",
            message: "\"ftp://example.com\": the scheme \"ftp\" cannot be granted, only http, https, tcp and udp",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "example.com:http",
            message: "\"example.com:http\": the port \"http\" is neither a number from 1 to 65535 nor *",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "127.1",
            message: "\"127.1\": \"127.1\" is neither a name nor an IPv4 address of four decimal numbers",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "10.0.0.1/8",
            message: "\"10.0.0.1/8\": the address has bits behind the first 8; the block is 10.0.0.0/8",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "fd00::1",
            message: "\"fd00::1\": an IPv6 address stands in brackets: [fd00::1]",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "tcp://10.0.0.5",
            message: "\"tcp://10.0.0.5\": tcp needs a port: tcp://10.0.0.5:5000, or tcp://10.0.0.5:*",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "tcp://db.example.com:5432",
            message: "\"tcp://db.example.com:5432\": a socket is opened to an address, not to a name: write the \
                      address, a block, localhost or *",
            found_by: FoundBy::Line,
        },
        Reject {
            arguments: "none https://example.com",
            message: "none stands alone",
            found_by: FoundBy::Line,
        },
    ],
    apply: Apply::Dir(apply),
};

fn apply(settings: &mut Settings, args: &Args<'_>, _: &dyn Paths) -> Result<(), String> {
    let values = args.many()?;
    if values.iter().any(|value| value.eq_ignore_ascii_case(NONE)) {
        if values.len() > 1 {
            return Err("none stands alone".to_owned());
        }
        settings.outbound = Some(Vec::new());
        return Ok(());
    }
    let patterns: Vec<Pattern> = values
        .iter()
        .map(|value| value.parse())
        .collect::<Result<_, _>>()?;
    let granted = settings.outbound.get_or_insert_default();
    for pattern in patterns {
        if !granted.contains(&pattern) {
            granted.push(pattern);
        }
    }
    Ok(())
}
