//! Fills a page up to what was asked for and what is allowed.

use super::model::Page;
use crate::limits;

/// A page being filled.
pub(super) struct Pager<T> {
    page: Page<T>,
    size: usize,
    bytes: usize,
}

impl<T> Pager<T> {
    pub(super) fn new(size: usize) -> Self {
        let size = size.clamp(1, limits::MAX_JOURNAL_PAGE);
        Self { page: Page { rows: Vec::new(), more: false }, size, bytes: 0 }
    }

    /// Adds a row with so many bytes. If the page is full, the row is not added, the page says that
    /// more follow, and the answer is false.
    pub(super) fn push(&mut self, bytes: usize, row: T) -> bool {
        let rows = &mut self.page.rows;
        let fits = rows.is_empty()
            || (rows.len() < self.size && self.bytes + bytes <= limits::MAX_JOURNAL_PAGE_BYTES);
        if fits {
            self.bytes += bytes;
            rows.push(row);
        }
        self.page.more = !fits;
        fits
    }

    /// Whether a row has been refused.
    pub(super) fn is_full(&self) -> bool {
        self.page.more
    }

    pub(super) fn page(self) -> Page<T> {
        self.page
    }
}
