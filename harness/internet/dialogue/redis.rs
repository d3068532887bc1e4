//! Redis (the protocol specification RESP2 and RESP3 of redis.io; inline commands of telnet).
//!
//! | command | answer |
//! | --- | --- |
//! | `HELLO` | who it is, in the version of the protocol that was asked for |
//! | `AUTH`, `SELECT`, `SET`, `CLIENT …` and whatever is not below | `OK` |
//! | `PING`, `ECHO` | `PONG`, the same |
//! | `GET`, `HGET`, `LPOP` and other look-ups | nothing there |
//! | `KEYS`, `LRANGE`, `HGETALL`, `SCAN` and other lists | none |
//! | `DEL`, `EXISTS`, `TTL` and other questions for a number | 0 |
//! | `INCR`, `LPUSH`, `SADD`, `PUBLISH` and other counts | 1 |
//! | `INFO` | a version |
//! | `SUBSCRIBE` | that it is subscribed |
//! | `QUIT` | `OK`, and the end |

use super::{Dialogue, Heard, Message, Then, value};

/// Most words of one command: what its protocol allows (`PROTO_MAX_QUERYBUF` aside).
const WORDS: usize = 1 << 16;
/// Longest inline command (`PROTO_INLINE_MAX_SIZE`).
const INLINE: usize = 64 << 10;
/// Bytes of answers that one transaction holds back; what is beyond them is not answered.
const HELD: usize = 64 << 10;
const VERSION: &str = "7.2.4";

/// A connection to a Redis server that lets everybody in and holds nothing.
#[derive(Debug, Default)]
pub struct Redis {
    resp3: bool,
    /// How many answers a transaction holds back, and these.
    held: Option<(usize, Vec<u8>)>,
}

impl Dialogue for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn hear(&mut self, bytes: &[u8], _: bool) -> Heard {
        let (words, len) = match command(bytes) {
            Parsed::More => return Heard::More,
            Parsed::Nonsense => return Heard::Nonsense,
            Parsed::Words(words, len) => (words, len),
        };
        let Some((name, rest)) = words.split_first() else {
            return Heard::Message(Message::new(len, Vec::new()));
        };
        let name = value(name).to_ascii_uppercase();
        let mut message = Message::new(len, self.answer_now(&name, rest));
        if name == "QUIT" {
            message = message.then(Then::End);
        }
        message = message.with("command", name.as_str());
        for (i, word) in rest.iter().enumerate() {
            message = message.with(format!("{name}[{}]", i + 1), value(word));
        }
        Heard::Message(message)
    }
}

impl Redis {
    /// Transactions: what is in one is answered at its end.
    fn answer_now(&mut self, name: &str, words: &[&[u8]]) -> Vec<u8> {
        match (name, self.held.take()) {
            ("MULTI", _) => {
                self.held = Some((0, Vec::new()));
                b"+OK\r\n".to_vec()
            }
            ("EXEC", Some((count, answers))) => {
                [format!("*{count}\r\n").as_bytes(), &answers].concat()
            }
            ("DISCARD" | "EXEC", _) | (_, None) => self.answer(name, words),
            (_, Some((count, mut answers))) => {
                let answer = self.answer(name, words);
                if answers.len() + answer.len() <= HELD {
                    answers.extend(answer);
                    self.held = Some((count + 1, answers));
                } else {
                    self.held = Some((count, answers));
                }
                b"+QUEUED\r\n".to_vec()
            }
        }
    }

