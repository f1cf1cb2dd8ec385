//! Whether entries in Redis say of a driver what the server says: a pure function of both.

use serde::{Deserialize, Serialize};

use crate::mirror::{Copied, Entry, geo_score};
use crate::model::DriverStatus;
use crate::units::Timestamp;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Redis lacks it.
    Missing,
    /// Only Redis has it, or has it where it is not any more.
    Haunting,
    /// Redis has it older than it was when first looked at.
    Behind,
    /// It is elsewhere.
    Position,
    /// It does something else.
    Status,
    /// Something else of it differs.
    Content,
}

/// What the server says of a driver who has a position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// All that is mirrored. The status may be offline: then nothing is.
    pub entry: Entry,
    /// The region of the position.
    pub region: u64,
}

impl Known {
    fn is_mirrored(&self) -> bool {
        self.entry.status != DriverStatus::Offline
    }
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Equal to the last bit, or rightly nothing.
    Same,
    /// Redis has something newer than what the server said: no contradiction.
    Newer,
    /// A contradiction, unless it goes by itself.
    Differs(Kind),
}

/// What the server says beside the entries that Redis has in whatever regions; of who is behind
/// Redis has to have reached `target`, the device time at the first look.
pub fn judge(known: Option<&Known>, copies: &[(u64, Copied)], target: Option<Timestamp>) -> Judged {
    let said = known.filter(|known| known.is_mirrored());
    let newer = |copied: &Copied| {
        let at = copied.entry.map(|entry| entry.at);
        known.is_some_and(|known| at.is_some_and(|at| at > known.entry.at))
    };
    // Two that contradict each other are a contradiction, whatever the server says.
    let elsewhere =
        copies.iter().filter(|(region, _)| said.is_none_or(|known| known.region != *region));
    let mut moved = false;
    for (_, copied) in elsewhere {
        if !newer(copied) {
            return Judged::Differs(Kind::Haunting);
        }
        moved = true;
    }
    let Some(said) = said else { return if moved { Judged::Newer } else { Judged::Same } };
    let Some((_, copied)) = copies.iter().find(|(region, _)| *region == said.region) else {
        return if moved { Judged::Newer } else { Judged::Differs(Kind::Missing) };
    };
    if moved {
        // Here and, newer, elsewhere: this one is to go.
        return Judged::Differs(Kind::Haunting);
    }
    let Some(entry) = copied.entry else { return Judged::Differs(Kind::Content) };
    if copied.score != geo_score(entry.position) {
        return Judged::Differs(Kind::Position);
    }
    if entry.at < target.unwrap_or(said.entry.at).min(said.entry.at) {
        return Judged::Differs(Kind::Behind);
    }
    if entry.at != said.entry.at {
        // It has been reported since the first look, and Redis has a report since then.
        return Judged::Newer;
    }
    if entry.position != said.entry.position {
        Judged::Differs(Kind::Position)
    } else if entry.status != said.entry.status {
        Judged::Differs(Kind::Status)
    } else if entry != said.entry {
        Judged::Differs(Kind::Content)
    } else {
        Judged::Same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: u64 = 7;
    const THERE: u64 = 8;

    fn entry(line: &str) -> Entry {
        Entry::parse(line).unwrap()
    }

    fn known(line: &str) -> Known {
        Known { entry: entry(line), region: HERE }
    }

    fn copied(line: &str) -> Copied {
        let entry = entry(line);
        let id = "a".parse().unwrap();
        Copied { id, entry: Some(entry), score: geo_score(entry.position) }
    }

    const LINE: &str = "10,20,1000,1,1,4,500,0,,,";

    #[test]
    fn what_is_equal_is_the_same_and_each_difference_has_its_kind() {
        let on = |line: &str| judge(Some(&known(LINE)), &[(HERE, copied(line))], None);
        assert_eq!(on(LINE), Judged::Same);
        assert_eq!(on("11,20,1000,1,1,4,500,0,,,"), Judged::Differs(Kind::Position));
        assert_eq!(on("10,20,1000,5,1,4,500,0,,,"), Judged::Differs(Kind::Status));
        assert_eq!(on("10,20,1000,1,2,4,500,0,,,"), Judged::Differs(Kind::Content));
        assert_eq!(on("10,20,1000,1,1,4,500,0,,9,"), Judged::Differs(Kind::Content));
        assert_eq!(on("10,20,999,1,1,4,500,0,,,"), Judged::Differs(Kind::Behind));
        assert_eq!(on("99,20,1001,5,1,4,500,0,,,"), Judged::Newer);
        let missing = judge(Some(&known(LINE)), &[], None);
        assert_eq!(missing, Judged::Differs(Kind::Missing));
        let unread = Copied { entry: None, ..copied(LINE) };
        let unread = judge(Some(&known(LINE)), &[(HERE, unread)], None);
        assert_eq!(unread, Judged::Differs(Kind::Content));
    }

    #[test]
    fn the_geo_set_has_to_agree_with_the_line() {
        for score in [None, Some(0)] {
            let copied = Copied { score, ..copied(LINE) };
            let judged = judge(Some(&known(LINE)), &[(HERE, copied)], None);
            assert_eq!(judged, Judged::Differs(Kind::Position));
        }
        let polar = "880000000,20,1000,1,1,4,500,0,,,";
        assert_eq!(judge(Some(&known(polar)), &[(HERE, copied(polar))], None), Judged::Same);
    }

    #[test]
    fn who_should_not_be_there_haunts() {
        let offline = known("10,20,1000,0,1,4,500,0,,,");
        assert_eq!(judge(None, &[], None), Judged::Same);
        assert_eq!(judge(Some(&offline), &[], None), Judged::Same);
        let there = [(HERE, copied(LINE))];
        assert_eq!(judge(None, &there, None), Judged::Differs(Kind::Haunting));
        assert_eq!(judge(Some(&offline), &there, None), Judged::Differs(Kind::Haunting));
        let elsewhere = [(THERE, copied(LINE))];
        assert_eq!(judge(Some(&known(LINE)), &elsewhere, None), Judged::Differs(Kind::Haunting));
        let both = [(HERE, copied(LINE)), (THERE, copied(LINE))];
        assert_eq!(judge(Some(&known(LINE)), &both, None), Judged::Differs(Kind::Haunting));
        let moved = [(THERE, copied("10,20,1001,1,1,4,500,0,,,"))];
        assert_eq!(judge(Some(&known(LINE)), &moved, None), Judged::Newer);
    }

    #[test]
    fn who_keeps_moving_has_to_be_reached_and_no_more() {
        let now = known("50,20,9000,1,1,4,500,0,,,");
        let then = Some(Timestamp::from_millis(5_000));
        let on = |line: &str| judge(Some(&now), &[(HERE, copied(line))], then);
        assert_eq!(on("30,20,5000,1,1,4,500,0,,,"), Judged::Newer);
        assert_eq!(on("30,20,4999,1,1,4,500,0,,,"), Judged::Differs(Kind::Behind));
        assert_eq!(on("51,20,9000,1,1,4,500,0,,,"), Judged::Differs(Kind::Position));
    }
}
