//! The part of the reference that is about everything beyond gates: the facts that expressions speak of, how layers
//! join, and the compliance packs.

use std::fmt::Write as _;

use super::manual::cell;
use crate::policy::packs;
use crate::policy::risk;
use crate::policy::vocabulary::{ARMS, COMPONENT, FUNCTIONS, INCIDENT, OUTCOME, RELEASE, WEIGHT, Word};

const FACTS: &str = "
## Facts

Expressions beyond gates speak of facts: `when`, `until`, `unless`, `on`, `stop_if` and the weights of `risk`. What is
not known makes an expression unknown where it matters; a rule that adds a requirement then applies, and one that relaxes
does not. `component.*` and `team.*` are asked of each component of a release: what adds applies where any component says
so, what relaxes only where all do. A text that a fact never is, such as `release.impact == 'High'` or a component that no
layer defines, is a mistake at its place, and so is percent where a share is meant: `team.failure_rate_90d > 0.15`. So are
conditions that never hold together, in gates too: `release.lines > 9 && release.lines < 5`.
";

const LAYERS: &str = "
## Layers

Organisation, group, repository, outermost first. An inner layer adds, and the stricter word wins:

| where several layers speak | what holds |
| --- | --- |
| `approval` of an environment | formal before a condition before automatic; of two conditions, both |
| `branches`, `tags`, `deployed_by`, `counts_from`, `proceeds_in`, `may_skip`, `models`, `grant_by` | what all of them name |
| `soak`, `rejection.holds`, `cutoff`, `rigor.incidents_within` | the longer |
| `rejection.reason`, `expire`, `within`, `max` of waivers and stand-ins, `expires`, `retry_within` | the shorter; business time is compared by the average week |
| approvals of a role, `people`, `quorum`, `block_at`, `rigor.max` | the larger number |
| `releases`, `suspend_after`, the bands of `impact` | the smaller number |
| `when` of a class or a standard change, `unless` | where all say so |
| `cab`, `pir`, `board` | where any says so |
| `exclude`, `needs`, steps of rigor, rows of `raci`, closed hours, freezes, peaks, holidays | all of them together |
| `per: release`, `distinct_people`, `identity: linked`, `same: artifact`, `blocks: everything` | wherever one says so |
| gates | each layer's, side by side |
| `limits` | the innermost's: what is beyond a limit holds, and who has more to read says so |
| roles, people, components, packages, weights, experiments, the zone, business hours, `from`, `system`, `severity`, `confirmed_by` | the outermost's; saying something else is a mistake |

What an outer layer leaves out has its default there where that is the strictest, as in `separation`. Once a layer states
`routes`, no inner layer adds a route, a class, a standard change, stand-ins by delegation, retries or break-glass, for each
is another way to go on. `delegate` hands down a section or a name in it; the inner layer's own then replaces the outer's.
";

const PACKS: &str = "
## Compliance packs

Checklists by control id, in our own words: a start for people who know the regulation, and no legal advice. `packs: [sox]`
makes each a gate on the components whose `regulations` name it, in every environment that is not simply automatic;
`sox@1` pins the version. The first role of its list that the policy has verifies it. A gate of the same name in the policy
is judged beside it: add items, or say who verifies.
";

pub(super) fn write(out: &mut String) {
    out.push_str(FACTS);
    words(out, "of a component", COMPONENT);
    words(out, "of a release, with one of its components", RELEASE);
    words(out, "of one open incident, in `classes.emergency` and `incidents.unless`", INCIDENT);
    words(out, "of a deployment that ended, in `reviews`", OUTCOME);
    words(out, "of the two paths of an experiment, in `stop_if`", ARMS);
    words(out, "in the weight of its own factor", WEIGHT);
    let _ = writeln!(out, "\n| condition with arguments | meaning |\n| --- | --- |");
    for (name, meaning) in FUNCTIONS {
        let _ = writeln!(out, "| `{name}` | {} |", cell(meaning));
    }
    let weights: Vec<String> = risk::names().into_iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(out, "\nThe weights of `risk`: {}.", weights.join(", "));
    out.push_str(LAYERS);
    out.push_str(PACKS);
    for pack in packs::names().into_iter().filter_map(packs::pack) {
        let _ = writeln!(out, "\n### `{}`, version {}: {}; kept {}", pack.name, pack.version, pack.title, pack.keep);
        for list in pack.checklists {
            let roles: Vec<String> = list.verified_by.iter().map(|role| format!("`{role}`")).collect();
            let _ = writeln!(out, "\n`{}`, verified by the first there is of {}:\n", list.gate, roles.join(", "));
            for item in list.items {
                let _ = writeln!(out, "- {}", item.text());
            }
        }
    }
}

fn words(out: &mut String, of: &str, words: &[Word]) {
    let _ = writeln!(out, "\n| fact {of} | type | meaning |\n| --- | --- | --- |");
    for word in words {
        let _ = writeln!(out, "| `{}` | {} | {} |", word.name, word.kind.title(), cell(word.meaning));
    }
}
