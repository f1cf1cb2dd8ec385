//! What an error of Redis means for the connection and for the breaker: one table.

use redis::{RedisError, ServerError};

use crate::units::Millis;

/// Why Redis was not asked, or did not answer what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The breaker is open: nothing was sent.
    #[error("redis is left alone for another {retry_in}")]
    Open {
        /// For how long.
        retry_in: Millis,
    },
    /// Nobody was found who has the role.
    #[error("no {role} was found: {detail}")]
    Nowhere {
        /// Who was looked for.
        role: &'static str,
        /// What the last one asked said.
        detail: String,
    },
    /// The connection failed, or what came over it makes no sense. Whether it was done is unknown.
    #[error("redis cannot be reached: {detail}")]
    Broken {
        /// What happened.
        detail: String,
    },
    /// Redis refused; nothing was done.
    #[error("redis refused: {code} {detail}")]
    Refused {
        /// The first word of the error.
        code: String,
        /// The rest.
        detail: String,
    },
}

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An answer like any other, which is the caller's affair.
    Answer,
    /// The server cannot now: the connection is good, the breaker opens.
    Busy,
    /// This is not the server to ask: look for another, the breaker opens.
    Elsewhere,
    /// The connection is not to be trusted any more.
    Broken,
}

impl Verdict {
    /// What the first word of an error means.
    pub fn of_code(code: &str) -> Self {
        match code {
            "OOM" | "LOADING" | "BUSY" | "MISCONF" | "TRYAGAIN" => Self::Busy,
            "READONLY" | "MASTERDOWN" | "NOREPLICAS" | "CLUSTERDOWN" | "NOAUTH" | "WRONGPASS"
            | "NOPERM" => Self::Elsewhere,
            _ => Self::Answer,
        }
    }

    /// What an error means: all that the server did not say is a broken connection.
    pub fn of(error: &LinkError) -> Self {
        match error {
            LinkError::Refused { code, .. } => Self::of_code(code),
            LinkError::Open { .. } => Self::Answer,
            LinkError::Nowhere { .. } | LinkError::Broken { .. } => Self::Broken,
        }
    }
}

impl From<RedisError> for LinkError {
    fn from(error: RedisError) -> Self {
        match error.code() {
            Some(code) => Self::Refused {
                code: code.to_owned(),
                detail: error.detail().unwrap_or_default().to_owned(),
            },
            None => Self::Broken { detail: error.to_string() },
        }
    }
}

impl From<&ServerError> for LinkError {
    fn from(error: &ServerError) -> Self {
        Self::Refused {
            code: error.code().to_owned(),
            detail: error.details().unwrap_or_default().to_owned(),
        }
    }
}

impl LinkError {
    /// Whether Redis answered with this word.
    pub fn has_code(&self, word: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_has_its_meaning() {
        for (word, meaning) in [
            ("OOM", Verdict::Busy),
            ("LOADING", Verdict::Busy),
            ("READONLY", Verdict::Elsewhere),
            ("MASTERDOWN", Verdict::Elsewhere),
            ("NOREPLICAS", Verdict::Elsewhere),
            ("CLUSTERDOWN", Verdict::Elsewhere),
            ("WRONGPASS", Verdict::Elsewhere),
            ("NOSCRIPT", Verdict::Answer),
            ("WRONGTYPE", Verdict::Answer),
        ] {
            assert_eq!(Verdict::of_code(word), meaning, "{word}");
        }
        let cut = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(Verdict::of(&cut.into()), Verdict::Broken);
        let garbage = RedisError::from((redis::ErrorKind::Parse, "x"));
        assert_eq!(Verdict::of(&garbage.into()), Verdict::Broken);
    }
}
