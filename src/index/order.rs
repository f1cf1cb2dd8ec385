//! Drivers in the order of their ids, by what the ids are when they are first looked at.
//!
//! Sorting compares a driver many times. Meanwhile drivers are forgotten and the memory of
//! their names is given to others; an order that changes under way would put bystanders in
//! wrong places, or make the sort panic. So each name is read once, and what is compared is the
//! copy: also the faster way, since the names themselves are all over the memory.

use std::cmp::Ordering;

use super::names::Names;
use super::reader::Candidate;
use crate::model::Page;

/// So many names are asked for at once before they are read.
const AHEAD: usize = 32;

/// Copies of the names of candidates.
#[derive(Debug, Default)]
struct Copies {
    entries: Vec<Named>,
    /// The words of names that are longer than one.
    words: Vec<u64>,
}

/// One candidate's name; nameless if it has been released.
#[derive(Clone, Copy, Debug)]
struct Named {
    /// The first eight bytes, the first of them highest.
    first: u64,
    /// Where in `words` the name begins.
    begin: usize,
    length: u32,
    /// Which candidate.
    place: u32,
}

impl Copies {
    fn of(names: &Names, found: &[Candidate]) -> Self {
        let mut copies = Self {
            entries: Vec::with_capacity(found.len()),
            words: Vec::with_capacity(found.len()),
        };
        let mut place = 0;
        for chunk in found.chunks(AHEAD) {
            names.expect(chunk.iter().map(Candidate::key));
            for candidate in chunk {
                let begin = copies.words.len();
                let length = names.words(candidate.key(), &mut copies.words);
                let first = copies.words.get(begin).copied().unwrap_or(0);
                if length == 1 {
                    copies.words.truncate(begin);
                }
                copies.entries.push(Named { first, begin, length, place });
                place += 1;
            }
        }
        copies
    }

    fn compare(words: &[u64], a: &Named, b: &Named) -> Ordering {
        let rest = |of: &Named| {
            let end = of.begin + of.length as usize;
            // The first word has been compared.
            if of.length > 1 { &words[of.begin + 1..end] } else { &[] }
        };
        a.first.cmp(&b.first).then_with(|| rest(a).cmp(rest(b)))
    }
}

/// Sorts candidates by id. Those forgotten by now come first.
pub(super) fn by_id(names: &Names, found: &mut [Candidate]) {
    let Copies { mut entries, words } = Copies::of(names, found);
    entries.sort_unstable_by(|a, b| Copies::compare(&words, a, b));
    let sorted: Vec<Candidate> = entries.iter().map(|e| found[e.place as usize]).collect();
    found.copy_from_slice(&sorted);
}

/// Cuts a page out of candidates, in the order of ids; whether more follow. Lets go of those
/// forgotten by now.
pub(super) fn page(names: &Names, found: &mut Vec<Candidate>, page: &Page) -> bool {
    if let Some(after) = &page.after {
        found.retain(|c| names.id(c.key()).is_some_and(|id| id > *after));
    }
    let Copies { mut entries, words } = Copies::of(names, found);
    entries.retain(|entry| entry.length > 0);
    let by_id = |a: &Named, b: &Named| Copies::compare(&words, a, b);
    let more = entries.len() > page.size;
    if more && page.size > 0 {
        entries.select_nth_unstable_by(page.size - 1, by_id);
    }
    entries.truncate(page.size);
    entries.sort_unstable_by(by_id);
    *found = entries.iter().map(|entry| found[entry.place as usize]).collect();
    more
}
