//! Mail servers of the fake internet: RFC 5321 with the extensions that clients use, accepting
//! whatever no rule rejects. Each transaction is an effect before it is answered.

mod auth;
mod command;
pub(super) mod message;
mod rule;
mod session;
mod transaction;

pub use rule::{SmtpAction, SmtpRule, SmtpStage};
pub use session::serve;
