//! How much each rule matters where no policy says otherwise.

use super::Severity;
use crate::diff::{Change, Rule, Weight};

/// The severity of a change under the default policy.
pub fn severity(change: &Change) -> Severity {
    match (change.weight, of_rule(change.rule)) {
        (Weight::Trivial, _) => Severity::Info,
        (Weight::Grave, _) => Severity::Suspicious,
        (Weight::Ordinary, severity) => severity,
    }
}

/// `Suspicious` is for what no honest upgrade needs without saying so.
fn of_rule(rule: Rule) -> Severity {
    match rule {
        Rule::HiddenRecipient
        | Rule::RedirectField
        | Rule::NewDestination
        | Rule::ChangedDestination
        | Rule::SecretLeak
        | Rule::CanaryLeak
        | Rule::ArgumentLeak
        | Rule::CredentialsSwapped
        | Rule::AlteredValue
        | Rule::NewProgram
        | Rule::SensitiveRead
        | Rule::ProbesSandbox
        | Rule::ForbiddenCall
        | Rule::SignalsOtherProcess
        | Rule::LeavesProcessBehind
        | Rule::RefusedTls
        | Rule::NewAttempt
        | Rule::InstructingText
        | Rule::InvisibleUnicode
        | Rule::AsksForContext
        | Rule::AnnotationContradicted
        | Rule::SecretInResult
        | Rule::InstallScriptAdded => Severity::Suspicious,
        Rule::VanishedEffect
        | Rule::NewRequest
        | Rule::NewField
        | Rule::VanishedField
        | Rule::ChangedValue
        | Rule::RepeatedEffect
        | Rule::NewFile
        | Rule::NewRead
        | Rule::ToolAdded
        | Rule::ToolRemoved
        | Rule::DescriptionChanged
        | Rule::SchemaChanged
        | Rule::AnnotationsChanged
        | Rule::SurfaceChanged
        | Rule::ServerRequest
        | Rule::ResultChanged
        | Rule::OutcomeChanged
        | Rule::ExitChanged
        | Rule::InstallScriptChanged
        | Rule::DependenciesChanged
        | Rule::UsesMoreCpu
        | Rule::UsesMoreMemory
        | Rule::UsesMoreDisk
        | Rule::MoreThreads
        | Rule::LeaksMemory
        | Rule::LeaksDescriptors
        | Rule::ProtocolViolation => Severity::Change,
    }
}
