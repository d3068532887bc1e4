//! Credentials of clouds, clusters and registries of images.

use super::furnish::Furnish;
use super::shell;
use data_encoding::BASE64;
use serde_json::json;

pub fn fill(home: &mut Furnish) {
    aws(home);
    gcloud(home);
    azure(home);
    kube(home);
    docker(home);
}

fn aws(home: &mut Furnish) {
    let path = ".aws/credentials";
    let mut text = String::new();
    for profile in ["default", "production"] {
        let field = |name: &str| match profile {
            "default" => name.to_owned(),
            profile => format!("{profile} {name}"),
        };
        let id = home.canary(path, &field("aws_access_key_id"), "aws-access-key");
        let key = home.canary(path, &field("aws_secret_access_key"), "aws-secret-key");
        text +=
            &format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {key}\n\n");
    }
    home.private(path, text.trim_end().to_owned() + "\n");
    home.private(
        ".aws/config",
        "[default]\nregion = eu-central-1\noutput = json\n\n[profile production]\nregion = eu-west-1\n",
    );
}

fn gcloud(home: &mut Furnish) {
    let path = ".config/gcloud/application_default_credentials.json";
    let client = home.made_up("gcloud client", "{digits:12}-{alnum:32}");
    let secret = home.canary(path, "client_secret", "GOCSPX-{alnum:28}");
    let refresh = home.canary(path, "refresh_token", "1//09{alnum:98}");
    home.json(
        path,
        &json!({
            "account": "",
            "client_id": format!("{}.apps.googleusercontent.com", client.to_lowercase()),
            "client_secret": secret,
            "quota_project_id": "corp-reporting",
            "refresh_token": refresh,
            "type": "authorized_user",
            "universe_domain": "googleapis.com",
        }),
    );
    home.file(".config/gcloud/active_config", "default");
    let account = home.persona.email;
    home.file(
        ".config/gcloud/configurations/config_default",
        format!("[core]\naccount = {account}\nproject = corp-reporting\n"),
    );
}

fn azure(home: &mut Furnish) {
    let path = ".azure/msal_token_cache.json";
    let refresh = home.canary(path, "refresh_token", "0.A{alnum:240}");
    let account = home.made_up("azure account", "{uuid}.{uuid}");
    home.json(
        path,
        &json!({ "RefreshToken": { (format!("{account}-login.microsoftonline.com-refreshtoken")): {
            "credential_type": "RefreshToken",
            "home_account_id": account,
            "environment": "login.microsoftonline.com",
            "secret": refresh,
        }}}),
    );
    let email = home.persona.email;
    home.json(
        ".azure/azureProfile.json",
        &json!({ "subscriptions": [{
            "id": home.made_up("azure subscription", "uuid"),
            "name": "Reporting",
            "state": "Enabled",
            "user": { "name": email, "type": "user" },
            "isDefault": true,
        }]}),
    );
}

fn kube(home: &mut Furnish) {
    let path = ".kube/config";
    // A service account's token is a JWT: three parts of base64url, the first ones JSON.
    let head = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9";
    let token = home.canary(
        path,
        "token",
        &format!("{head}.eyJ{{alnum:180}}.{{alnum:342}}"),
    );
    let user = home.persona.user;
    home.private(
        path,
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: production\nclusters:\n\
             - name: production\n  cluster:\n    server: https://k8s.corp.example:6443\n\
             contexts:\n- name: production\n  context:\n    cluster: production\n    namespace: reporting\n    user: {user}\n\
             users:\n- name: {user}\n  user:\n    token: {token}\npreferences: {{}}\n"
        ),
    );
}

fn docker(home: &mut Furnish) {
    let path = ".docker/config.json";
    // The field is planted as it stands here; what it decodes to, where the shell's history has it.
    let token = home.made_up(
        &format!("{} {}", shell::HISTORY, shell::DOCKER_TOKEN.0),
        shell::DOCKER_TOKEN.1,
    );
    let auth = BASE64.encode(format!("{}:{token}", home.persona.user).as_bytes());
    let known = (auth_prefix_len(home.persona.user) * 8).div_ceil(6);
    home.plant(path, "auth", auth.clone(), known..auth.len());
    let identity = home.canary(path, "identitytoken", "{alnum:64}");
    home.json(
        path,
        &json!({
            "auths": {
                "https://index.docker.io/v1/": { "auth": auth },
                "registry.corp.example": { "auth": "", "identitytoken": identity },
            },
            "currentContext": "default",
        }),
    );
}

/// Bytes of `user:token` before the token's made-up part.
fn auth_prefix_len(user: &str) -> usize {
    let fixed = shell::DOCKER_TOKEN.1.find('{').unwrap_or(0);
    user.len() + 1 + fixed
}

#[cfg(test)]
mod tests {
    use crate::secret::{Persona, Seed, home};
    use data_encoding::BASE64;

    #[test]
    fn what_docker_keeps_is_planted_coded_and_in_the_clear() {
        let planted = home(&Persona::DEFAULT, Seed(7)).planted;
        let value = |name: &str| &planted.iter().find(|p| p.name == name).unwrap().value;
        let token = value("~/.bash_history docker token");
        let auth = BASE64.encode(format!("alex:{token}").as_bytes());
        assert_eq!(value("~/.docker/config.json auth"), &auth);
    }
}
