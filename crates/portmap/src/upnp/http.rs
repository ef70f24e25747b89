//! As much of HTTP/1.1 as routers' descriptions and actions take: one request for each connection (RFC 9112).

use std::net::Ipv4Addr;

use super::Url;

/// The longest answer that is read, in bytes.
pub const ANSWER: usize = 64 << 10;

/// Asks for a document.
#[must_use]
pub fn get(router: Ipv4Addr, url: &Url) -> String {
    format!("GET {} HTTP/1.1\r\nHost: {router}:{}\r\nConnection: close\r\n\r\n", url.path, url.port)
}

/// Sends an action to a service.
pub(super) fn post(router: Ipv4Addr, url: &Url, action: &str, body: &str) -> String {
    format!(
        "POST {} HTTP/1.1\r\nHost: {router}:{}\r\nContent-Type: text/xml; charset=\"utf-8\"\r\n\
         SOAPAction: \"{action}\"\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        url.path,
        url.port,
        body.len()
    )
}

/// A router's answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Reads what has come until now. `None`: that isn't all, or no answer.
    #[must_use]
    pub fn parse(bytes: &[u8], is_end: bool) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = response.parse(bytes).ok()? else { return None };
        let rest = bytes.get(length..)?;
        let header = |name: &str| {
            let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(header.value).ok()
        };
        let body = if header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
        {
            unchunk(rest)?
        } else if let Some(length) = header("content-length") {
            rest.get(..length.trim().parse().ok()?)?.to_vec()
        } else if is_end {
            rest.to_vec()
        } else {
            return None;
        };
        Some(Self { status: response.code?, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

/// RFC 9112 §7.1.
fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((begin, size)) = httparse::parse_chunk_size(bytes).ok()? else {
            return None;
        };
        if size == 0 {
            return Some(body);
        }
        let chunk = bytes.get(begin..)?;
        let size = usize::try_from(size).ok()?;
        body.extend_from_slice(chunk.get(..size)?);
        bytes = chunk.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, is_end: bool) -> Option<(u16, String)> {
        Answer::parse(text.as_bytes(), is_end).map(|answer| (answer.status, answer.body))
    }

    #[test]
    fn an_answer_ends_where_it_says() {
        let with_length = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody";
        assert_eq!(parse(with_length, false), Some((200, "body".to_owned())));
        assert_eq!(parse(&with_length[..with_length.len() - 1], true), None);
        let chunked =
            "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2;x\r\ndy\r\n0\r\n\r\n";
        assert_eq!(parse(chunked, false), Some((500, "body".to_owned())));
        for end in 0..chunked.len() - 4 {
            assert_eq!(parse(&chunked[..end], true), None, "{end}");
        }
        let open = "HTTP/1.0 200 OK\r\n\r\nbody";
        assert_eq!(parse(open, false), None);
        assert_eq!(parse(open, true), Some((200, "body".to_owned())));
        for wrong in ["", "SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"] {
            assert_eq!(parse(wrong, true), None, "{wrong:?}");
        }
        let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx";
        assert_eq!(parse(endless, true), None);
    }
}
