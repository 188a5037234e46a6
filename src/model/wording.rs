//! What things are called on a forge, and where they are mended: the words of an inspection that differ from one to the next.

/// The words of one forge. In those that end a finding `{}` stands for the name of what is mended.
#[derive(Debug)]
pub struct Wording {
    /// How its accounts and groups begin in a policy: `github`.
    pub accounts: &'static str,
    /// The forge, as people call it.
    pub forge: &'static str,
    /// The path at which the app takes its deliveries.
    pub delivered_at: &'static str,
    /// What acts in the app's name there.
    pub app: &'static str,
    /// The hook that tells it what happens.
    pub webhook: &'static str,
    /// How to see what could not be read.
    pub see_more: &'static str,
    /// That it is nowhere let in.
    pub nowhere: &'static str,
    /// That it is not let in on a repository.
    pub not_here: &'static str,
    /// How to let it in.
    pub install: &'static str,
    /// How to let it act again.
    pub unsuspend: &'static str,
    /// How to give it a permission.
    pub grant: &'static str,
    /// How to have it told of an event.
    pub subscribe: &'static str,
    /// How to lead the hook to an address.
    pub lead_hook: &'static str,
    /// How to have the hook signed.
    pub sign_hook: &'static str,
    /// How to have the hook look at certificates.
    pub verify_hook: &'static str,
    /// How to switch the hook on.
    pub enable_hook: &'static str,
    /// Where it is seen what the hook was answered.
    pub see_deliveries: &'static str,
    /// How to have a branch's changes reviewed.
    pub protect_branch: &'static str,
    /// How to take the check from the app alone.
    pub pin_check: &'static str,
    /// How to make an environment.
    pub make_environment: &'static str,
    /// What to do with an environment that the policy does not have.
    pub unknown_environment: &'static str,
    /// How to have an environment ask the app.
    pub ask_app: &'static str,
    /// That an environment does not ask the app.
    pub asks_not: &'static str,
    /// That it is switched off.
    pub ask_switched_off: &'static str,
    /// How to keep whoever started a deployment from approving it.
    pub own_review: &'static str,
    /// What the secrets of jobs are called.
    pub secrets: &'static str,
    /// What they belong to first.
    pub repository: &'static str,
    /// What they belong to above it.
    pub organisation: &'static str,
    /// What a group of people is called.
    pub group: &'static str,
}

/// One of the words, with the name of what it is about.
#[must_use]
pub fn about(words: &str, name: &str) -> String {
    words.replace("{}", name)
}
