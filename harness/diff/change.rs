//! One difference between two behaviours, named by its rule, without a judgement.

use crate::effect::Phase;
use crate::snapshot::Calls;
use std::fmt;

/// Which behaviour a piece of evidence is to be looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Old,
    New,
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub rule: Rule,
    /// A trait of this change that weighs more, or less, than its rule does in general.
    pub weight: Weight,
    pub phase: Phase,
    pub tool: Option<String>,
    /// The package that did it, where that is known.
    pub owner: Option<Owner>,
    /// Further tools that show the same change.
    pub also: Vec<String>,
    /// Operation and place, where the change has one.
    pub operation: Option<String>,
    pub place: Option<String>,
    /// Destination, for the policy.
    pub host: Option<String>,
    /// One line, for people.
    pub title: String,
    pub was: Option<String>,
    pub now: Option<String>,
    pub provenance: String,
    /// Calls of the tool in which it was seen, and how many were made.
    pub calls: Calls,
    pub of: u32,
    /// Sequence number of an effect that shows it, and the run to find it in.
    pub evidence: Option<(Side, u64)>,
}

/// A package of the dependency tree, and its script where that is what acted.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    pub name: String,
    /// Behaviour knows no versions: it is filled in by who knows the packages.
    pub version: Option<String>,
    /// Whether it was brought by another one, rather than being the server's own.
    pub dependency: bool,
    /// `postinstall`, say.
    pub script: Option<String>,
}

/// `` `left-pad` 1.3.0, a dependency, in its postinstall script ``.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "`{}`", self.name)?;
        if let Some(version) = &self.version {
            write!(f, " {version}")?;
        }
        if self.dependency {
            f.write_str(", a dependency")?;
        }
        match &self.script {
            Some(script) => write!(f, ", in its {script} script"),
            None => Ok(()),
        }
    }
}

/// How a change weighs against its rule's ordinary severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// As the rule says.
    Ordinary,
    /// Trivial: a version number that moved.
    Trivial,
    /// More than ordinary, with the reason in the title.
    Grave,
}

macro_rules! rules {
    ($($variant:ident $name:literal $doc:literal;)*) => {
        /// Everything a comparison can find. The name is stable; policies and reports use it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $(#[doc = $doc] $variant,)* }

        impl Rule {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it finds, in a sentence or two.
            pub fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }

            /// The rule's page, in Markdown: what it means, an example, an honest cause, and
            /// the policy that allows it.
            pub fn page(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("pages/", $name, ".md")),)* }
            }
        }
    };
}

