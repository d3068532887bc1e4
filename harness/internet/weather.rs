//! How upstreams are doing: well, or failing in one of the ways that real ones do. A server that
//! acts otherwise when its upstream fails is seen to.

use super::mock::Answer;
use serde_json::json;

/// What every upstream answers for the time being.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// What it should.
    #[default]
    Fair,
    /// An internal error (RFC 9110, section 15.6.1).
    Broken,
    /// Too many requests (RFC 6585, section 4).
    Crowded,
    /// These credentials are not good any more (RFC 9110, section 15.5.2).
    Locked,
    /// JSON that ends in the middle, under a status that says all is well.
    Garbled,
}

/// All but fair, in the order of [`Weather::nth`].
const FOUL: [Weather; 4] = [
    Weather::Broken,
    Weather::Crowded,
    Weather::Locked,
    Weather::Garbled,
];

impl Weather {
    /// One of the foul ones.
    pub fn nth(nth: u32) -> Self {
        FOUL[nth as usize % FOUL.len()]
    }

    pub(super) fn code(self) -> u8 {
        FOUL.iter()
            .position(|foul| *foul == self)
            .map_or(0, |at| at as u8 + 1)
    }

    pub(super) fn of_code(code: u8) -> Self {
        let foul = code.checked_sub(1).and_then(|at| FOUL.get(at as usize));
        foul.copied().unwrap_or_default()
    }

    /// What a web server answers in it; nothing of its own where it is fair.
    pub(super) fn answer(self) -> Option<Answer> {
        let error = |status, why: &str| {
            let body = json!({"error": {"code": status, "message": why}, "message": why});
            Answer::json(status, &body, BY)
        };
        Some(match self {
            Self::Fair => return None,
            Self::Broken => error(500, "Internal Server Error"),
            Self::Crowded => {
                let mut answer = error(429, "Too Many Requests");
                answer.headers.push(("retry-after".into(), "1".into()));
                answer
            }
            Self::Locked => {
                let mut answer = error(401, "Unauthorized");
                let challenge = (
                    "www-authenticate".into(),
                    "Bearer error=\"invalid_token\"".into(),
                );
                answer.headers.push(challenge);
                answer
            }
            Self::Garbled => Answer::bytes(200, "application/json", "{\"data\": [{\"id\": \"", BY),
        })
    }

    /// The reply with which a mail server refuses in it (RFC 5321, section 4.2.3).
    pub(super) fn refusal(self) -> Option<String> {
        let reply = match self {
            Self::Fair => return None,
            Self::Broken | Self::Garbled => "451 4.3.0 Requested action aborted: local error",
            Self::Crowded => "452 4.3.1 Insufficient system storage",
            Self::Locked => "550 5.7.1 Message rejected",
        };
        Some(reply.to_owned())
    }
}

/// Who answers.
const BY: &str = "failing upstream";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_answers() {
        for nth in 0..FOUL.len() as u32 {
            let foul = Weather::nth(nth);
            assert_eq!(Weather::of_code(foul.code()), foul);
            assert!(foul.answer().is_some() && foul.refusal().is_some());
        }
        let fair = Weather::Fair;
        assert_eq!(Weather::of_code(fair.code()), fair);
        assert_eq!(Weather::of_code(250), fair);
        assert!(fair.answer().is_none() && fair.refusal().is_none());
        let garbled = Weather::Garbled.answer().unwrap().body;
        assert!(serde_json::from_slice::<serde_json::Value>(&garbled).is_err());
    }
}
