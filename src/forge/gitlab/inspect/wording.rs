//! What things are called on GitLab, and where they are mended.

use crate::model::wording::Wording;

pub(super) const WORDING: Wording = Wording {
    accounts: "gitlab",
    forge: "GitLab",
    delivered_at: "/hooks/gitlab",
    app: "the app's account",
    webhook: "the webhook",
    see_more: "ask again as somebody who may see it, such as with a maintainer's or owner's token in `--token-file`, or where \
               the whole server is meant an administrator's",
    nowhere: "it is a developer of no project",
    not_here: "it is no member of this project, so that nothing here is decided by it",
    install: "make it a member of the project or of a group above it, as a maintainer",
    unsuspend: "unblock the account",
    grant: "give it `{}` as a member of the project, or of a group above it",
    subscribe: "tick `{}` of the webhook, under Settings › Webhooks",
    lead_hook: "add a webhook to {} under Settings › Webhooks of the project or of a group above it, with the secret token that the \
                app is started with",
    sign_hook: "set the secret token that the app is started with, under Settings › Webhooks",
    verify_hook: "enable SSL verification, under Settings › Webhooks",
    enable_hook: "mend what it was answered, and test it under Settings › Webhooks: a test that goes well enables it. The app does so \
                  by itself where its account maintains the project",
    see_deliveries: "see under Settings › Webhooks › Edit › Recent events what was answered; start the app, or let GitLab reach it",
    protect_branch: "protect `{}` under Settings › Repository › Protected branches, let nobody push and force-push there, and ask for an \
                     approval under Settings › Merge requests; where the plan asks for none, keep the policy with `--policy-repository` \
                     in a project where few may merge",
    pin_check: "let the job that deploys ask by `gate --require-decision`: a status of any name is written by any developer",
    make_environment: "make `{}` under Operate › Environments, and protect it under Settings › CI/CD with an approval rule that names the \
                       app's account and nobody else",
    unknown_environment: "stop and delete it, or name it in the policy and protect it with an approval rule that names the app's account",
    ask_app: "under Settings › CI/CD › Protected environments › {}, add an approval rule that names the app's account and nobody else",
    asks_not: "it is not protected by an approval rule that names the app's account",
    ask_switched_off: "its approval rule that names the app's account asks for no approval",
    own_review: "under Settings › CI/CD › Protected environments, untick `Allow pipeline triggerer to approve deployment`",
    secrets: "variables",
    repository: "the project",
    organisation: "the group",
    group: "group",
};
