//! The lines of the session, or of one media description.

use crate::{Attribute, Direction, Line};

/// Lines in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    pub(crate) lines: Vec<Line>,
}

impl Section {
    /// All lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The value of the first line of this type, `a=` lines aside.
    pub fn line(&self, letter: char) -> Option<&str> {
        self.lines.iter().find(|line| line.letter() == letter).map(Line::value)
    }

    /// All attributes: names, and values if they have one.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.lines.iter().filter_map(Line::as_attribute)
    }

    /// The first attribute of this kind.
    pub fn get<A: Attribute>(&self) -> Option<A> {
        self.all().next()
    }

    /// All attributes of this kind, in their order.
    pub fn all<A: Attribute>(&self) -> impl Iterator<Item = A> {
        self.values_of(A::NAME).filter_map(|value| A::parse(value).ok())
    }

    /// Whether there is an attribute of this name.
    pub fn has(&self, name: &str) -> bool {
        self.values_of(name).next().is_some()
    }

    fn values_of(&self, name: &str) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(move |line| line.value_of(name))
    }

    /// The direction that is said here (RFC 8866 §6.7), if one is.
    pub fn direction(&self) -> Option<Direction> {
        self.attributes().find_map(|(name, _)| Direction::from_name(name))
    }

    /// Adds an attribute at the end.
    pub fn push<A: Attribute>(&mut self, attribute: &A) {
        self.push_attribute(A::NAME, Some(&attribute.value()));
    }

    /// Adds an attribute without a value at the end: one of [`flag`](crate::flag)'s, or a [`Direction`]'s name.
    pub fn push_flag(&mut self, name: &str) {
        self.push_attribute(name, None);
    }

    /// Adds any attribute at the end. Line ends in it are left out.
    pub fn push_attribute(&mut self, name: &str, value: Option<&str>) {
        self.lines.reserve_exact(1);
        self.lines.push(Line::attribute(name, value));
    }

    /// Adds a line of any type at the end. Line ends in it are left out.
    pub fn push_line(&mut self, letter: char, value: &str) {
        if letter.is_ascii_lowercase() {
            self.lines.push(Line::new(letter as u8, value));
        }
    }

    /// Takes out all attributes of this name.
    pub fn remove(&mut self, name: &str) {
        self.lines.retain(|line| line.value_of(name).is_none());
    }

    /// Puts `value` into the first line of this type, or adds such a line at the end.
    pub fn set_line(&mut self, letter: char, value: &str) {
        match self.lines.iter_mut().find(|line| line.letter() == letter) {
            Some(line) => *line = Line::new(letter as u8, value),
            None => self.push_line(letter, value),
        }
    }
}
