//! Reading a value word by word.

use crate::ValueError;

/// What of a value is still to be read. Words are told apart by one space (RFC 8866 §9);
/// more of them are read as one, as browsers do.
#[derive(Clone)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        let mut scanner = Self { text, position: 0 };
        scanner.skip_spaces();
        scanner
    }

    pub fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    /// The rest without the spaces at its end, which is taken.
    pub fn take_rest(&mut self) -> &'a str {
        let rest = self.rest().trim_end_matches(' ');
        self.position = self.text.len();
        rest
    }

    pub fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub fn expected(&self, expected: &'static str) -> ValueError {
        ValueError { offset: self.position, expected }
    }

    /// The text up to the next `stop`, or all that is left; not nothing.
    pub fn until(
        &mut self,
        stop: impl Fn(char) -> bool,
        expected: &'static str,
    ) -> Result<&'a str, ValueError> {
        let rest = self.rest();
        let word = rest.split(stop).next().unwrap_or_default();
        if word.is_empty() {
            return Err(self.expected(expected));
        }
        self.position += word.len();
        Ok(word)
    }

    /// The next word and the spaces behind it.
    pub fn word(&mut self, expected: &'static str) -> Result<&'a str, ValueError> {
        let word = self.until(|character| character == ' ', expected)?;
        self.skip_spaces();
        Ok(word)
    }

    /// The next word, as `convert` reads it.
    pub fn convert<T>(
        &mut self,
        expected: &'static str,
        convert: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, ValueError> {
        let error = self.expected(expected);
        convert(self.word(expected)?).ok_or(error)
    }

    /// The next word, a number without a sign.
    pub fn number<T: std::str::FromStr>(&mut self, expected: &'static str) -> Result<T, ValueError> {
        self.convert(expected, number)
    }

    /// Takes `character` if it is next.
    pub fn take(&mut self, character: char) -> bool {
        let is_next = self.rest().starts_with(character);
        if is_next {
            self.position += character.len_utf8();
        }
        is_next
    }

    /// All the words that are left.
    pub fn words(&mut self) -> Vec<String> {
        self.take_rest().split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    pub fn skip_spaces(&mut self) {
        while self.take(' ') {}
    }

    /// Nothing is left.
    pub fn end(&self) -> Result<(), ValueError> {
        if self.is_at_end() { Ok(()) } else { Err(self.expected("the end of the line")) }
    }
}

/// Digits only: what `parse` takes beyond that (a sign) no grammar here has.
pub(crate) fn number<T: std::str::FromStr>(word: &str) -> Option<T> {
    word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok()).flatten()
}

/// RFC 8866 §9: `token-char`.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'{'..=b'~')
        })
}

/// RFC 8839 §5.1: `ice-char`.
pub(crate) fn is_ice_chars(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}
