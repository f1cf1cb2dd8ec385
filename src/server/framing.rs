//! How much a decoder has to keep of a body of gRPC messages: each is five bytes of head
//! (compressed or not, the length) and as many bytes as that says.

use crate::limits;

/// The bytes of a head.
const HEAD_BYTES: usize = 5;

/// The most that a byte of gzip can unpack to.
const GZIP_RATIO: usize = 1_032;

/// The largest message with its head. Decoders refuse a larger one, and make no room for it.
const MOST: usize = HEAD_BYTES + limits::MAX_MESSAGE_BYTES;

/// The place in a body.
#[derive(Debug, Default)]
pub(super) struct Framing {
    head: [u8; HEAD_BYTES],
    /// Bytes of the head that have come.
    headed: usize,
    /// Bytes of the message that have not come.
    missing: usize,
    /// Bytes since the end of the last message.
    unfinished: usize,
    /// What the largest compressed message may have been unpacked to.
    unpacked: usize,
}

impl Framing {
    /// The bytes that the decoder has to have room for while it takes `data`.
    pub(super) fn feed(&mut self, data: &[u8]) -> usize {
        let kept = self.unfinished + data.len();
        let mut rest = data;
        while !rest.is_empty() {
            let taken = if self.headed < HEAD_BYTES {
                self.head[self.headed] = rest[0];
                self.headed += 1;
                if self.headed == HEAD_BYTES {
                    self.begin();
                }
                1
            } else {
                let taken = rest.len().min(self.missing);
                self.missing -= taken;
                taken
            };
            rest = &rest[taken..];
            self.unfinished += taken;
            if self.headed == HEAD_BYTES && self.missing == 0 {
                (self.headed, self.unfinished) = (0, 0);
            }
        }
        // A decoder makes room for all of a message when it knows its length.
        let room = if self.headed == HEAD_BYTES && self.unfinished + self.missing <= MOST {
            self.unfinished + self.missing
        } else {
            0
        };
        kept.max(room) + self.unpacked
    }

    fn begin(&mut self) {
        let [compressed, length @ ..] = self.head;
        self.missing = u32::from_be_bytes(length) as usize;
        if compressed != 0 {
            let most = self.missing.saturating_mul(GZIP_RATIO).min(limits::MAX_MESSAGE_BYTES);
            self.unpacked = self.unpacked.max(most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of these lengths, all compressed or none.
    fn messages(compressed: u8, lengths: &[u8]) -> Vec<u8> {
        let message = |&length: &u8| {
            let head = [compressed, 0, 0, 0, length];
            head.into_iter().chain(std::iter::repeat_n(7, length.into()))
        };
        lengths.iter().flat_map(message).collect()
    }

    #[test]
    fn there_is_room_for_what_has_come_and_for_all_of_the_message_that_has_begun() {
        let body = messages(0, &[3, 0, 200, 1]);
        let ends = [0, 8, 13, 218, 224];
        let room_at = |fed: usize, begun: usize| {
            let end = ends.iter().find(|&&end| end >= fed).unwrap();
            if fed - begun >= HEAD_BYTES { end - begun } else { 0 }
        };
        for cut in 0..=body.len() {
            for step in [1, 2, 7, 300] {
                let mut framing = Framing::default();
                let mut fed = 0;
                for part in body[..cut].chunks(step) {
                    let begun = ends.iter().rev().find(|&&end| end <= fed).unwrap();
                    fed += part.len();
                    let last = *ends.iter().rev().find(|&&end| end <= fed).unwrap();
                    let needed = (fed - begun).max(room_at(fed, last));
                    assert_eq!(framing.feed(part), needed, "{cut} {step}");
                }
            }
        }
    }

    #[test]
    fn a_compressed_message_counts_as_what_it_may_unpack_to_for_good() {
        let mut framing = Framing::default();
        assert_eq!(framing.feed(&messages(1, &[10])), 15 + 10 * GZIP_RATIO);
        assert_eq!(framing.feed(&messages(0, &[10])), 15 + 10 * GZIP_RATIO);
        assert_eq!(framing.feed(&[1, 255, 255, 255, 255]), 5 + limits::MAX_MESSAGE_BYTES);
        let mut framing = Framing::default();
        assert_eq!(framing.feed(&[0, 0, 64, 0, 0]), MOST);
        let mut framing = Framing::default();
        assert_eq!(framing.feed(&[0, 0, 64, 0, 1]), 5, "the decoder refuses it");
    }
}
