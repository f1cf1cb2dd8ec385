//! Round numbers along an axis.

/// Steps of 1, 2 or 5 times a power of ten from 0 to at least `largest`: about `wanted` of them.
pub(crate) fn ticks(largest: f64, wanted: f64) -> Vec<f64> {
    if !(largest.is_finite() && largest > 0.0) {
        return vec![0.0, 1.0];
    }
    let rough = largest / wanted;
    let power = 10.0_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(10.0 * power);
    let mut ticks = vec![0.0];
    while ticks.last().is_some_and(|last| *last < largest * 0.999) {
        ticks.push(step * ticks.len() as f64);
    }
    ticks
}

/// Times of minutes along an axis: steps that clocks have.
pub(crate) fn minutes(largest: f64, wanted: f64) -> Vec<f64> {
    let steps = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 360.0, 720.0, 1_440.0];
    match steps.into_iter().find(|step| *step * wanted >= largest) {
        Some(step) if largest > 0.0 => {
            let mut ticks = vec![0.0];
            while ticks.last().is_some_and(|last| last + step <= largest) {
                ticks.push(step * ticks.len() as f64);
            }
            ticks
        }
        _ => ticks(largest, wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_end() {
        assert_eq!(ticks(8.7, 5.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(0.87, 5.0).len(), 6);
        assert_eq!(ticks(52_502.0, 5.0), [0.0, 20_000.0, 40_000.0, 60_000.0]);
        assert_eq!(ticks(3.0, 5.0), [0.0, 1.0, 2.0, 3.0]);
        for nothing in [0.0, f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(ticks(nothing, 5.0), [0.0, 1.0]);
        }
        assert_eq!(minutes(105.0, 8.0), [0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0, 105.0]);
        assert_eq!(minutes(20.0, 5.0), [0.0, 5.0, 10.0, 15.0, 20.0]);
    }
}
