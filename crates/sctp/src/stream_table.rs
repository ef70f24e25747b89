//! State per stream, for few of up to 65,536 streams.

use crate::StreamId;

const NONE: u32 = u32::MAX;

/// Finds a stream's state by two array accesses; holds state only for streams that are used.
#[derive(Debug)]
pub(crate) struct StreamTable<T> {
    /// By stream, up to the highest used: where in `entries`.
    index: Vec<u32>,
    entries: Vec<(StreamId, T)>,
}

impl<T> Default for StreamTable<T> {
    fn default() -> Self {
        Self { index: Vec::new(), entries: Vec::new() }
    }
}

impl<T> StreamTable<T> {
    #[inline]
    fn position(&self, stream: StreamId) -> Option<usize> {
        self.index.get(usize::from(stream.0)).filter(|&&at| at != NONE).map(|&at| at as usize)
    }

    #[inline]
    pub(crate) fn get(&self, stream: StreamId) -> Option<&T> {
        self.position(stream).and_then(|at| self.entries.get(at)).map(|(_, entry)| entry)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, stream: StreamId) -> Option<&mut T> {
        self.position(stream).and_then(|at| self.entries.get_mut(at)).map(|(_, entry)| entry)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (StreamId, &mut T)> {
        self.entries.iter_mut().map(|(stream, entry)| (*stream, entry))
    }
}

impl<T: Default> StreamTable<T> {
    /// The stream's state, made where there is none.
    #[inline]
    pub(crate) fn entry(&mut self, stream: StreamId) -> &mut T {
        let at = match self.position(stream) {
            Some(at) => at,
            None => self.add(stream),
        };
        &mut self.entries[at].1
    }

    #[cold]
    fn add(&mut self, stream: StreamId) -> usize {
        let place = usize::from(stream.0);
        if self.index.len() <= place {
            self.index.resize(place + 1, NONE);
        }
        let at = self.entries.len();
        self.index[place] = at as u32;
        self.entries.push((stream, T::default()));
        at
    }
}
