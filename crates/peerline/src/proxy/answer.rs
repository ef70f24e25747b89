//! What a proxy answers to CONNECT (RFC 9110 §9.3.6, RFC 9112 §4).

/// The longest answer that is read, in bytes.
pub(super) const LONGEST: usize = 16 << 10;
/// How much of a refusal's reason is kept for people.
const REASON: usize = 80;

/// What has come of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// More has to come.
    Incomplete,
    /// The tunnel stands; what comes after so many bytes is the server's.
    Accepted(usize),
    /// There is no tunnel, for this reason.
    Refused {
        /// The status code.
        status: u16,
        /// The proxy's words for it, without anything that a terminal would obey.
        reason: String,
    },
    /// That is no answer of a proxy.
    Malformed,
}

/// Reads the beginning of what came.
pub(super) fn read(bytes: &[u8]) -> Answer {
    let mut begin = 0;
    loop {
        let rest = bytes.get(begin..).unwrap_or_default();
        let Some(length) = head(rest) else {
            // Whoever doesn't begin like HTTP isn't listened to until the limit is reached.
            let is_http = rest.iter().zip(b"HTTP/1.").all(|(is, wanted)| is == wanted);
            return if is_http && bytes.len() < LONGEST { Answer::Incomplete } else { Answer::Malformed };
        };
        match status(rest) {
            // RFC 9110 §15.2: others may come before the one that counts.
            Some((100..=199, _)) => begin += length,
            Some((200..=299, _)) => return Answer::Accepted(begin + length),
            Some((status, reason)) => return Answer::Refused { status, reason },
            None => return Answer::Malformed,
        }
    }
}

/// The length of a status line with its header, up to the empty line. RFC 9112 §2.2: lines may end without a carriage return.
fn head(bytes: &[u8]) -> Option<usize> {
    let mut begin = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        begin += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return Some(begin);
        }
    }
    None
}

/// The status line: `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<(u16, String)> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let line = line.strip_prefix(b"HTTP/1.1 ").or_else(|| line.strip_prefix(b"HTTP/1.0 "))?;
    let (code, reason) = line.split_at_checked(3)?;
    let is_code = code.iter().all(u8::is_ascii_digit) && !reason.first().is_some_and(u8::is_ascii_digit);
    let code = std::str::from_utf8(code).ok().filter(|_| is_code)?.parse().ok()?;
    let reason = reason.iter().filter(|byte| byte.is_ascii_graphic() || **byte == b' ').take(REASON);
    let reason: String = reason.map(|byte| char::from(*byte)).collect();
    (code >= 100).then(|| (code, reason.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_begins_after_the_empty_line() {
        for answer in [
            "HTTP/1.1 200 Connection established\r\n\r\n",
            "HTTP/1.0 200\r\nVia: 1.0 squid\r\n\r\n",
            "HTTP/1.1 299 odd\nX: y\n\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        ] {
            for end in 0..answer.len() {
                assert_eq!(read(&answer.as_bytes()[..end]), Answer::Incomplete, "{:?}", &answer[..end]);
            }
            let with_more = format!("{answer}\x16\x03\x01");
            assert_eq!(read(with_more.as_bytes()), Answer::Accepted(answer.len()), "{answer:?}");
        }
    }

    #[test]
    fn a_refusal_has_its_reason_without_control_characters() {
        let answer =
            b"HTTP/1.1 407 Proxy Auth\x1b[31mentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
        let reason = "Proxy Auth[31mentication Required".to_owned();
        assert_eq!(read(answer), Answer::Refused { status: 407, reason });
        assert_eq!(read(b"HTTP/1.1 403\r\n\r\n"), Answer::Refused { status: 403, reason: String::new() });
    }

    #[test]
    fn what_is_no_answer_is_known_at_once() {
        for answer in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "\x15\x03\x01\x00\x02",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 20\r\n\r\n",
            "HTTP/1.1 099 OK\r\n\r\n",
            "HTTP/1.1200 OK\r\n\r\n",
        ] {
            assert_eq!(read(answer.as_bytes()), Answer::Malformed, "{answer:?}");
        }
    }

    #[test]
    fn an_answer_without_end_is_not_read_for_ever() {
        let mut answer = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
        answer.resize(LONGEST - 1, b'x');
        assert_eq!(read(&answer), Answer::Incomplete);
        answer.push(b'x');
        assert_eq!(read(&answer), Answer::Malformed);
    }
}
