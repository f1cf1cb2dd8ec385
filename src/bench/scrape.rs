//! What a server says of itself: its `/metrics`, read over one connection each time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::stage::BenchError;

/// What stands in a server's metrics, by name and labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Page(BTreeMap<String, f64>);

impl Page {
    /// Reads the text format of Prometheus.
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let values = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(values.collect())
    }

    pub(super) fn value(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// The sum over all labels.
    pub(super) fn sum(&self, name: &str) -> f64 {
        let labelled = format!("{name}{{");
        self.0.iter().filter(|(key, _)| key.starts_with(&labelled)).map(|(_, value)| value).sum()
    }

    /// How often something was recorded since an earlier page, and its mean.
    pub(super) fn mean_since(&self, earlier: &Self, name: &str) -> Option<(f64, f64)> {
        let since = |suffix: &str| {
            let name = format!("{name}_{suffix}");
            Some(self.value(&name)? - earlier.value(&name).unwrap_or_default())
        };
        let (count, sum) = (since("count")?, since("sum")?);
        (count > 0.0).then(|| (count, sum / count))
    }

    /// The upper end of the bucket in which a share of what was recorded since an earlier page lies.
    pub(super) fn within_since(&self, earlier: &Self, name: &str, share: f64) -> Option<f64> {
        let prefix = format!("{name}_bucket{{le=\"");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (key, value) in self.0.range(prefix.clone()..) {
            let Some(end) = key.strip_prefix(&prefix) else { break };
            let end = end.trim_end_matches("\"}");
            let end = if end == "+Inf" { f64::INFINITY } else { end.parse().ok()? };
            buckets.push((end, value - earlier.value(key).unwrap_or_default()));
        }
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let all = buckets.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
        buckets.iter().find(|(_, count)| *count >= share * all).map(|(end, _)| *end)
    }
}

/// The server's metrics now.
async fn page(http: SocketAddr) -> std::io::Result<Page> {
    let mut socket = TcpStream::connect(http).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| Page::parse(body)).unwrap_or_default())
}

/// The server's metrics now, within ten seconds.
///
/// # Errors
/// [`BenchError::Metrics`].
pub(super) async fn look(http: SocketAddr) -> Result<Page, BenchError> {
    let failed = |cause: String| BenchError::Metrics { address: http.to_string(), cause };
    let page = tokio::time::timeout(Duration::from_secs(10), page(http)).await;
    let page = page.map_err(|_| failed("no answer within 10 s".to_owned()))?;
    page.map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_between_two_pages() {
        let text = |counts: [u32; 3], sum: f64| {
            let [one, two, all] = counts;
            format!(
                "# TYPE x histogram\nx_bucket{{le=\"0.001\"}} {one}\nx_bucket{{le=\"0.5\"}} {two}\n\
                 x_bucket{{le=\"+Inf\"}} {all}\nx_sum {sum}\nx_count {all}\n\
                 open{{state=\"a\"}} 2\nopen{{state=\"b\"}} 3\n"
            )
        };
        let (before, after) =
            (Page::parse(&text([1, 1, 2], 1.0)), Page::parse(&text([4, 10, 12], 3.0)));
        assert_eq!(after.sum("open").to_bits(), 5.0_f64.to_bits());
        assert_eq!(after.mean_since(&before, "x"), Some((10.0, 0.2)));
        assert_eq!(after.within_since(&before, "x", 0.3), Some(0.001));
        assert_eq!(after.within_since(&before, "x", 0.9), Some(0.5));
        assert_eq!(after.within_since(&before, "x", 0.99), Some(f64::INFINITY));
        assert_eq!(after.within_since(&after, "x", 0.5), None);
        assert_eq!(after.mean_since(&before, "y"), None);
    }
}