    fn answer(&mut self, name: &str, words: &[&[u8]]) -> Vec<u8> {
        let null: &[u8] = if self.resp3 { b"_\r\n" } else { b"$-1\r\n" };
        let empty_map: &[u8] = if self.resp3 { b"%0\r\n" } else { b"*0\r\n" };
        match name {
            "PING" if words.is_empty() => b"+PONG\r\n".to_vec(),
            "PING" | "ECHO" => bulk(words.first().copied().unwrap_or_default()),
            "HELLO" => {
                self.resp3 = words.first() == Some(&&b"3"[..]);
                self.hello()
            }
            "GET" | "GETDEL" | "GETEX" | "HGET" | "LPOP" | "RPOP" | "LINDEX" | "SPOP"
            | "SRANDMEMBER" | "ZSCORE" | "BLPOP" | "BRPOP" | "RANDOMKEY" | "ZRANK" => null.to_vec(),
            "MGET" | "HMGET" => {
                let asked = words.len() - usize::from(name == "HMGET" && !words.is_empty());
                let mut answer = format!("*{asked}\r\n").into_bytes();
                answer.extend(null.repeat(asked));
                answer
            }
            "KEYS" | "LRANGE" | "SMEMBERS" | "HKEYS" | "HVALS" | "ZRANGE" | "ZRANGEBYSCORE"
            | "ZREVRANGE" | "SINTER" | "SUNION" | "SDIFF" | "XRANGE" | "COMMAND" | "EXEC" => {
                b"*0\r\n".to_vec()
            }
            "HGETALL" | "CONFIG" => empty_map.to_vec(),
            "XREAD" | "XREADGROUP" => null.to_vec(),
            "SCAN" | "HSCAN" | "SSCAN" | "ZSCAN" => b"*2\r\n$1\r\n0\r\n*0\r\n".to_vec(),
            "DEL" | "UNLINK" | "EXISTS" | "LLEN" | "SCARD" | "HLEN" | "ZCARD" | "STRLEN"
            | "SISMEMBER" | "HEXISTS" | "DBSIZE" | "XLEN" | "HDEL" | "SREM" | "ZREM" | "LREM"
            | "PERSIST" | "TTL" | "PTTL" => match name {
                "TTL" | "PTTL" => b":-2\r\n".to_vec(),
                _ => b":0\r\n".to_vec(),
            },
            "INCR" | "INCRBY" | "HINCRBY" | "LPUSH" | "RPUSH" | "SADD" | "HSET" | "HSETNX"
            | "ZADD" | "SETNX" | "PUBLISH" | "EXPIRE" | "PEXPIRE" | "EXPIREAT" | "APPEND" => {
                b":1\r\n".to_vec()
            }
            "DECR" | "DECRBY" => b":-1\r\n".to_vec(),
            "INFO" => bulk(
                format!(
                    "# Server\r\nredis_version:{VERSION}\r\nredis_mode:standalone\r\nos:Linux\r\n\
                     # Persistence\r\nloading:0\r\n# Replication\r\nrole:master\r\n"
                )
                .as_bytes(),
            ),
            "XADD" => bulk(b"1-1"),
            "CLIENT" if words.first().is_some_and(|w| w.eq_ignore_ascii_case(b"ID")) => {
                b":7\r\n".to_vec()
            }
            "SUBSCRIBE" | "PSUBSCRIBE" => self.subscribed(name, words),
            _ => b"+OK\r\n".to_vec(),
        }
    }

    fn hello(&self) -> Vec<u8> {
        let head = if self.resp3 { "%7\r\n" } else { "*14\r\n" };
        let mut answer = head.as_bytes().to_vec();
        let proto = if self.resp3 { b":3\r\n" } else { b":2\r\n" };
        for (name, what) in [
            ("server", bulk(b"redis")),
            ("version", bulk(VERSION.as_bytes())),
            ("proto", proto.to_vec()),
            ("id", b":7\r\n".to_vec()),
            ("mode", bulk(b"standalone")),
            ("role", bulk(b"master")),
            ("modules", b"*0\r\n".to_vec()),
        ] {
            answer.extend(bulk(name.as_bytes()));
            answer.extend(what);
        }
        answer
    }

    fn subscribed(&self, name: &str, channels: &[&[u8]]) -> Vec<u8> {
        let mut answer = Vec::new();
        for (i, channel) in channels.iter().enumerate() {
            answer.push(if self.resp3 { b'>' } else { b'*' });
            answer.extend(b"3\r\n");
            answer.extend(bulk(name.to_ascii_lowercase().as_bytes()));
            answer.extend(bulk(channel));
            answer.extend(format!(":{}\r\n", i + 1).into_bytes());
        }
        answer
    }
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    let head = format!("${}\r\n", bytes.len());
    [head.as_bytes(), bytes, b"\r\n"].concat()
}

enum Parsed<'a> {
    More,
    Nonsense,
    /// The words of a command, and bytes of it in all.
    Words(Vec<&'a [u8]>, usize),
}

fn command(bytes: &[u8]) -> Parsed<'_> {
    if bytes.first() != Some(&b'*') {
        return inline(bytes);
    }
    let (count, mut at) = match number(bytes, 1) {
        Line::Number(count, at) if count as usize <= WORDS => (count as usize, at),
        Line::More => return Parsed::More,
        _ => return Parsed::Nonsense,
    };
    let mut words = Vec::new();
    for _ in 0..count {
        match bytes.get(at) {
            None => return Parsed::More,
            Some(b'$') => {}
            Some(_) => return Parsed::Nonsense,
        }
        let (len, start) = match number(bytes, at + 1) {
            Line::Number(len, start) => (len as usize, start),
            Line::More => return Parsed::More,
            Line::Nonsense => return Parsed::Nonsense,
        };
        let end = start + len;
        match bytes.get(end..end + 2) {
            None => return Parsed::More,
            Some(b"\r\n") => {}
            Some(_) => return Parsed::Nonsense,
        }
        words.push(&bytes[start..end]);
        at = end + 2;
    }
    Parsed::Words(words, at)
}

