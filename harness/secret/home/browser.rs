//! Profiles of browsers. The databases are real SQLite files with the columns that readers of
//! passwords and cookies ask for. The values stand in the clear, as without a keyring.

use super::furnish::Furnish;
use super::sqlite::{self, Cell, Table};
use serde_json::json;

pub fn fill(home: &mut Furnish) {
    chrome(home);
    firefox(home);
}

/// Microseconds since 1601, as Chrome counts.
const CHROME_TIME: i64 = 13_406_030_400_000_000;
/// Microseconds since 1970, as Firefox counts.
const FIREFOX_TIME: i64 = 1_761_556_800_000_000;
/// Firefox makes the name up; here it stays the same for every seed, as all paths do: they
/// stand in effects and in the names of canaries.
const PROFILE: &str = "k3v9x2qd.default-release";

fn chrome(home: &mut Furnish) {
    let email = home.persona.email;
    let path = ".config/google-chrome/Default/Login Data";
    let rows = ["https://bank.example/", "https://shop.example/login"].map(|origin| {
        let password = home.canary(path, origin, "password");
        vec![
            Cell::Text(origin.into()),
            Cell::Text(email.into()),
            Cell::Blob(password.into_bytes()),
            Cell::Text(origin.into()),
            Cell::Integer(CHROME_TIME),
            Cell::Integer(0),
            Cell::Integer(12),
            Cell::Null,
        ]
    });
    let logins = Table {
        name: "logins",
        sql: "CREATE TABLE logins (origin_url VARCHAR NOT NULL, username_value VARCHAR, password_value BLOB, signon_realm VARCHAR NOT NULL, date_created INTEGER NOT NULL, blacklisted_by_user INTEGER NOT NULL, times_used INTEGER NOT NULL, id INTEGER PRIMARY KEY)",
        rows: rows.into(),
    };
    home.private(path, sqlite::database(&[logins]));

    let path = ".config/google-chrome/Default/Cookies";
    let rows = [(".github.com", "user_session"), (".bank.example", "sid")].map(|(host, name)| {
        let value = home.canary(path, &format!("{host} {name}"), "{alnum:48}");
        vec![
            Cell::Integer(CHROME_TIME),
            Cell::Text(host.into()),
            Cell::Text(name.into()),
            Cell::Text(value),
            Cell::Blob(Vec::new()),
            Cell::Text("/".into()),
            Cell::Integer(CHROME_TIME + 31_536_000_000_000),
            Cell::Integer(1),
            Cell::Integer(1),
        ]
    });
    let cookies = Table {
        name: "cookies",
        sql: "CREATE TABLE cookies (creation_utc INTEGER NOT NULL, host_key TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, encrypted_value BLOB NOT NULL, path TEXT NOT NULL, expires_utc INTEGER NOT NULL, is_secure INTEGER NOT NULL, is_httponly INTEGER NOT NULL)",
        rows: rows.into(),
    };
    home.private(path, sqlite::database(&[cookies]));

    let name = home.persona.full_name;
    home.json(
        ".config/google-chrome/Local State",
        &json!({ "profile": {
            "info_cache": { "Default": { "name": name, "user_name": email } },
            "last_used": "Default",
        }}),
    );
}

fn firefox(home: &mut Furnish) {
    let folder = format!(".mozilla/firefox/{PROFILE}");
    home.file(
        ".mozilla/firefox/profiles.ini",
        format!(
            "[Profile0]\nName=default-release\nIsRelative=1\nPath={PROFILE}\nDefault=1\n\n[General]\nStartWithLastProfile=1\nVersion=2\n"
        ),
    );
    home.private(
        &format!("{folder}/prefs.js"),
        "// Mozilla User Preferences\n\nuser_pref(\"browser.startup.homepage\", \"about:home\");\nuser_pref(\"signon.rememberSignons\", true);\n",
    );

    let path = format!("{folder}/cookies.sqlite");
    let value = home.canary(&path, "mail.example session", "{alnum:48}");
    let cookies = Table {
        name: "moz_cookies",
        sql: "CREATE TABLE moz_cookies (id INTEGER PRIMARY KEY, originAttributes TEXT NOT NULL DEFAULT '', name TEXT, value TEXT, host TEXT, path TEXT, expiry INTEGER, lastAccessed INTEGER, creationTime INTEGER, isSecure INTEGER, isHttpOnly INTEGER)",
        rows: vec![vec![
            Cell::Null,
            Cell::Text(String::new()),
            Cell::Text("session".into()),
            Cell::Text(value),
            Cell::Text("mail.example".into()),
            Cell::Text("/".into()),
            Cell::Integer(1_893_456_000),
            Cell::Integer(FIREFOX_TIME),
            Cell::Integer(FIREFOX_TIME),
            Cell::Integer(1),
            Cell::Integer(1),
        ]],
    };
    home.private(&path, sqlite::database(&[cookies]));

    let path = format!("{folder}/logins.json");
    // Beginning of the DER that Firefox writes: key id, algorithm, initialisation vector.
    let der = "MDIEEPgAAAAAAAAAAAAAAAAAAAEwFAYIKoZIhvcNAwcECA";
    let password = home.canary(&path, "encryptedPassword", &format!("{der}{{alnum:30}}"));
    let username = home.made_up("firefox user", &format!("{der}{{alnum:30}}"));
    home.json(
        &path,
        &json!({
            "nextId": 2,
            "logins": [{
                "id": 1,
                "hostname": "https://mail.example",
                "httpRealm": null,
                "formSubmitURL": "https://mail.example",
                "usernameField": "user",
                "passwordField": "password",
                "encryptedUsername": username,
                "encryptedPassword": password,
                "guid": format!("{{{}}}", home.made_up("firefox guid", "uuid")),
                "encType": 1,
                "timeCreated": FIREFOX_TIME / 1000,
                "timesUsed": 9,
            }],
            "version": 3,
        }),
    );
}
