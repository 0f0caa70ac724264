//! Behaviours about raw sockets. A refusal is the answer `error=` and the name of the error code.

use std::net::SocketAddr;

use wasip3::sockets::ip_name_lookup::resolve_addresses;
use wasip3::sockets::types::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
    TcpSocket, UdpSocket,
};
use wasip3::wit_stream;

use crate::exchange::{Answer, Exchange, short, text, wrong};

/// The address in `addr=`, in both its forms.
fn address(exchange: &Exchange) -> Result<(IpAddressFamily, IpSocketAddress), String> {
    let given = exchange.call.text("addr").unwrap_or_default();
    let parsed: SocketAddr = given.parse().map_err(|e| format!("addr={given}: {e}"))?;
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

fn answer(result: Result<String, ErrorCode>) -> Answer {
    text(result.unwrap_or_else(|code| format!("error={}\n", short(&code))))
}

/// `tcp addr= [send=hello]`: connects, sends a text, and answers with what comes back until the other side closes.
pub async fn tcp(exchange: &Exchange) -> Answer {
    let (family, to) = address(exchange).map_err(wrong)?;
    let said = exchange.call.text("send");
    let said = said.unwrap_or_else(|| "hello".to_owned());
    answer(talk(family, to, said).await)
}

async fn talk(
    family: IpAddressFamily,
    to: IpSocketAddress,
    said: String,
) -> Result<String, ErrorCode> {
    let socket = TcpSocket::create(family)?;
    socket.connect(to).await?;
    let (mut writer, reader) = wit_stream::new();
    let sent = socket.send(reader);
    let (stream, end) = socket.receive();
    let _ = writer.write_all(said.into_bytes()).await;
    let back = stream.collect().await;
    drop(writer);
    end.await?;
    sent.await?;
    Ok(format!("connected\n{}", String::from_utf8_lossy(&back)))
}

/// `udp addr= [send=hello]`: sends one datagram.
pub async fn udp(exchange: &Exchange) -> Answer {
    let (family, to) = address(exchange).map_err(wrong)?;
    let said = exchange.call.text("send");
    let data = said.unwrap_or_else(|| "hello".to_owned()).into_bytes();
    answer(send_datagram(family, to, data).await)
}

async fn send_datagram(
    family: IpAddressFamily,
    to: IpSocketAddress,
    data: Vec<u8>,
) -> Result<String, ErrorCode> {
    let socket = UdpSocket::create(family)?;
    socket.send(data, Some(to)).await?;
    Ok("sent 1\n".to_owned())
}

/// `listen addr=`: binds and listens.
pub fn listen(exchange: &Exchange) -> Answer {
    let (family, at) = address(exchange).map_err(wrong)?;
    let listening = || {
        let socket = TcpSocket::create(family)?;
        socket.bind(at)?;
        let _accepted = socket.listen()?;
        Ok("listening\n".to_owned())
    };
    answer(listening())
}

/// `resolve name=`: the addresses of a name, a line each.
pub async fn resolve(exchange: &Exchange) -> Answer {
    let name = exchange.call.text("name").unwrap_or_default();
    let said = match resolve_addresses(name).await {
        Ok(all) => all
            .iter()
            .map(|address| format!("address={}\n", shown(address)))
            .collect(),
        Err(code) => format!("error={}\n", short(&code)),
    };
    text(said)
}

fn shown(address: &IpAddress) -> String {
    match *address {
        IpAddress::Ipv4((a, b, c, d)) => std::net::Ipv4Addr::new(a, b, c, d).to_string(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => {
            std::net::Ipv6Addr::new(a, b, c, d, e, f, g, h).to_string()
        }
    }
}
