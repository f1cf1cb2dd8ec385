//! Numbers for people.

/// A whole number with its thousands set apart.
pub(crate) fn grouped(number: u64) -> String {
    thousands(&number.to_string())
}

/// A number that is not negative, rounded, with its thousands set apart.
pub(crate) fn rounded(number: f64) -> String {
    thousands(&format!("{number:.0}"))
}

/// Digits of a whole number with its thousands set apart.
fn thousands(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number that is not negative in three figures: 9.91 M, 225 k, 0.012.
pub(crate) fn short(number: f64) -> String {
    let (scaled, unit) = match number {
        n if n >= 999.5e6 => (n / 1e9, " G"),
        n if n >= 999.5e3 => (n / 1e6, " M"),
        n if n >= 999.5 => (n / 1e3, " k"),
        n => (n, ""),
    };
    format!("{}{unit}", three(scaled))
}

/// A number with its unit, without zeros that say nothing: `1.00 ms` is `1 ms`.
pub(crate) fn trimmed(text: &str) -> String {
    let (number, unit) = text.split_once(' ').map_or((text, ""), |(n, unit)| (n, unit));
    let number = if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    };
    if unit.is_empty() { number.to_owned() } else { format!("{number} {unit}") }
}

/// Microseconds: 0.82 µs, 1.30 ms, 2.10 s.
pub(crate) fn micros(micros: f64) -> String {
    match micros {
        t if t >= 999.5e3 => format!("{} s", three(t / 1e6)),
        t if t >= 999.5 => format!("{} ms", three(t / 1e3)),
        t => format!("{} µs", three(t)),
    }
}

/// Bytes, in whole ones where they are many.
pub(crate) fn bytes(bytes: f64) -> String {
    format!("{} B", if bytes >= 99.5 { rounded(bytes) } else { three(bytes) })
}

/// How many times: 310 ×, 44.1 ×, 0.62 ×.
pub(crate) fn times(ratio: f64) -> String {
    format!("{} ×", if ratio >= 99.5 { rounded(ratio) } else { three(ratio) })
}

/// At most three figures before and after the point together, and no more than two after it unless
/// the number is tiny.
fn three(number: f64) -> String {
    match number {
        n if n >= 99.95 => format!("{n:.0}"),
        n if n >= 9.995 => format!("{n:.1}"),
        n if n >= 0.0995 || n <= 0.0 => format!("{n:.2}"),
        n if n >= 0.000_5 => format!("{n:.3}"),
        n => format!("{n:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_three() {
        let numbers = [0.0, 0.012, 0.123, 9.996, 99.96, 225_431.0, 999_600.0, 9_912_345.0, 2.1e9];
        let texts = ["0.00", "0.012", "0.12", "10.0", "100", "225 k", "1.00 M", "9.91 M", "2.10 G"];
        assert_eq!(numbers.map(short), texts);
        let times_ = [0.618, 3.205, 44.13, 99.7, 1_240.4].map(times);
        assert_eq!(times_, ["0.62 ×", "3.21 ×", "44.1 ×", "100 ×", "1,240 ×"]);
        assert_eq!(
            [0.82, 999.6, 1_300.0, 2.1e6, 3e-7].map(micros),
            ["0.82 µs", "1.00 ms", "1.30 ms", "2.10 s", "3e-7 µs"]
        );
        let trim = ["1.00 ms", "2.50 µs", "100 k", "0.00"].map(trimmed);
        assert_eq!(trim, ["1 ms", "2.5 µs", "100 k", "0"]);
        assert_eq!([63.6, 113.4, 1_965.0].map(bytes), ["63.6 B", "113 B", "1,965 B"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 7_713_624.4].map(rounded), ["0", "7,713,624"]);
    }
}
