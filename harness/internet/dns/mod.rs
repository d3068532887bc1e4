//! The resolver of the fake internet: messages of RFC 1035 over UDP, TCP, TLS and HTTPS.
//! Every question is an effect; bytes that are no plain question are kept whole as well.

mod answer;
mod message;
mod serve;

pub use answer::resolve;
pub use serve::{over_json, over_stream};
