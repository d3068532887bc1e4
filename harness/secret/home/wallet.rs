//! Keys of wallets.

use super::furnish::{Furnish, public};
use serde_json::json;

/// The same for every seed, because it is part of a path.
const ADDRESS: &str = "8e1f60c27ab94d35f2c0917d4be6a3825d07f9c1";

pub fn fill(home: &mut Furnish) {
    let path = format!(".ethereum/keystore/UTC--2024-03-11T09-14-52.208113000Z--{ADDRESS}");
    let ciphertext = home.canary(&path, "ciphertext", "{hex:64}");
    // Web3 Secret Storage, version 3, written without spaces as geth does.
    let keystore = json!({
        "address": ADDRESS,
        "crypto": {
            "cipher": "aes-128-ctr",
            "ciphertext": ciphertext,
            "cipherparams": { "iv": home.made_up("ethereum iv", "{hex:32}") },
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32, "n": 262_144, "p": 1, "r": 8,
                "salt": home.made_up("ethereum salt", "{hex:64}"),
            },
            "mac": home.made_up("ethereum mac", "{hex:64}"),
        },
        "id": home.made_up("ethereum id", "uuid"),
        "version": 3,
    });
    home.private(&path, keystore.to_string());

    // A Solana key pair: the 64 bytes of secret and public key as a list of numbers.
    let path = ".config/solana/id.json";
    let secret = home.key(path);
    let pair = json!([secret.as_slice(), &public(&secret)].concat()).to_string();
    home.plant(path, "", pair.clone(), 0..pair.len());
    home.private(path, pair);

    let path = ".electrum/wallets/default_wallet";
    let key = home.canary(path, "xprv", "xprv9s21ZrQH143K{alnum:96}");
    home.json(
        path,
        &json!({
            "keystore": { "type": "bip32", "xprv": key, "pw_hash_version": 1 },
            "seed_version": 59,
            "use_encryption": false,
            "wallet_type": "standard",
        }),
    );
}
