//! What command line tools keep of their user: registries of packages, databases, hosts of sites.

use super::furnish::Furnish;
use serde_json::json;

pub fn fill(home: &mut Furnish) {
    registries(home);
    databases(home);
    hosts(home);
}

fn registries(home: &mut Furnish) {
    let token = home.canary(".cargo/credentials.toml", "token", "cio{alnum:32}");
    home.private(
        ".cargo/credentials.toml",
        format!("[registry]\ntoken = \"{token}\"\n"),
    );

    let key = home.canary(".gem/credentials", "rubygems_api_key", "rubygems_{hex:48}");
    home.private(
        ".gem/credentials",
        format!("---\n:rubygems_api_key: {key}\n"),
    );

    let token = home.canary(".yarnrc.yml", "npmAuthToken", "npm");
    home.private(
        ".yarnrc.yml",
        format!("npmScopes:\n  corp:\n    npmRegistryServer: \"https://npm.corp.example\"\n    npmAuthToken: \"{token}\"\n"),
    );

    let user = home.persona.user;
    let password = home.canary(".m2/settings.xml", "password", "password");
    home.private(
        ".m2/settings.xml",
        format!(
            "<settings>\n  <servers>\n    <server>\n      <id>corp-releases</id>\n      <username>{user}</username>\n      <password>{password}</password>\n    </server>\n  </servers>\n</settings>\n"
        ),
    );

    let path = ".config/composer/auth.json";
    let token = home.canary(path, "github-oauth", "github");
    home.json(path, &json!({ "github-oauth": { "github.com": token } }));

    let token = home.canary(".cache/huggingface/token", "", "hf_{alnum:34}");
    home.private(".cache/huggingface/token", token);
}

fn databases(home: &mut Furnish) {
    let password = home.canary(".pgpass", "password", "password");
    home.private(
        ".pgpass",
        format!("db.corp.example:5432:reporting:reporting:{password}\n"),
    );

    let password = home.canary(".my.cnf", "password", "password");
    home.private(
        ".my.cnf",
        format!("[client]\nhost=mysql.corp.example\nuser=reporting\npassword={password}\n"),
    );

    let token = home.canary(".python_history", "bearer token", "token");
    home.private(
        ".python_history",
        format!("import requests\nr = requests.get('https://api.corp.example/v2/orders', headers={{'Authorization': 'Bearer {token}'}})\nr.json()['total']\nexit()\n"),
    );
}

fn hosts(home: &mut Furnish) {
    let path = ".terraform.d/credentials.tfrc.json";
    let token = home.canary(path, "token", "{alnum:14}.atlasv1.{alnum:67}");
    home.json(
        path,
        &json!({ "credentials": { "app.terraform.io": { "token": token } } }),
    );

    let path = ".config/rclone/rclone.conf";
    let id = home.canary(path, "access_key_id", "aws-access-key");
    let key = home.canary(path, "secret_access_key", "aws-secret-key");
    home.private(
        path,
        format!("[backup]\ntype = s3\nprovider = AWS\naccess_key_id = {id}\nsecret_access_key = {key}\nregion = eu-central-1\n"),
    );

    let path = ".config/stripe/config.toml";
    let key = home.canary(path, "live_mode_api_key", "rk_live_{alnum:99}");
    home.private(
        path,
        format!(
            "[default]\ndevice_name = '{}'\nlive_mode_api_key = '{key}'\n",
            home.persona.host
        ),
    );

    let path = ".local/share/com.vercel.cli/auth.json";
    let token = home.canary(path, "token", "{alnum:24}");
    home.json(path, &json!({ "token": token }));
}
