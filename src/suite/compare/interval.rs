//! The ratio of two samples of positive numbers, and where it lies.
//!
//! Rates and times vary by factors, so their logarithms are compared: Welch's two-sample t interval,
//! which does not suppose that both vary alike. A bootstrap of three to five runs a side would have
//! some ten different resamples and intervals that are too narrow, so there is none.
//!
//! # References
//! B. L. Welch, 1947, *The generalization of 'Student's' problem when several different population
//! variances are involved*, Biometrika 34, doi:10.1093/biomet/34.1-2.28. F. E. Satterthwaite, 1946,
//! *An approximate distribution of estimates of variance components*, Biometrics Bulletin 2,
//! doi:10.2307/3002019. O. J. Dunn, 1961, *Multiple comparisons among means*, JASA 56,
//! doi:10.1080/01621459.1961.10482090 (what the caller divides its chance of error by).

/// Where a ratio lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Of the inverse ratio.
    #[must_use]
    pub fn inverse(self) -> Self {
        Self { low: 1.0 / self.high, high: 1.0 / self.low }
    }
}

/// The geometric mean of positive numbers.
pub(super) fn geometric_mean(values: &[f64]) -> f64 {
    moments(values).0.exp()
}

/// The mean of the logarithms, and the variance of that mean.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| value.ln()).sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value.ln() - mean).powi(2)).sum();
    (mean, squares / (count - 1.0).max(1.0) / count)
}

/// Where the ratio of the second sample's geometric mean to the first's lies, but for a chance of
/// `error`; none if one of the samples has a single value, of which nobody knows how much it varies.
///
/// # Guarantees
/// With logarithms that are normal, the interval misses the true ratio with a chance of `error`, nearly
/// (Welch's degrees of freedom are approximate).
pub(super) fn welch(before: &[f64], after: &[f64], error: f64) -> Option<Interval> {
    if before.len() < 2 || after.len() < 2 {
        return None;
    }
    let ((old, old_variance), (new, new_variance)) = (moments(before), moments(after));
    let variance = old_variance + new_variance;
    let middle = new - old;
    if variance <= 0.0 {
        return Some(Interval { low: middle.exp(), high: middle.exp() });
    }
    let freedom = |variance: f64, count: usize| variance * variance / (count as f64 - 1.0);
    let freedom = variance * variance
        / (freedom(old_variance, before.len()) + freedom(new_variance, after.len()));
    let reach = student(error, freedom) * variance.sqrt();
    Some(Interval { low: (middle - reach).exp(), high: (middle + reach).exp() })
}

/// The number that Student's t with so many degrees of freedom exceeds, either way, with this chance.
fn student(error: f64, freedom: f64) -> f64 {
    // The chance falls with t, so halving finds it. 1e12 is beyond what any chance of use needs.
    let (mut low, mut high) = (0.0_f64, 1e12_f64);
    for _ in 0..200 {
        // Halves of the exponent first, as t may be of any size.
        let middle = if high > 2.0 * low.max(1.0) {
            (low.max(0.5) * high).sqrt()
        } else {
            f64::midpoint(low, high)
        };
        if either_tail(middle, freedom) > error {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The chance that Student's t is at least as far from 0 as this: `I_x(ν/2, 1/2)` with
/// `x = ν / (ν + t²)` (NIST, Digital Library of Mathematical Functions, 8.17).
fn either_tail(t: f64, freedom: f64) -> f64 {
    let x = freedom / (freedom + t * t);
    let (a, b) = (freedom / 2.0, 0.5);
    if x >= 1.0 {
        return 1.0;
    }
    let front =
        (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    // The fraction converges fast on the one side, and the symmetry leads there from the other.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by the method of Lentz as
/// Thompson and Barnett have it (1986, doi:10.1016/0021-9991(86)90046-X).
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let safe = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut above = 1.0;
    let mut below = 1.0 / safe(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = below;
    for step in 1..500 {
        let step = f64::from(step);
        let even = step * (b - step) * x / ((a + 2.0 * step - 1.0) * (a + 2.0 * step));
        let odd = -(a + step) * (a + b + step) * x / ((a + 2.0 * step) * (a + 2.0 * step + 1.0));
        let mut factor = 1.0;
        for term in [even, odd] {
            below = 1.0 / safe(1.0 + term * below);
            above = safe(1.0 + term / above);
            factor = above * below;
            fraction *= factor;
        }
        if (factor - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// The logarithm of the gamma function of a positive number: Stirling's series (DLMF 5.11.1) from 10
/// on, to which the recurrence leads.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0);
    while x < 10.0 {
        product *= x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1_260.0 - y / 1_680.0))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + series - f64::ln(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, known: f64, relative: f64) {
        assert!((found / known - 1.0).abs() < relative, "{found} instead of {known}");
    }

    #[test]
    fn student_is_as_tables_have_it() {
        // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, two-sided.
        for (error, freedom, known) in [
            (0.05, 1.0, 12.706),
            (0.05, 4.0, 2.776),
            (0.05, 10.0, 2.228),
            (0.01, 4.0, 4.604),
            (0.002, 4.0, 7.173),
            (0.1, 30.0, 1.697),
            (0.05, 100.0, 1.984),
        ] {
            near(student(error, freedom), known, 3e-4);
        }
        near(student(0.05, 1e6), 1.959_966, 1e-5);
        // One degree of freedom is Cauchy's: the tail is 1 - 2/π atan(t).
        near(student(1e-6, 1.0), 1.0 / (std::f64::consts::PI * 5e-7).tan(), 1e-6);
        near(either_tail(3.0, 1.0), 1.0 - 2.0 / std::f64::consts::PI * 3.0_f64.atan(), 1e-12);
    }

    #[test]
    fn gamma_is_the_factorial() {
        near(ln_gamma(11.0), 3_628_800.0_f64.ln(), 1e-12);
        near(ln_gamma(0.5), std::f64::consts::PI.sqrt().ln(), 1e-10);
    }

    #[test]
    fn an_interval_is_of_the_ratio_whatever_the_unit() {
        let (before, after) = ([100.0, 104.0, 97.0], [50.0, 52.5, 49.0]);
        let interval = welch(&before, &after, 0.05).unwrap();
        assert!(interval.low < 0.503 && 0.503 < interval.high, "{interval:?}");
        near(geometric_mean(&after) / geometric_mean(&before), 0.503_1, 1e-3);
        let thousand = |values: [f64; 3]| values.map(|value| value * 1e3);
        let scaled = welch(&thousand(before), &thousand(after), 0.05).unwrap();
        near(scaled.low, interval.low, 1e-9);
        let turned = welch(&after, &before, 0.05).unwrap().inverse();
        near(turned.low, interval.low, 1e-9);
        near(turned.high, interval.high, 1e-9);
        let wider = welch(&before, &after, 0.001).unwrap();
        assert!(wider.low < interval.low && interval.high < wider.high, "{wider:?}");
        assert_eq!(welch(&before, &[50.0], 0.05), None);
        let still = welch(&[2.0, 2.0], &[4.0, 4.0], 0.05).unwrap();
        near(still.low, 2.0, 1e-12);
        near(still.high, 2.0, 1e-12);
    }
}
