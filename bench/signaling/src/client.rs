//! A client of the channel protocol that costs next to nothing: just enough of WebSocket (RFC 6455) to carry frames.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use socket2::{Domain, Socket, Type};

/// So many clients have one address: the server lets an address join 30 times in 10 seconds.
const PER_ADDRESS: usize = 20;

/// One client. It blocks until [`Client::make_busy`].
pub struct Client {
    pub stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
    next_id: u64,
    /// The newest frame that the server sent by itself, and the newest acknowledged one.
    pub offset: u64,
    acknowledged: u64,
}

/// The name of a channel, or the key of a participant.
pub fn name(number: usize) -> String {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Client {
    /// Connects from an address of 127.0.0.0/8, and says `hello` as participant `number`.
    pub fn connect(server: SocketAddr, number: usize) -> Result<Self> {
        let host = (number / PER_ADDRESS % 60_000) as u32 + 2;
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 0).to_bits() + host);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((address, 0)).into())?;
        socket.connect(&server.into()).context("cannot connect")?;
        socket.set_tcp_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        let stream = TcpStream::from(socket);
        let mut client =
            Self { stream, input: Vec::new(), output: Vec::new(), next_id: 1, offset: 0, acknowledged: 0 };
        client.upgrade(server)?;
        let key = name(number);
        let welcome = client.ask(&format!(r#""type":"hello","key":"{key}","agent":"bench""#))?;
        ensure!(welcome.starts_with(r#"{"type":"welcome""#), "{welcome}");
        Ok(client)
    }

    fn upgrade(&mut self, server: SocketAddr) -> Result<()> {
        write!(
            self.stream,
            "GET /signal HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             Sec-WebSocket-Protocol: peerline.v1\r\n\r\n"
        )?;
        loop {
            if let Some(end) = self.input.windows(4).position(|window| window == b"\r\n\r\n") {
                ensure!(self.input.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&self.input));
                self.input.drain(..end + 4);
                return Ok(());
            }
            ensure!(self.read(&mut [0; 4_096])? > 0, "the server closed the connection");
        }
    }

    /// Joins the channel of this number.
    pub fn join(&mut self, channel: usize) -> Result<()> {
        // As long as a sealed profile is.
        let profile = "p".repeat(200);
        let channel = name(channel);
        let joined = self.ask(&format!(r#""type":"join","channel":"{channel}","profile":"{profile}""#))?;
        ensure!(joined.starts_with(r#"{"type":"joined""#), "{joined}");
        Ok(())
    }

    /// Sends a frame with an `id` and waits for its answer.
    fn ask(&mut self, members: &str) -> Result<String> {
        let id = self.say_with_id(members)?;
        let answer = format!(r#""re":{id},"#);
        let mut found = None;
        let mut buffer = [0; 4_096];
        while found.is_none() {
            self.read_all(&mut buffer, |frame| {
                if frame.contains(&answer) {
                    found = Some(frame.to_owned());
                }
            })?;
        }
        found.context("no answer")
    }

    /// Publishes in this channel.
    pub fn publish(&mut self, channel: &str, payload: &str) -> Result<()> {
        self.say_with_id(&format!(r#""type":"publish","channel":"{channel}","payload":"{payload}""#))?;
        Ok(())
    }

    /// Acknowledges what has come, once it is so many frames.
    pub fn acknowledge(&mut self, at_least: u64) -> Result<()> {
        if self.offset >= self.acknowledged + at_least {
            self.acknowledged = self.offset;
            self.say(&format!(r#"{{"type":"ack","offset":{}}}"#, self.offset))?;
        }
        Ok(())
    }

    fn say_with_id(&mut self, members: &str) -> Result<u64> {
        let id = self.next_id;
        self.next_id += 1;
        self.say(&format!("{{{members},\"id\":{id}}}"))?;
        Ok(id)
    }

    /// RFC 6455 §5.2: one text frame. The mask is zero, so that it costs nothing.
    fn say(&mut self, text: &str) -> Result<()> {
        let length = u16::try_from(text.len())?;
        self.output.push(0x81);
        if length < 126 {
            self.output.push(0x80 | length as u8);
        } else {
            self.output.push(0x80 | 126);
            self.output.extend_from_slice(&length.to_be_bytes());
        }
        self.output.extend_from_slice(&[0; 4]);
        self.output.extend_from_slice(text.as_bytes());
        self.flush()
    }

    /// Writes what the socket takes.
    pub fn flush(&mut self) -> Result<()> {
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(written) => drop(self.output.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads once; returns how much there was, 0 at the end of the stream.
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.input.extend_from_slice(&buffer[..length]);
        Ok(length)
    }

    /// Reads what is there, and hands every frame to `take`. `buffer` is room to read into, the same for all clients.
    pub fn read_all(&mut self, buffer: &mut [u8], mut take: impl FnMut(&str)) -> Result<()> {
        loop {
            match self.read(buffer) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(length) if length == buffer.len() => {}
                // Less than there was room for: more would be told by another event.
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        let input = std::mem::take(&mut self.input);
        let mut rest = input.as_slice();
        while let Some(length) = self.next_frame(rest, &mut take)? {
            rest = &rest[length..];
        }
        let taken = input.len() - rest.len();
        self.input = input;
        self.input.drain(..taken);
        Ok(())
    }

    /// Hands over one frame of the server's, which are never masked, and returns the length of all of it.
    fn next_frame(&mut self, input: &[u8], take: &mut impl FnMut(&str)) -> Result<Option<usize>> {
        let [first, second, rest @ ..] = input else { return Ok(None) };
        let (head, length) = match (*second, rest) {
            (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            (126, _) => return Ok(None),
            (127, _) => bail!("a frame over 65,535 bytes"),
            (length, _) => (2, usize::from(length)),
        };
        let Some(frame) = input.get(head..head + length) else { return Ok(None) };
        ensure!(*first == 0x81, "the server closed the connection, or sent what is no text: {first:#x}");
        let frame = std::str::from_utf8(frame)?;
        // The offset stands right behind the type.
        if let Some(offset) =
            Some(frame.get(..60).unwrap_or(frame)).and_then(|start| number_after(start, r#""offset":"#))
        {
            ensure!(offset == self.offset + 1, "a gap before {frame}");
            self.offset = offset;
        }
        take(frame);
        Ok(Some(head + length))
    }

    /// From here on, reading returns when there is nothing more.
    pub fn make_busy(&mut self) -> Result<()> {
        Ok(self.stream.set_nonblocking(true)?)
    }
}

/// The number that follows `label` in a frame.
pub fn number_after(frame: &str, label: &str) -> Option<u64> {
    let rest = &frame[frame.find(label)? + label.len()..];
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
