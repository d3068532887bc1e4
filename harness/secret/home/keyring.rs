//! Password managers and keyrings: places that hold other places' secrets.

use super::furnish::{Furnish, public};
use data_encoding::HEXUPPER;
use serde_json::json;

/// GnuPG names a key's file after the key; here it stays the same for every seed, as all paths do.
const GRIP: &str = "6D1F0B7A93C24E58B0A17F3C5D92E8461CAF70B3";

pub fn fill(home: &mut Furnish) {
    gnupg(home);
    let email = home.persona.email;

    // GNOME's format for a keyring without a password.
    let path = ".local/share/keyrings/login.keyring";
    let mail = home.canary(path, "mail.example", "password");
    let vpn = home.canary(path, "vpn", "password");
    let entry = |nth: u32, name: &str, secret: &str| {
        format!(
            "\n[{nth}]\nitem-type=0\ndisplay-name={name}\nsecret={secret}\nmtime=1761556800\nctime=1761556800\n"
        )
    };
    home.private(
        path,
        format!(
            "[keyring]\ndisplay-name=Login\nctime=1730020800\nmtime=0\nlock-on-idle=false\nlock-after=false\n{}{}",
            entry(1, &format!("{email} on mail.example"), &mail),
            entry(2, "VPN vpn.corp.example", &vpn),
        ),
    );

    let path = ".config/op/config";
    let group = "{base32:5}";
    let shape = format!("A3-{{base32:6}}-{{base32:6}}-{group}-{group}-{group}-{group}");
    let key = home.canary(path, "accountKey", &shape);
    home.json(
        path,
        &json!({
            "latest_signin": "my",
            "accounts": [{
                "shorthand": "my",
                "accountUUID": home.made_up("op account", "{base32:26}"),
                "url": "https://my.1password.com",
                "email": email,
                "accountKey": key,
                "userUUID": home.made_up("op user", "{base32:26}"),
            }],
        }),
    );

    let path = ".config/Bitwarden CLI/data.json";
    let head = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9";
    let access = home.canary(
        path,
        "accessToken",
        &format!("{head}.eyJ{{alnum:180}}.{{alnum:342}}"),
    );
    let refresh = home.canary(path, "refreshToken", "{alnum:64}");
    let user = home.made_up("bitwarden user", "uuid");
    home.json(
        path,
        &json!({
            "global_account_activeAccountId": user,
            (format!("user_{user}_token_accessToken")): access,
            (format!("user_{user}_token_refreshToken")): refresh,
        }),
    );

    let path = ".vault-token";
    let token = home.canary(path, "", "hvs.{alnum:90}");
    home.private(path, token);
}

/// A key that the agent keeps without a passphrase, in its extended format.
fn gnupg(home: &mut Furnish) {
    let path = format!(".gnupg/private-keys-v1.d/{GRIP}.key");
    let secret = home.key(&path);
    let text = HEXUPPER.encode(&secret);
    home.plant(&path, "", text.clone(), 0..text.len());
    let public = HEXUPPER.encode(&public(&secret));
    home.private(
        &path,
        format!(
            "Created: 20250311T091452\nKey: (private-key (ecc (curve Ed25519)(flags eddsa)(q\n  #40{public}#)(d\n  #{text}#)))\n"
        ),
    );
    home.private(".gnupg/gpg-agent.conf", "default-cache-ttl 3600\n");
}
