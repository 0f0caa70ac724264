//! The benchmark's figures as a table. Knows nothing of how they were measured.

use std::fmt::Write as _;

/// The measurements of one variant, one a round.
pub struct Row {
    title: &'static str,
    rates: Vec<f64>,
    ratios: Vec<f64>,
}

impl Row {
    /// A row without measurements.
    pub fn new(title: &'static str) -> Self {
        Self {
            title,
            rates: Vec::new(),
            ratios: Vec::new(),
        }
    }

    /// Adds a round: requests per second, and the same divided by the yardstick's in that round.
    pub fn add(&mut self, rate: f64, ratio: f64) {
        self.rates.push(rate);
        self.ratios.push(ratio);
    }
}

/// The report as Markdown.
pub fn markdown(rows: &[Row], setting: &str) -> String {
    let mut text = String::from(
        "# A hello program in one httpd\n\n\
         | variant | requests/s (median) | ratio to the C handler (median) | lowest | highest |\n\
         |---|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let [rates, ratios] = [&row.rates, &row.ratios].map(|values| sorted(values));
        let ends = (
            ratios.first().copied().unwrap_or_default(),
            ratios.last().copied().unwrap_or_default(),
        );
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.2} | {:.2} | {:.2} |",
            row.title,
            median(&rates),
            median(&ratios),
            ends.0,
            ends.1
        );
    }
    let _ = writeln!(text, "\n{setting}.");
    text
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// The middle of sorted values; 0 when there are none.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match (
        sorted.len() % 2,
        sorted.get(middle),
        middle.checked_sub(1).and_then(|below| sorted.get(below)),
    ) {
        (1, Some(value), _) => *value,
        (0, Some(upper), Some(lower)) => f64::midpoint(*lower, *upper),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, expected) in [
            (&[][..], 0.0),
            (&[3.0], 3.0),
            (&[1.0, 2.0], 1.5),
            (&[1.0, 2.0, 9.0], 2.0),
        ] {
            assert!((median(values) - expected).abs() < 1e-9, "{values:?}");
        }
    }
}
