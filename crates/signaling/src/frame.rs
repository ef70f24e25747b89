//! How a frame begins (`docs/signaling.md` §4 and §5): its type, and the number by which it is asked, answered or counted.

use std::io::Write as _;

use serde::Serialize;

/// The number that a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// None: `ack` and `report`, and an error that answers nothing in particular.
    None,
    /// `id`: the sender wants an answer.
    Id(u64),
    /// `re`: the answer to the frame of that `id`.
    Re(u64),
    /// `offset`: the frame's place among those that the server sends by itself.
    Offset(u64),
}

/// A frame's members without `type` and number.
pub trait Body: Serialize {
    /// The frame's `type`.
    const TYPE: &'static str;

    /// The members as the text of a JSON object. Every body is made of strings, numbers, lists and structs, which cannot fail to serialize.
    fn to_json(&self) -> String {
        // Most frames are shorter: what is written to seldom grows.
        let mut text = Vec::with_capacity(1_024);
        let written = serde_json::to_writer(&mut text, self).ok().and_then(|()| String::from_utf8(text).ok());
        written.unwrap_or_else(|| "{}".to_owned())
    }
}

/// Writes the frame of `kind` and `number` with the members in `body`, the text of a JSON object.
pub fn write(buffer: &mut Vec<u8>, kind: &str, number: Number, body: &[u8]) {
    buffer.reserve(kind.len() + body.len() + 40);
    // Writing to a Vec cannot fail.
    let _ = match number {
        Number::None => write!(buffer, r#"{{"type":"{kind}""#),
        Number::Id(id) => write!(buffer, r#"{{"type":"{kind}","id":{id}"#),
        Number::Re(id) => write!(buffer, r#"{{"type":"{kind}","re":{id}"#),
        Number::Offset(offset) => write!(buffer, r#"{{"type":"{kind}","offset":{offset}"#),
    };
    match body.strip_prefix(b"{") {
        None | Some(b"}") => buffer.push(b'}'),
        Some(members) => {
            buffer.push(b',');
            buffer.extend_from_slice(members);
        }
    }
}

/// The whole text of a frame.
#[must_use]
pub fn to_text<B: Body>(number: Number, body: &B) -> String {
    let mut buffer = Vec::new();
    write(&mut buffer, B::TYPE, number, body.to_json().as_bytes());
    String::from_utf8(buffer).unwrap_or_default()
}
