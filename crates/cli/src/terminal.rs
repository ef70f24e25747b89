//! What a terminal may be shown: other people's text must not move the cursor, change colours or hide what it says.

use std::borrow::Cow;
use std::io::IsTerminal;

/// Begins the second and further lines of one message: none of them can pass for another person's.
const CONTINUED: &str = "\n    ";

/// Somebody else's text, on one line.
pub(crate) fn line(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_whitespace() { ' ' } else { character })
        .filter(shows)
        .collect()
}

/// Somebody else's text, which may have several lines.
pub(crate) fn paragraph(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'])
        .map(line)
        .collect::<Vec<_>>()
        .join(CONTINUED)
}

/// No control character of Unicode's, which are what escape sequences begin with, and none that changes the direction
/// of the text around it (UAX #9).
fn shows(character: &char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// JSON with others' text in it: what a terminal would act on is escaped. It means the same.
pub(crate) fn json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if shows(&character) && !matches!(character, '\u{2028}' | '\u{2029}') {
            shown.push(character);
        } else {
            // All of them have four digits, and stand within strings only.
            shown += &format!("\\u{:04x}", u32::from(character));
        }
    }
    shown
}

/// `text` in bold where `stream` is a terminal and NO_COLOR is not set (no-color.org).
pub(crate) fn bold<'a>(text: &'a str, stream: &impl IsTerminal) -> Cow<'a, str> {
    let plain = !stream.is_terminal() || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if plain { text.into() } else { format!("\x1b[1m{text}\x1b[0m").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_what_makes_them_work() {
        assert_eq!(line("\x1b]0;owned\x07\x1b[2J\u{9b}31mred\0"), "]0;owned[2J31mred");
        assert_eq!(paragraph("a\x1b[1A\rb\x08\x7f"), "a[1A\n    b");
    }

    #[test]
    fn a_message_cannot_pass_for_several() {
        assert_eq!(line("hello\nGrace: yes"), "hello Grace: yes");
        assert_eq!(paragraph("hello\nGrace: yes\r\n\u{2028}x"), "hello\n    Grace: yes\n    \n    x");
    }

    #[test]
    fn json_stays_the_same_json() {
        let text = "\x1b[1m\u{9b}\u{7f}\u{202e}\u{2028}\"\\\n🎈";
        let written = serde_json::to_string(text).unwrap();
        let shown = json(&written);
        assert!(shown.chars().all(|character| shows(&character)), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }

    #[test]
    fn text_cannot_turn_the_text_around_it() {
        assert_eq!(line("a\u{202e}b\u{2067}c\u{200f}"), "abc");
        assert_eq!(paragraph("Grüße, 你好\t🎈 שלום"), "Grüße, 你好 🎈 שלום");
    }
}