enum Line {
    More,
    Nonsense,
    /// A number, and where the next line begins.
    Number(u32, usize),
}

/// The decimal number of a line that begins at `at`.
fn number(bytes: &[u8], at: usize) -> Line {
    let rest = bytes.get(at..).unwrap_or_default();
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits > 9 {
        return Line::Nonsense;
    }
    match rest.get(digits..digits + 2) {
        Some(b"\r\n") => {}
        None if matches!(rest.get(digits..), Some([] | [b'\r'])) => return Line::More,
        _ => return Line::Nonsense,
    }
    let text = std::str::from_utf8(&rest[..digits]).unwrap_or_default();
    match text.parse() {
        Ok(number) => Line::Number(number, at + digits + 2),
        Err(_) => Line::Nonsense,
    }
}

fn inline(bytes: &[u8]) -> Parsed<'_> {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return match bytes.len() > INLINE
            || bytes
                .iter()
                .any(|b| b.is_ascii_control() && *b != b'\r' && *b != b'\t')
        {
            true => Parsed::Nonsense,
            false => Parsed::More,
        };
    };
    let line = &bytes[..end];
    if line
        .iter()
        .any(|b| b.is_ascii_control() && *b != b'\r' && *b != b'\t')
    {
        return Parsed::Nonsense;
    }
    let words = line
        .split(|b| b.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    Parsed::Words(words.collect(), end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(redis: &mut Redis, bytes: &[u8]) -> (Vec<(String, String)>, String) {
        match redis.hear(bytes, false) {
            Heard::Message(m) => {
                assert_eq!(m.len, bytes.len());
                (m.fields, String::from_utf8(m.answer).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn commands_are_taken_apart_and_answered() {
        let mut redis = Redis::default();
        let field = |place: &str, value: &str| (place.to_owned(), value.to_owned());
        let (fields, answer) = said(
            &mut redis,
            b"*3\r\n$4\r\nAUTH\r\n$4\r\nalex\r\n$3\r\npw!\r\n",
        );
        assert_eq!(
            fields,
            [
                field("command", "AUTH"),
                field("AUTH[1]", "alex"),
                field("AUTH[2]", "pw!")
            ]
        );
        assert_eq!(answer, "+OK\r\n");
        assert_eq!(
            said(&mut redis, b"*2\r\n$3\r\nget\r\n$1\r\nk\r\n").1,
            "$-1\r\n"
        );
        assert!(
            said(&mut redis, b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n")
                .1
                .starts_with("%7\r\n")
        );
        assert_eq!(
            said(&mut redis, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n").1,
            "_\r\n"
        );
        assert_eq!(said(&mut redis, b"ping\r\n").1, "+PONG\r\n");
        for (command, answer) in [
            ("MULTI", "+OK\r\n"),
            ("PING", "+QUEUED\r\n"),
            ("INCR x", "+QUEUED\r\n"),
            ("EXEC", "*2\r\n+PONG\r\n:1\r\n"),
            ("INCR x", ":1\r\n"),
        ] {
            assert_eq!(
                said(&mut redis, format!("{command}\n").as_bytes()).1,
                answer
            );
        }
        let (fields, answer) = said(&mut redis, b"*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\n\xff\r\n");
        assert_eq!(
            (fields[2].1.as_str(), answer.as_str()),
            ("ff", "*2\r\n_\r\n_\r\n")
        );
    }

    #[test]
    fn the_start_of_a_command_is_waited_for_and_nonsense_is_not() {
        let whole = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
        for end in 0..whole.len() {
            assert_eq!(
                Redis::default().hear(&whole[..end], false),
                Heard::More,
                "{end}"
            );
        }
        for bytes in [
            &b"*x"[..],
            b"*1\r\n+",
            b"*1\r\n$1\r\nabc",
            b"\x16\x03",
            b"*9999999999\r\n",
        ] {
            assert_eq!(Redis::default().hear(bytes, false), Heard::Nonsense);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(start in "(\\*[0-9]{1,2}\r\n)?(\\$[0-9]{1,3}\r\n)?", rest in proptest::collection::vec(any::<u8>(), 0..60)) {
            let bytes = [start.as_bytes(), &rest].concat();
            if let Heard::Message(m) = Redis::default().hear(&bytes, false) {
                prop_assert!((1..=bytes.len()).contains(&m.len));
            }
        }

        #[test]
        fn what_is_said_is_told(words in proptest::collection::vec("[ -~]{0,20}", 1..5)) {
            let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
            for word in &words {
                bytes.extend(bulk(word.as_bytes()));
            }
            let (fields, _) = said(&mut Redis::default(), &bytes);
            let told: Vec<String> = fields[1..].iter().map(|(_, value)| value.clone()).collect();
            prop_assert_eq!(&told, &words[1..]);
        }
    }
}
