//! Behaviours about raw sockets. A refusal is the answer `error=` and the name of the error code.

use std::net::SocketAddr;

use wasip2::io::streams::StreamError;
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp::OutgoingDatagram;
use wasip2::sockets::udp_create_socket::create_udp_socket;

use crate::exchange::{Done, Exchange};

/// The address in `addr=`, in both its forms.
fn address(exchange: &Exchange) -> Result<(IpAddressFamily, IpSocketAddress), String> {
    let text = exchange.call.text("addr").unwrap_or_default();
    let parsed: SocketAddr = text.parse().map_err(|e| format!("addr={text}: {e}"))?;
    Ok(match parsed {
        SocketAddr::V4(v4) => {
            let [a, b, c, d] = v4.ip().octets();
            let address = (a, b, c, d);
            let port = v4.port();
            (
                IpAddressFamily::Ipv4,
                IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address }),
            )
        }
        SocketAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h] = v6.ip().segments();
            (
                IpAddressFamily::Ipv6,
                IpSocketAddress::Ipv6(Ipv6SocketAddress {
                    port: v6.port(),
                    flow_info: 0,
                    address: (a, b, c, d, e, f, g, h),
                    scope_id: 0,
                }),
            )
        }
    })
}

/// A name as Rust writes it: `AccessDenied` of `access-denied`.
fn camel(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{rest}", first.to_uppercase())
    };
    name.split('-').map(word).collect()
}

fn answer(exchange: Exchange, result: Result<String, ErrorCode>) -> Done {
    let text = result.unwrap_or_else(|code| format!("error={}\n", camel(code.name())));
    exchange.start.text(&text)
}

/// `tcp addr= [send=hello]`: connects, sends a text, and answers with what comes back until the other side closes.
pub fn tcp(exchange: Exchange) -> Done {
    let (family, to) = address(&exchange)?;
    let text = exchange.call.text("send");
    let text = text.unwrap_or_else(|| "hello".to_owned());
    let result = talk(family, to, &text);
    answer(exchange, result)
}

fn talk(family: IpAddressFamily, to: IpSocketAddress, text: &str) -> Result<String, ErrorCode> {
    let socket = create_tcp_socket(family)?;
    socket.start_connect(&instance_network(), to)?;
    let (input, output) = loop {
        match socket.finish_connect() {
            Err(ErrorCode::WouldBlock) => socket.subscribe().block(),
            other => break other?,
        }
    };
    let failed = |_: StreamError| ErrorCode::ConnectionReset;
    output
        .blocking_write_and_flush(text.as_bytes())
        .map_err(failed)?;
    let mut all = b"connected\n".to_vec();
    loop {
        match input.blocking_read(1024) {
            Ok(piece) => all.extend_from_slice(&piece),
            Err(StreamError::Closed) => return Ok(String::from_utf8_lossy(&all).into_owned()),
            Err(error) => return Err(failed(error)),
        }
    }
}

/// `udp addr= [send=hello]`: sends one datagram.
pub fn udp(exchange: Exchange) -> Done {
    let (family, to) = address(&exchange)?;
    let text = exchange.call.text("send");
    let data = text.unwrap_or_else(|| "hello".to_owned()).into_bytes();
    let result = send_datagram(family, to, data);
    answer(exchange, result)
}

fn send_datagram(
    family: IpAddressFamily,
    to: IpSocketAddress,
    data: Vec<u8>,
) -> Result<String, ErrorCode> {
    let socket = create_udp_socket(family)?;
    let any = match family {
        IpAddressFamily::Ipv4 => IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: 0,
            address: (0, 0, 0, 0),
        }),
        IpAddressFamily::Ipv6 => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: 0,
            flow_info: 0,
            address: (0, 0, 0, 0, 0, 0, 0, 0),
            scope_id: 0,
        }),
    };
    socket.start_bind(&instance_network(), any)?;
    socket.finish_bind()?;
    let (_, outgoing) = socket.stream(None)?;
    outgoing.subscribe().block();
    outgoing.check_send()?;
    let sent = outgoing.send(&[OutgoingDatagram {
        data,
        remote_address: Some(to),
    }])?;
    Ok(format!("sent {sent}\n"))
}

/// `listen addr=`: binds and listens.
pub fn listen(exchange: Exchange) -> Done {
    let (family, at) = address(&exchange)?;
    let listening = || {
        let socket = create_tcp_socket(family)?;
        socket.start_bind(&instance_network(), at)?;
        socket.finish_bind()?;
        socket.start_listen()?;
        socket.finish_listen()?;
        Ok("listening\n".to_owned())
    };
    let result = listening();
    answer(exchange, result)
}

/// `resolve name=`: the addresses of a name, a line each.
pub fn resolve(exchange: Exchange) -> Done {
    let name = exchange.call.text("name").unwrap_or_default();
    let resolving = || {
        let stream = resolve_addresses(&instance_network(), &name)?;
        let mut text = String::new();
        loop {
            match stream.resolve_next_address() {
                Ok(Some(address)) => text.push_str(&format!("address={}\n", shown(&address))),
                Ok(None) => return Ok(text),
                Err(ErrorCode::WouldBlock) => stream.subscribe().block(),
                Err(error) => return Err(error),
            }
        }
    };
    let result = resolving();
    answer(exchange, result)
}

fn shown(address: &IpAddress) -> String {
    match *address {
        IpAddress::Ipv4((a, b, c, d)) => std::net::Ipv4Addr::new(a, b, c, d).to_string(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => {
            std::net::Ipv6Addr::new(a, b, c, d, e, f, g, h).to_string()
        }
    }
}