rules! {
    HiddenRecipient "hidden-recipient" "A mail or message goes to an address that no argument, setting, secret or upstream reply explains: in an API field, a header, a comma-joined list or the SMTP envelope.";
    RedirectField "redirect-field" "A field that says where answers, bounces or events go (Reply-To, Return-Path, From, a webhook or callback URL) holds something that nothing the server was given explains.";
    NewDestination "new-destination" "The server contacts a host that the old version never contacted.";
    ChangedDestination "changed-destination" "What used to go to one host now goes to another: the same operation, with the same arguments or secrets.";
    SecretLeak "secret-leak" "A credential of the server's own reaches a host or a place it did not reach before.";
    CanaryLeak "canary-leak" "Something planted in the home folder, which the server was never given, leaves the process.";
    ArgumentLeak "argument-leak" "An argument reaches a host or a place it did not reach before.";
    CredentialsSwapped "credentials-swapped" "A place that held a secret of the user now holds something else.";
    AlteredValue "altered-value" "A place that held an argument or a setting as it was given now holds a constant, or the value with something added.";
    VanishedEffect "vanished-effect" "Something that was done is no longer done while success is still reported.";
    NewRequest "new-request" "A new kind of request to a host that was contacted before.";
    NewField "new-field" "A request carries a field or header that it did not carry before.";
    VanishedField "vanished-field" "A request no longer carries a field or header.";
    ChangedValue "changed-value" "A field holds another constant, or its value is made up differently.";
    RepeatedEffect "repeated-effect" "Something is done more often within one call.";
    NewProgram "new-program" "The server starts a program that it did not start before.";
    NewFile "new-file" "The server creates, changes or deletes a file that it left alone before.";
    SensitiveRead "sensitive-read" "The server reads what is none of its business: a private key, a credential, a browser's profile, another program's configuration, the variables of a process.";
    ProbesSandbox "probes-sandbox" "The server looks at what tells it whether it is watched: how its process is confined, what was loaded into it, what process 1 is.";
    NewRead "new-read" "The server reads a file that it did not read before.";
    ForbiddenCall "forbidden-call" "The server makes a system call that reaches into another process, the kernel or the machine: ptrace, a mount, a namespace, a kernel module. The sandbox refuses it.";
    SignalsOtherProcess "signals-other-process" "The server sends a signal to a process that it did not start: to whoever started it, to another one of the user's, to all of them.";
    LeavesProcessBehind "leaves-process-behind" "A program goes on after the call it was started in, or a process after the server has ended.";
    RefusedTls "refused-tls" "The server refuses a TLS connection that is not to its liking: a pinned certificate or an authority of its own. What it would have sent cannot be seen.";
    NewAttempt "new-attempt" "A new attempt to reach a local service: a unix socket or a loopback port.";
    ToolAdded "tool-added" "A tool that the old version did not have.";
    ToolRemoved "tool-removed" "A tool that the new version no longer has.";
    DescriptionChanged "description-changed" "The text that a model reads about the server, a tool, a parameter, a prompt or a resource is another.";
    InstructingText "instructing-text" "A text that a model reads gained words that give orders: to ignore, to hide, to read files, to send data.";
    InvisibleUnicode "invisible-unicode" "A text gained characters that a person does not see.";
    SchemaChanged "schema-changed" "The input or output schema of a tool is another.";
    AsksForContext "asks-for-context" "A new parameter or tool asks for the conversation, files, credentials or the system prompt.";
    AnnotationsChanged "annotations-changed" "The hints a tool gives about itself (read-only, destructive, idempotent, open-world) are others.";
    AnnotationContradicted "annotation-contradicted" "A tool that says it is read-only does something that is not.";
    SurfaceChanged "surface-changed" "Prompts, resources, capabilities or other declarations differ.";
    ServerRequest "server-request" "The server asks its client for something (sampling, elicitation, roots) that it did not ask for before.";
    ResultChanged "result-changed" "A tool's result is made up differently.";
    SecretInResult "secret-in-result" "A tool's result carries a secret or canary that it did not carry before.";
    OutcomeChanged "outcome-changed" "Calls that were answered now fail, or the other way round.";
    ExitChanged "exit-changed" "The server, a program that it starts, or a script of its installation ends differently.";
    InstallScriptAdded "install-script-added" "Installing the new version executes a script that installing the old one did not: its own, or one of a dependency.";
    InstallScriptChanged "install-script-changed" "A script that is executed when the package is installed has another text.";
    DependenciesChanged "dependencies-changed" "Packages were added to the dependency tree, removed from it, or are there in another version.";
    UsesMoreCpu "uses-more-cpu" "The server takes far more processor time than before: to start, in its calls, while nothing is asked of it, or to end.";
    UsesMoreMemory "uses-more-memory" "The server has far more memory than before.";
    UsesMoreDisk "uses-more-disk" "The server keeps far more on disk than before, in files that have a name or in such that have none any more.";
    MoreThreads "more-threads" "The server has far more threads, in all of its processes, than before.";
    LeaksMemory "leaks-memory" "Calls of a tool leave memory in use that they did not leave before.";
    LeaksDescriptors "leaks-descriptors" "Calls of a tool leave files, sockets or pipes open that they did not leave before.";
    ProtocolViolation "protocol-violation" "The server writes bytes that the protocol does not allow.";
}

impl Change {
    /// The tool whose earlier call gave what is carried here, where that is another than the one
    /// that was being called: it armed what happens now.
    pub fn armed_by(&self) -> Option<&str> {
        let (_, rest) = self.provenance.split_once("earlier(")?;
        let (tool, _) = rest.split_once(' ')?;
        (self.tool.as_deref() != Some(tool)).then_some(tool)
    }
}

impl Rule {
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.name() == name)
    }

    /// Names of all rules, for error messages.
    pub fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|rule| rule.name()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_page_names_its_rule_and_has_every_part() {
        for rule in Rule::ALL {
            let page = rule.page();
            let name = rule.name();
            assert!(page.starts_with(&format!("# {name}\n\n")), "{name}");
            for part in ["Example", "An honest cause", "Allowing it"] {
                assert!(
                    page.contains(&format!("\n\n## {part}\n\n")),
                    "{name}: {part}"
                );
            }
            let allows = format!("allow = [{{ rule = \"{name}\"");
            assert!(page.contains(&allows), "{name}");
        }
    }

    #[test]
    fn every_page_has_a_rule() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("harness/diff/pages");
        for page in fs::read_dir(folder).unwrap() {
            let name = page.unwrap().file_name().into_string().unwrap();
            let rule = name.strip_suffix(".md").and_then(Rule::named);
            assert!(rule.is_some(), "{name}");
        }
    }
}
