//! What all charts are drawn with.

use super::text::{escaped, write};

/// How wide a chart is that stands beside others, or alone on a telephone.
pub(super) const NARROW: f64 = 300.0;

/// The beginning of a chart, with what it shows for those who hear it.
pub(super) fn begin(title: &str, width: f64, height: f64) -> String {
    let title = escaped(title);
    format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">")
}

/// A straight line.
pub(super) fn line(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    write(
        svg,
        format_args!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" x2=\"{x2:.1}\" y1=\"{y1:.1}\" y2=\"{y2:.1}\"/>"
        ),
    );
}

/// Some words.
pub(super) fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, class: &str, words: &str) {
    let words = escaped(words);
    write(
        svg,
        format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
        ),
    );
}

/// How many characters of a name have room beside a label on the same line.
pub(super) fn room_beside(label: &str) -> usize {
    // A bold character is some 7 wide, another 6, and something is free between the two.
    let free = 290_usize.saturating_sub(label.chars().count() * 7);
    free / 6
}

/// At most so many characters; the last is an ellipsis if some are missing.
pub(super) fn cut(words: &str, most: usize) -> String {
    if words.chars().count() <= most {
        return words.to_owned();
    }
    words.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Where numbers lie along a logarithmic axis from `low` to `high`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Log {
    /// From the power of ten below the least to the one above the largest of the numbers that are
    /// positive; none if there are none.
    pub(super) fn of(numbers: impl Iterator<Item = f64>) -> Option<Self> {
        let positive = numbers.filter(|number| number.is_finite() && *number > 0.0);
        let (low, high) =
            positive.fold((f64::INFINITY, 0.0_f64), |(low, high), n| (low.min(n), high.max(n)));
        (high > 0.0).then(|| Self::around(low, high))
    }

    fn around(low: f64, high: f64) -> Self {
        let power = |exponent: f64| 10.0_f64.powf(exponent);
        let (below, above) = (power(low.log10().floor()), power(high.log10().ceil()));
        Self { low: below, high: if above > below { above } else { below * 10.0 } }
    }

    /// 0 at the low end, 1 at the high one.
    pub(super) fn share(self, number: f64) -> f64 {
        ((number.max(self.low) / self.low).ln() / (self.high / self.low).ln()).clamp(0.0, 1.0)
    }

    /// The powers of ten, at most some seven of them.
    pub(super) fn ticks(self) -> Vec<f64> {
        let decades = (self.high / self.low).log10().round().max(1.0);
        let step = (decades / 6.0).ceil();
        let mut ticks = vec![self.low];
        while ticks.last().is_some_and(|last| *last < self.high * 0.999) {
            ticks.push(self.low * 10.0_f64.powf(step * ticks.len() as f64));
        }
        ticks.retain(|tick| *tick <= self.high * 1.001);
        ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_reaches_both_ends() {
        let axis = Log::of([30.0, 4_000.0, 0.0, f64::NAN].into_iter()).unwrap();
        assert_eq!(axis.ticks(), [10.0, 100.0, 1_000.0, 10_000.0]);
        assert!((axis.share(10.0), axis.share(5.0)) == (0.0, 0.0));
        assert!((axis.share(100.0) - 1.0 / 3.0).abs() < 1e-9);
        let wide = Log::of([1.0, 1e12].into_iter()).unwrap().ticks();
        assert!(wide.len() <= 8 && wide.len() > 4, "{wide:?}");
        let one = Log::of([100.0].into_iter()).unwrap();
        assert_eq!(one.ticks(), [100.0, 1_000.0]);
        assert!(Log::of([0.0, f64::INFINITY].into_iter()).is_none());
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(cut("redis · pipeline", 20), "redis · pipeline");
        assert_eq!(cut("ééééé", 4), "ééé…");
    }
}
