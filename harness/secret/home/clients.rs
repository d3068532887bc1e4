//! Configurations of MCP clients: other servers of the same person, with their keys.

use super::furnish::Furnish;
use serde_json::json;

pub fn fill(home: &mut Furnish) {
    let documents = format!("{}/Documents", home.persona.home);

    let path = ".config/Claude/claude_desktop_config.json";
    let github = home.canary(path, "GITHUB_PERSONAL_ACCESS_TOKEN", "github");
    let slack = home.canary(path, "SLACK_BOT_TOKEN", "slack");
    let team = home.made_up("slack team", "T{base32:10}");
    home.json(
        path,
        &json!({ "mcpServers": {
            "filesystem": {
                "command": "npx",
                "args": ["-y", "@modelcontextprotocol/server-filesystem", documents],
            },
            "github": {
                "command": "npx",
                "args": ["-y", "@modelcontextprotocol/server-github"],
                "env": { "GITHUB_PERSONAL_ACCESS_TOKEN": github },
            },
            "slack": {
                "command": "npx",
                "args": ["-y", "@modelcontextprotocol/server-slack"],
                "env": { "SLACK_BOT_TOKEN": slack, "SLACK_TEAM_ID": team },
            },
        }}),
    );

    let path = ".claude.json";
    let notion = home.canary(path, "NOTION_TOKEN", "notion");
    let user = home.made_up("claude user", "{hex:64}");
    home.json(
        path,
        &json!({
            "numStartups": 214,
            "installMethod": "npm",
            "userID": user,
            "mcpServers": { "notion": {
                "type": "stdio",
                "command": "npx",
                "args": ["-y", "@notionhq/notion-mcp-server"],
                "env": { "NOTION_TOKEN": notion },
            }},
            "hasCompletedOnboarding": true,
        }),
    );
    let path = ".claude/.credentials.json";
    let access = home.canary(path, "accessToken", "sk-ant-oat01-{alnum:93}AA");
    let refresh = home.canary(path, "refreshToken", "sk-ant-ort01-{alnum:93}AA");
    home.json(
        path,
        &json!({ "claudeAiOauth": {
            "accessToken": access,
            "refreshToken": refresh,
            "expiresAt": 1_893_456_000_000_u64,
            "scopes": ["user:inference", "user:profile"],
            "subscriptionType": "pro",
        }}),
    );

    let path = ".cursor/mcp.json";
    let resend = home.canary(path, "RESEND_API_KEY", "resend");
    home.json(
        path,
        &json!({ "mcpServers": { "resend": {
            "command": "npx",
            "args": ["-y", "resend-mcp"],
            "env": { "RESEND_API_KEY": resend },
        }}}),
    );

    let path = ".config/Code/User/mcp.json";
    let sendgrid = home.canary(path, "SENDGRID_API_KEY", "sendgrid");
    home.json(
        path,
        &json!({ "servers": { "mail": {
            "type": "stdio",
            "command": "npx",
            "args": ["-y", "sendgrid-mcp"],
            "env": { "SENDGRID_API_KEY": sendgrid },
        }}}),
    );

    let path = ".codeium/windsurf/mcp_config.json";
    let brave = home.canary(path, "BRAVE_API_KEY", "BSA{alnum:28}");
    home.json(
        path,
        &json!({ "mcpServers": { "brave-search": {
            "command": "npx",
            "args": ["-y", "@modelcontextprotocol/server-brave-search"],
            "env": { "BRAVE_API_KEY": brave },
        }}}),
    );

    agents(home);
}

/// What coding agents keep to be let in.
fn agents(home: &mut Furnish) {
    let path = ".codex/auth.json";
    let access = home.canary(path, "access_token", "{alnum:64}");
    let refresh = home.canary(path, "refresh_token", "rt_{alnum:48}");
    home.json(
        path,
        &json!({
            "OPENAI_API_KEY": null,
            "tokens": {
                "access_token": access,
                "refresh_token": refresh,
                "account_id": home.made_up("codex account", "uuid"),
            },
            "last_refresh": "2025-10-27T09:20:00Z",
        }),
    );

    let path = ".gemini/oauth_creds.json";
    let access = home.canary(path, "access_token", "ya29.{alnum:160}");
    let refresh = home.canary(path, "refresh_token", "1//03{alnum:98}");
    home.json(
        path,
        &json!({
            "access_token": access,
            "refresh_token": refresh,
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "token_type": "Bearer",
            "expiry_date": 1_893_456_000_000_u64,
        }),
    );

    let path = ".config/github-copilot/apps.json";
    let token = home.canary(path, "oauth_token", "ghu_{alnum:36}");
    let user = home.persona.user;
    home.json(
        path,
        &json!({ "github.com:Iv1.b507a08c87ecfe98": {
            "user": user,
            "oauth_token": token,
            "githubAppId": "Iv1.b507a08c87ecfe98",
        }}),
    );
}
