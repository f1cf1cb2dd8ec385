//! How a caller wants traces read: the mapping of CSV columns, the local time, the room to sort.

use std::path::PathBuf;
use std::str::FromStr;

use super::civil::UtcOffset;
use crate::limits;

/// How to read traces.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Which CSV column is what. Without it a CSV is refused, with its columns named.
    pub csv: Option<CsvColumns>,
    /// The local time of CSV times that name no offset. T-Drive is Beijing time, always.
    pub utc_offset: UtcOffset,
    /// Rows sorted in memory; more go to a temporary file.
    pub sort_rows: usize,
    /// Where the temporary file goes; `None` is the system's place.
    pub temp_dir: Option<PathBuf>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            csv: None,
            utc_offset: UtcOffset::UTC,
            sort_rows: limits::MAX_SORT_ROWS,
            temp_dir: None,
        }
    }
}

/// What a CSV column can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Field {
    Id,
    Time,
    Lat,
    Lng,
    Heading,
    Speed,
    Accuracy,
    Status,
}

impl Field {
    pub(super) const COUNT: usize = 8;

    pub(super) const ALL: [Self; Self::COUNT] = [
        Self::Id,
        Self::Time,
        Self::Lat,
        Self::Lng,
        Self::Heading,
        Self::Speed,
        Self::Accuracy,
        Self::Status,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Time => "time",
            Self::Lat => "lat",
            Self::Lng => "lng",
            Self::Heading => "heading",
            Self::Speed => "speed",
            Self::Accuracy => "accuracy",
            Self::Status => "status",
        }
    }

    const fn required(self) -> bool {
        (self as u8) < (Self::Heading as u8)
    }
}

/// Which column of a CSV gives what, by the names in its first line.
///
/// # Units
/// Heading in degrees clockwise from north, speed in m/s, accuracy in m. Time is a Unix time in
/// seconds (a fraction is read) or, from 10¹¹ on, in milliseconds, or a date and time of day.
/// Status is a name or number of [`crate::model::DriverStatus`].
///
/// # Examples
/// ```
/// use hansom::trace::CsvColumns;
/// let columns: CsvColumns = "id=driver,time=ts,lat=latitude,lng=longitude".parse()?;
/// let error = "id=driver,time=ts".parse::<CsvColumns>().unwrap_err();
/// assert_eq!(error.to_string(), "csv columns: `lat` is missing; id, time, lat and lng are required");
/// # Ok::<(), hansom::trace::CsvColumnsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvColumns {
    names: [Option<String>; Field::COUNT],
}

/// Why a text is no column mapping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvColumnsError {
    /// A part is not `field=column`.
    #[error("csv columns: {part:?} is not of the form field=column")]
    Form {
        /// The part.
        part: String,
    },
    /// The field is unknown.
    #[error(
        "csv columns: `{field}` is unknown; the fields are id, time, lat, lng, heading, speed, \
         accuracy, status"
    )]
    Unknown {
        /// The field.
        field: String,
    },
    /// A field is given twice.
    #[error("csv columns: `{field}` is given twice")]
    Twice {
        /// The field.
        field: &'static str,
    },
    /// A required field is missing.
    #[error("csv columns: `{field}` is missing; id, time, lat and lng are required")]
    Missing {
        /// The field.
        field: &'static str,
    },
}

impl CsvColumns {
    pub(super) fn column(&self, field: Field) -> Option<&str> {
        self.names[field as usize].as_deref()
    }
}

impl FromStr for CsvColumns {
    type Err = CsvColumnsError;

    fn from_str(text: &str) -> Result<Self, CsvColumnsError> {
        let mut names: [Option<String>; Field::COUNT] = Default::default();
        for part in text.split(',') {
            let form = || CsvColumnsError::Form { part: part.into() };
            let (key, column) = part.split_once('=').ok_or_else(form)?;
            let (key, column) = (key.trim(), column.trim());
            if column.is_empty() {
                return Err(form());
            }
            let known = Field::ALL.into_iter().find(|field| field.name() == key);
            let field = known.ok_or_else(|| CsvColumnsError::Unknown { field: key.into() })?;
            if names[field as usize].replace(column.into()).is_some() {
                return Err(CsvColumnsError::Twice { field: field.name() });
            }
        }
        let missing = Field::ALL.into_iter().find(|f| f.required() && names[*f as usize].is_none());
        match missing {
            Some(field) => Err(CsvColumnsError::Missing { field: field.name() }),
            None => Ok(Self { names }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_in_a_mapping_is_named() {
        let fails = |text: &str| text.parse::<CsvColumns>().unwrap_err().to_string();
        assert!(fails("").contains("\"\" is not of the form"));
        assert!(fails("id=a,time=b,lat=c,lng=").contains("\"lng=\" is not of the form"));
        assert!(fails("id=a,id=b").contains("`id` is given twice"));
        assert!(fails("lon=x").contains("`lon` is unknown"));
        let columns: CsvColumns = "id=a, time=b, lat=c, lng=d, speed = v".parse().unwrap();
        assert_eq!(columns.column(Field::Speed), Some("v"));
        assert_eq!(columns.column(Field::Heading), None);
    }
}
