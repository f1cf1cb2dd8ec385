//! Where people want to be: a few busy places that most trips start or end at.

use super::city::{City, Node};
use super::dice::Dice;

const SPOTS: usize = 7;

/// The busy places of one fleet's city.
#[derive(Debug)]
pub(super) struct HotSpots {
    /// Centre in the grid's plane and spread, in metres.
    spots: [([f64; 2], f64); SPOTS],
}

impl HotSpots {
    pub(super) fn new(city: &City, dice: &mut Dice) -> Self {
        let [x, y] = city.half_extent();
        let mut spot = || {
            let center = [dice.between(-x, x) * 0.85, dice.between(-y, y) * 0.85];
            (center, dice.between(150.0, 700.0))
        };
        Self { spots: std::array::from_fn(|_| spot()) }
    }

    /// A crossing that somebody wants to go to: three times in four at a busy place, of which
    /// the first are the busiest.
    pub(super) fn pick(&self, city: &City, dice: &mut Dice) -> Node {
        let [x, y] = city.half_extent();
        if dice.chance(0.25) {
            return city.nearest([dice.between(-x, x), dice.between(-y, y)]);
        }
        let place = dice.unit();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 0..SPOTS")]
        let number = (place * place * SPOTS as f64) as usize;
        let ([cx, cy], spread) = self.spots[number.min(SPOTS - 1)];
        city.nearest([cx + dice.bell() * spread, cy + dice.bell() * spread])
    }

    /// A crossing within some blocks: where a pickup is.
    pub(super) fn near(&self, city: &City, node: Node, dice: &mut Dice) -> Node {
        let [x, y] = city.plane(node);
        let reach = self.spots[0].1.max(500.0);
        city.nearest([x + dice.bell() * reach, y + dice.bell() * reach])
    }
}
