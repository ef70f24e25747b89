//! An allocator that counts what the current thread allocates and gives back.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count { bytes: 0, allocations: 0 }) };
}

/// What a thread has allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Bytes that it holds; below zero where it gave back what others had allocated.
    pub bytes: isize,
    /// How often it allocated, or had an allocation grow.
    pub allocations: u64,
}

impl Count {
    /// Of the current thread.
    pub fn now() -> Self {
        COUNT.get()
    }

    /// What has changed since.
    pub fn since(self) -> Self {
        let now = Self::now();
        Self { bytes: now.bytes - self.bytes, allocations: now.allocations - self.allocations }
    }
}

/// Counts and leaves the rest to the system.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize, allocations: u64) {
    // A thread that ends may free after its cells are gone; nobody reads its count any more.
    let _ = COUNT.try_with(|count| {
        let Count { bytes: before, allocations: until } = count.get();
        count.set(Count { bytes: before + bytes, allocations: until + allocations });
    });
}

// SAFETY: every call is the system allocator's, with the arguments unchanged. Counting allocates nothing: the cell is
// initialized at compile time and has no destructor to be registered.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize, 1);
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize, 1);
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize), 0);
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize, 1);
        // SAFETY: the caller's promise is the same.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
