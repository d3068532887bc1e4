//! What services near a machine hand out to whoever asks from inside: the metadata services of
//! clouds, a container's engine. All of it is canaries: nobody gave it to the server.

use super::{Kind, Planted, Seed, Shape};

/// Credentials that are to be had by asking.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Amazon's, for the role of the machine.
    pub machine: Keys,
    /// Amazon's, for the role of a container's task.
    pub task: Keys,
    /// In the script that a machine was set up with.
    pub setup_token: String,
    /// Google's access token of the default service account.
    pub google: String,
    /// Azure's access token of the managed identity, a JWT.
    pub azure: String,
    /// A database's password, in the environment of a container.
    pub container: String,
    /// All of them, by name.
    pub planted: Vec<Planted>,
}

/// Temporary credentials of Amazon's.
#[derive(Clone, Debug)]
pub struct Keys {
    pub id: String,
    pub secret: String,
    pub token: String,
}

/// What is handed out in the world of this seed.
pub fn issued(seed: Seed) -> Issued {
    let mut planted = Vec::new();
    let mut make = |at: &str, field: &str, shape: &str| {
        let name = format!("{at} {field}");
        let shape: Shape = shape.parse().expect("shapes in this module parse");
        let value = shape.make(&mut seed.stream(&format!("issued {name}")));
        planted.push(Planted {
            unknown: shape.unknown(value.len()),
            name,
            value: value.clone(),
            kind: Kind::Canary,
        });
        value
    };
    let mut keys = |at: &str| Keys {
        id: make(at, "AccessKeyId", "ASIA{base32:16}"),
        secret: make(at, "SecretAccessKey", "{alnum:40}"),
        token: make(at, "Token", "IQoJb3JpZ2luX2VjE{alnum:340}"),
    };
    let (machine, task) = (keys("169.254.169.254"), keys("169.254.170.2"));
    // Of a JWT the head is the same for everybody.
    let jwt = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJ{alnum:160}.{alnum:342}";
    Issued {
        machine,
        task,
        setup_token: make("169.254.169.254", "user-data", "ghp_{alnum:36}"),
        google: make(
            "metadata.google.internal",
            "access_token",
            "ya29.c.c0{alnum:180}",
        ),
        azure: make("169.254.169.254", "access_token", jwt),
        container: make("/var/run/docker.sock", "POSTGRES_PASSWORD", "{alnum:20}"),
        planted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_world_hands_out_its_own() {
        let (a, b) = (issued(Seed(1)), issued(Seed(2)));
        assert_eq!(a.planted, issued(Seed(1)).planted);
        for (a, b) in a.planted.iter().zip(&b.planted) {
            assert_eq!(a.name, b.name);
            assert_ne!(a.value, b.value);
            assert!(a.unknown.len() >= 16, "{}", a.name);
        }
        assert!(a.planted.iter().any(|p| p.value == a.container));
    }
}
